"""Stage: what a set of molecules holds, and how it is split.

Reads a store of molecules and its split files; writes JSON: where the set comes from, what was left out and why, the
counts of Table 4, the labels of each task, and what each split puts where.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kanrepro.core.errors import UserError, cli
from kanrepro.core.files import read_json, sha256, write_json
from kanrepro.core.parser import stage_parser
from kanrepro.molecules.splits import PARTS, read_split
from kanrepro.store.store import GraphStore

FACTS = (
    "printed", "task", "licence", "source", "demo", "files", "source_sha256", "rdkit", "rows", "excluded", "listed",
    "fragments", "duplicates",
)  # fmt: skip
LISTED = 50  # molecules left out that the document names


def describe(store: GraphStore) -> dict[str, Any]:
    """Counts and means of a set.

    Returns (N atoms, E directed edges, G molecules):
        molecules, atoms, bonds: totals.
        mean_nodes, mean_directed_edges: per molecule; Table 4 prints the second as "degree".
        mean_degree: E / N, bonds of an atom.
        largest: atoms of the largest molecule.
        without_bonds: molecules without any bond.
        chiral_atoms, directed_bonds: shares with a chirality, with a direction.
        labels: {positives, negatives, missing: over all tasks}, and under `tasks` the same for each; None without any.
        tasks_of_one_class: those for which the whole set lacks positives or negatives.
        graphs, candidates: for Table 4, as in `kanrepro.tu.describe`.
    """
    assert store.edge_attr is not None
    molecules, atoms, edges = len(store), store.x.shape[0], store.edge_index.shape[1]
    y = store.y.numpy()
    degrees = store.edge_ptr.diff().double() / store.node_ptr.diff()
    tasks = {name: _labels(y[:, column]) for column, name in enumerate(store.meta.get("tasks") or [])}
    return {
        "molecules": molecules,
        "atoms": atoms,
        "bonds": edges // 2,
        "mean_nodes": atoms / molecules,
        "mean_directed_edges": edges / molecules,
        "mean_degree": edges / atoms,
        "largest": int(store.node_ptr.diff().max()),
        "without_bonds": int((store.edge_ptr.diff() == 0).sum()),
        "chiral_atoms": int((store.x[:, 1] > 0).sum()) / atoms,
        "directed_bonds": int((store.edge_attr[:, 1] > 0).sum()) / max(edges, 1),
        "labels": {**_labels(y), "tasks": tasks} if tasks else None,
        "graphs": molecules,
        "candidates": {
            "undirected_edges_per_graph": edges / 2 / molecules,
            "directed_edges_per_graph": edges / molecules,
            "undirected_edges_per_node": edges / 2 / atoms,
            "directed_edges_per_node": edges / atoms,
            "mean_of_graphs_directed_edges_per_node": float(degrees.mean()),
        },
        "tasks_of_one_class": [name for name, labels in tasks.items() if not labels["positives"] * labels["negatives"]],
    }


def describe_split(store: GraphStore, path: Path, store_sha256: str) -> dict[str, Any]:
    """{split, seed, file, sha256, and for each part {molecules, scaffolds, positives, negatives, missing, one_class}}.

    Raises:
        UserError: not a split file, or of another set.
    """
    made = read_split(path, len(store))
    if made.set_sha256 != store_sha256:
        raise UserError(f"{path} was drawn for another store than this one. Make it again.")
    content, y = read_json(path), store.y.numpy()
    parts = {
        part: {
            "molecules": len(getattr(made, part)),
            "scaffolds": made.scaffolds[part],
            **_labels(y[getattr(made, part)]),
            "one_class": made.one_class[part],
        }
        for part in PARTS
    }
    return {"split": content["split"], "seed": content["seed"], "file": str(path), "sha256": sha256(path), **parts}


def _labels(y: NDArray[np.int8]) -> dict[str, int]:
    return {"positives": int((y > 0).sum()), "negatives": int((y < 0).sum()), "missing": int((y == 0).sum())}


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.molecules.describe."""
    parser = stage_parser(__doc__)
    parser.file("--store", "prepared set: resources/molecules/DATASET.safetensors")
    parser.add_argument("--splits", type=Path, nargs="*", default=[], help="split files of it")
    parser.file("--output", "JSON to write: results/PRESET/records/data-molecules/DATASET.json")
    options = parser.parse_args(argv)
    store, digest = GraphStore.load(options.store), sha256(options.store)
    facts = {name: store.meta.get(name) for name in FACTS}
    facts["listed"] = (facts["listed"] or [])[:LISTED]
    content = {
        "schema": 1,
        "dataset": store.meta.get("name"),
        **facts,
        "demo": bool(facts["demo"]),
        **describe(store),
        "splits": [describe_split(store, path, digest) for path in options.splits],
        "store": str(options.store),
        "store_sha256": digest,
    }
    write_json(options.output, content)


if __name__ == "__main__":
    cli(main)
