"""Stage: an archive becomes a GraphStore, and shows the counts that the catalogue states.

Reads the archive of a TU set (or RDKit's own files for the demo sets); writes one safetensors file, documented in
kanrepro.store.store. Where a count differs it stops with both numbers and writes nothing.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

from kanrepro.core.errors import UserError, cli
from kanrepro.core.parser import stage_parser
from kanrepro.store.store import GraphStore
from kanrepro.tu import catalog, rdkit_sets
from kanrepro.tu import read as tu
from kanrepro.tu.catalog import Entry

log = logging.getLogger(__name__)


def prepare(entry: Entry, archive: Path | None, output: Path) -> GraphStore:
    """Read, verify and save one set.

    Raises:
        UserError: the archive is damaged or not as it should be (see kanrepro.tu.read), a count differs from the
            catalogue, or the output cannot be written.
    """
    if entry.format == "rdkit":
        store = rdkit_sets.read(entry.name)
    elif archive is None:
        raise UserError(f"--archive is needed for {entry.name}. Fetch it with: python -m kanrepro.tu.fetch --help")
    else:
        store = tu.read(archive, entry.name, entry.max_unzipped_mb)
    verify(store, entry, archive)
    if len(store.meta["classes"]) == 1:
        log.warning("%s has one class only: it can be pre-trained on, but not evaluated.", entry.name)
    store.save(output)
    log.info("%s: %d graphs, %d nodes, %d directed edges -> %s", entry.name, len(store), *_totals(store), output)
    return store


def counts(store: GraphStore) -> dict[str, float]:
    """What `kanrepro.tu.catalog.Expected` states, counted in a store."""
    nodes, edges = _totals(store)
    return {
        "graphs": len(store),
        "classes": len(store.meta["classes"]),
        "mean_nodes": nodes / len(store),
        "node_labels": len(store.meta["node_labels"] or []),
        "directed_edges": edges,
    }


def verify(store: GraphStore, entry: Entry, archive: Path | None = None) -> None:
    """Compare a store with the catalogue.

    Raises:
        UserError: with the expected and the found number of everything that differs.
    """
    found = counts(store)
    wrong = []
    for name, expected in entry.expected.model_dump(exclude_none=True).items():
        tolerance = 0.005 + 1e-9 if name == "mean_nodes" else 0  # stated to two decimals
        if abs(found[name] - expected) > tolerance:
            wrong.append(f"{name}: expected {expected}, found {round(found[name], 4)}")
    if wrong:
        source = archive or "The installed RDKit"
        raise UserError(
            f"{source} does not hold the {entry.name} of the catalogue ({'; '.join(wrong)}). Nothing was written. "
            "Fetch it again, or correct `expected` where this is your own set."
        )


def _totals(store: GraphStore) -> tuple[int, int]:
    return store.x.shape[0], store.edge_index.shape[1]


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.tu.prepare."""
    parser = stage_parser(__doc__)
    parser.add_argument("--dataset", required=True, help="name in the catalogue, for instance MUTAG or NCI-TPSA")
    parser.add_argument("--archive", type=Path, help="its zip archive (kanrepro.tu.fetch); not for the demo sets")
    parser.file("--output", "store to write, for instance resources/tu/MUTAG.safetensors")
    parser.catalogs()
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    prepare(catalog.entry(options.dataset, options.catalog), options.archive, options.output)


if __name__ == "__main__":
    cli(main)
