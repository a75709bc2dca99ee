"""Stage: fold indices of a graph set, written once and read by every evaluation.

Reads a GraphStore; writes JSON: dataset, seed, folds, store_sha256 and `test`, one ascending list of graph indices for
each fold. A fold trains on all graphs that are not in its list. The inner folds of the SVM's grid search are not
written: they follow from the training graphs (protocol, Part 3 B).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kanrepro.core.errors import UserError, cli
from kanrepro.core.files import read_json, sha256, write_json
from kanrepro.core.parser import stage_parser


def stratified_folds(y: NDArray[np.int64], folds: int, seed: int) -> list[list[int]]:
    """Test indices of each fold, as scikit-learn's StratifiedKFold(folds, shuffle=True, random_state=seed) draws them.

    Args:
        y: (G,) class ids.
        folds: number of folds, at least 2.
        seed: at least 0.

    Raises:
        UserError: one class only, or a class with fewer graphs than folds.
    """
    from sklearn.model_selection import StratifiedKFold

    if folds < 2:
        raise UserError(f"--folds is {folds}, but at least 2 are needed.")
    if not 0 <= seed < 2**32:
        raise UserError(f"--seed is {seed}, but must lie between 0 and 2^32 - 1.")
    sizes = np.unique(y, return_counts=True)[1]
    if len(sizes) < 2:
        raise UserError("the set has one class only, so nothing can be classified. Choose a set with two or more.")
    if sizes.min() < folds:
        raise UserError(f"the smallest class has {sizes.min()} graphs, fewer than {folds} folds. Ask for fewer folds.")
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return [test.tolist() for _, test in splitter.split(np.zeros(len(y)), y)]


def read_folds(path: Path | str, graphs: int) -> list[NDArray[np.int64]]:
    """The test indices of each fold, checked: every one of the `graphs` graphs in exactly one fold.

    Raises:
        UserError: the file is missing, not a fold file, or of another set.
    """
    content = read_json(path)
    try:
        test = [np.asarray(fold, dtype=np.int64) for fold in content["test"]]
        whole = np.sort(np.concatenate(test))
    except (KeyError, TypeError, ValueError, OverflowError):
        raise UserError(f"{path} is not a fold file. Make it with: python -m kanrepro.tu.splits --help") from None
    if not np.array_equal(whole, np.arange(graphs)):
        raise UserError(
            f"{path} does not put each of {graphs} graphs into one fold: it belongs to another set. Make it again."
        )
    return test


def split(store: Path, folds: int, seed: int, output: Path) -> None:
    """Draw the folds of a store and write them."""
    from kanrepro.store.store import GraphStore

    graphs = GraphStore.load(store)
    name = graphs.meta.get("name", store.stem)
    try:
        test = stratified_folds(graphs.y[:, 0].numpy(), folds, seed)
    except UserError as error:
        raise UserError(f"{name}: {error}") from None
    write_json(output, {"dataset": name, "seed": seed, "folds": folds, "store_sha256": sha256(store), "test": test})


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.tu.splits."""
    parser = stage_parser(__doc__)
    parser.file("--store", "prepared set, for instance resources/tu/MUTAG.safetensors")
    parser.add_argument(
        "--seed", type=int, required=True, help="seed of the draw; each run of the protocol has its own"
    )
    parser.add_argument("--folds", type=int, default=10, help="number of folds (default: 10, the protocol's)")
    parser.file("--output", "JSON to write, for instance resources/tu/MUTAG.folds-0.json")
    options = parser.parse_args(argv)
    split(options.store, options.folds, options.seed, options.output)


if __name__ == "__main__":
    cli(main)
