"""Stage: which images are labelled, which watch the training, which test.

Reads the stores of both parts; writes JSON with numbers of graphs: `valid`, the first images of the training part (as
in the published split), `labelled`, drawn from the others so that each class keeps its share, and `test`, of the test
part: all of it, or as many as are asked for, drawn once for all seeds. Pre-training sees no label and no test image.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kanrepro.core.errors import UserError, cli
from kanrepro.core.files import read_json, sha256, write_json
from kanrepro.core.parser import stage_parser


def stratified(y: NDArray[np.int64], share: float, rng: np.random.Generator) -> list[int]:
    """Numbers of about share * len(y) graphs, sorted, each class with its share and with one at least.

    What rounding down leaves goes to the classes that lost most by it.

    Raises:
        UserError: that would be less than two graphs.
    """
    classes, counts = np.unique(y, return_counts=True)
    exact = share * counts
    kept = np.maximum(np.floor(exact).astype(int), 1)
    for at in np.argsort(kept - exact, kind="stable")[: max(0, round(share * len(y)) - int(kept.sum()))]:
        kept[at] += 1
    if kept.sum() < 2:
        raise UserError(f"a share of {share} of {len(y)} images leaves one to train on. Ask for more.")
    chosen = [rng.choice(np.flatnonzero(y == c), k, replace=False) for c, k in zip(classes, kept, strict=True)]
    return sorted(np.concatenate(chosen).tolist())


@dataclass(frozen=True)
class DigitSplit:
    """A split as it is read: numbers of graphs in the training store (`labelled`, `valid`) and in the `test` store."""

    labelled: list[int]
    valid: list[int]
    test: list[int]
    seed: int


def split(train: Path, test: Path, share: float, valid: int, test_images: int | None, seed: int, output: Path) -> None:
    """Draw a split and write it.

    Raises:
        UserError: the stores are no two parts of one set, or too few images are left.
    """
    from kanrepro.store.store import GraphStore

    stores = [GraphStore.load(path) for path in (train, test)]
    parts = [(store.meta.get("name"), store.meta.get("part")) for store in stores]
    if parts[0][0] != parts[1][0] or [part for _, part in parts] != ["train", "test"]:
        raise UserError(f"{train} and {test} are not the training and the test part of one set. Name those.")
    y = stores[0].y[:, 0].numpy()
    if valid >= len(y):
        raise UserError(f"{valid} validation images, but {train} has {len(y)}. Ask for fewer.")
    labelled = stratified(y[valid:], share, np.random.default_rng(seed))
    total = len(stores[1])
    tested = np.random.default_rng(0).choice(total, min(test_images or total, total), replace=False)
    write_json(
        output,
        {
            "dataset": parts[0][0],
            "seed": seed,
            "share": share,
            "train_sha256": sha256(train),
            "test_sha256": sha256(test),
            "labelled": [number + valid for number in labelled],
            "valid": list(range(valid)),
            "test": sorted(tested.tolist()),
        },
    )


def read_split(path: Path, train: Path, test: Path) -> DigitSplit:
    """Read a split.

    Raises:
        UserError: it is missing, damaged, or was made for other stores.
    """
    content = read_json(path)
    try:
        digests = (content["train_sha256"], content["test_sha256"])
        labelled, valid, tested = (list(map(int, content[key])) for key in ("labelled", "valid", "test"))
        made = DigitSplit(labelled, valid, tested, int(content["seed"]))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is not a split of digits ({error!r}). Delete it and make it again.") from None
    if digests != (sha256(train), sha256(test)):
        raise UserError(f"{path} was made for other versions of {train} and {test}. Make it again.")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.superpixels.splits."""
    parser = stage_parser(__doc__)
    parser.file("--train", "store of the training part")
    parser.file("--test", "store of the test part")
    parser.add_argument("--share", type=float, default=0.01, help="of the training images that are labelled (0.01)")
    parser.add_argument("--valid", type=int, default=5000, help="validation images (5000)")
    parser.add_argument("--test-images", type=int, help="test images (default: all)")
    parser.add_argument("--seed", type=int, required=True, help="of the labelled images")
    parser.file("--output", "JSON to write")
    options = parser.parse_args(argv)
    if not 0 < options.share <= 1 or options.valid < 1 or (options.test_images or 1) < 1:
        raise UserError("--share must lie in (0, 1], --valid and --test-images be positive.")
    split(options.train, options.test, options.share, options.valid, options.test_images, options.seed, options.output)


if __name__ == "__main__":
    cli(main)
