"""Graphs that no message passing can tell apart, and how often cross-validation puts them on both sides.

Colour refinement (Weisfeiler and Leman) starts from node labels, where a set has them, and joins to each node's colour
those of its neighbours until nothing more is told apart. Graphs with the same colours are twins: isomorphic ones always
are, and every encoder that sums over neighbours gives them the same z. A twin in the training folds tells an SVM the
class of a test graph, or the wrong one.

Reads graph stores with their fold files, in pairs. Writes a CSV, a line for each set: graphs; kinds (no two of
which are twins); graphs with a twin; graphs with a twin of another class; percent of test graphs with a twin among the
training graphs, over the folds.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from kanrepro.core.errors import UserError, cli
from kanrepro.core.files import atomic
from kanrepro.core.parser import stage_parser
from kanrepro.report.longform import to_csv
from kanrepro.store.store import GraphStore
from kanrepro.tu.splits import read_folds

COLUMNS = ("dataset", "graphs", "kinds", "twins", "twins_of_other_class", "test_with_twin_percent")


def kinds(store: GraphStore) -> NDArray[np.int64]:
    """(G,) a number for each graph; twins have the same one. Node fields that are whole numbers count as labels."""
    sources, targets = _edges(store)
    labels = store.x.numpy() if store.x.shape[1] and not store.x.is_floating_point() else None
    colour = (
        np.zeros(store.x.shape[0], np.int64) if labels is None else np.unique(labels, axis=0, return_inverse=True)[1]
    )
    draw = np.random.default_rng(0)
    while True:
        # a sum of random numbers stands for the neighbours' colours: two of 2^64 sums are equal by chance hardly ever
        word = draw.integers(0, 2**63, colour.max() + 1, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
        seen = np.zeros(len(colour), np.uint64)
        np.add.at(seen, targets, word[colour[sources]])
        pairs = np.stack([colour.astype(np.uint64), seen], axis=1)
        finer = np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1)
        if finer.max() == colour.max():
            break
        colour = finer
    word = draw.integers(0, 2**63, colour.max() + 1, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    total = np.zeros(len(store), np.uint64)
    sizes = store.node_ptr.diff().numpy()
    np.add.at(total, np.repeat(np.arange(len(store)), sizes), word[colour])
    return np.unique(np.stack([total, sizes.astype(np.uint64)], axis=1), axis=0, return_inverse=True)[1].reshape(-1)


def _edges(store: GraphStore) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sources and targets of all edges, nodes numbered through the whole set."""
    shift = store.node_ptr[:-1].repeat_interleave(store.edge_ptr.diff())
    sources, targets = store.edge_index.to(torch.int64) + shift
    return sources.numpy(), targets.numpy()


def line(store: GraphStore, folds: Sequence[Sequence[int] | NDArray[np.int64]]) -> dict[str, str]:
    """A set's line of the table. `folds`: the test graphs of each fold."""
    kind, y = kinds(store), store.y[:, 0].numpy()
    size = np.bincount(kind)[kind]
    alike = np.unique(np.stack([kind, y], axis=1), axis=0, return_inverse=True)[1].reshape(-1)
    of_class = np.bincount(alike)[alike]
    hit = sum(int(np.isin(kind[list(test)], np.delete(kind, list(test))).sum()) for test in folds)
    values = (
        str(store.meta.get("name", "")), str(len(store)), str(kind.max() + 1), str(int((size > 1).sum())),
        str(int((size > of_class).sum())), f"{100 * hit / sum(map(len, folds)):.4f}",
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.studies.twins."""
    parser = stage_parser(__doc__)
    parser.file("--stores", "graph stores", nargs="+")
    parser.file("--folds", "a fold file of each, in the same order", nargs="+")
    parser.file("--output", "CSV to write")
    arguments = parser.parse_args(argv)
    if len(arguments.stores) != len(arguments.folds):
        raise UserError(f"{len(arguments.stores)} stores but {len(arguments.folds)} fold files; give one for each.")
    lines = []
    for path, folds in zip(arguments.stores, arguments.folds, strict=True):
        store = GraphStore.load(path)
        lines.append(line(store, read_folds(folds, len(store))))
    with atomic(arguments.output) as temporary:
        temporary.write_text(to_csv(COLUMNS, lines), encoding="utf-8", newline="\n")
    print(arguments.output)


if __name__ == "__main__":
    cli(main)
