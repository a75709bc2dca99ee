"""Stage: the shards of a molecule set become one GraphStore, which shows the counts that the catalogue states.

Reads the reports of all parts and the shards beside them; writes one safetensors file, memory-mapped when it is read:
x (N, 2) and edge_attr (E, 2) uint8 as in `kanrepro.molecules.graph`; edge_index (2, E) uint8, or int16 where a molecule
has more than 255 atoms; y (G, T) int8, 1 and -1, 0 where a label is missing; node_ptr and edge_ptr (G+1) int64. `meta`
tells tasks, files, exclusions by reason, fragments, duplicates, and the SMILES of sets with labels, whose splits need
them. Where a count differs from the catalogue the stage stops with both numbers and writes nothing.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256 as hashed
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import torch
from tqdm import tqdm

from kanrepro.core.errors import UserError, cli
from kanrepro.core.files import read_json, read_tensors, sha256
from kanrepro.core.parser import stage_parser
from kanrepro.molecules import catalog as molecule_catalog
from kanrepro.molecules.catalog import SLACK, MoleculeEntry
from kanrepro.molecules.shards import key_of, shard_path
from kanrepro.store.store import GraphStore, pointers

log = logging.getLogger(__name__)

LISTED = 1000  # molecules left out that the store names


@dataclass(frozen=True)
class Shard:
    """One shard, opened: tensors as `kanrepro.molecules.shards` writes them, memory-mapped, and its document."""

    tensors: dict[str, torch.Tensor]
    document: dict[str, Any]

    def store(self) -> GraphStore:
        """Its graphs as a store, every edge checked."""
        held = self.tensors
        return GraphStore(
            x=held["x"],
            edge_index=held["edge_index"],
            edge_attr=held["edge_attr"],
            y=held["y"],
            node_ptr=pointers(held["nodes"].long()),
            edge_ptr=pointers(held["edges"].long()),
        )


def join(entry: MoleculeEntry, reports: Sequence[Path], output: Path) -> GraphStore:
    """Put the shards of all parts into one store, verify and save it.

    Args:
        entry: what the catalogue says.
        reports: those of all parts; their shards lie beside them.
        output: the file to write.

    Raises:
        UserError: parts or shards are missing, do not belong together or to this catalogue, a count differs from the
            catalogue, nothing is left, or the output cannot be written.
    """
    plan = _plan(entry, reports)
    paths = [shard_path(reports[0].parent, number) for number in range(plan["shards"])]
    shards = [_open(path, plan["key"]) for path in paths]
    keep, duplicates = _distinct(shards, drop=entry.duplicates == "drop")
    meta = _meta(entry, plan, shards, keep, duplicates)
    verify(entry, meta)
    made = _joined(shards, keep, meta)
    for left_out in meta["listed"][:10]:
        log.warning("left out: %s", _in_words(left_out))
    reasons = ", ".join(f"{count} {reason}" for reason, count in meta["excluded"].items()) or "none"
    if empty := [task for task, column in zip(meta["tasks"], made.y.T, strict=True) if not column.any()]:
        log.warning("%s: %d tasks have no label at all: %s", entry.name, len(empty), ", ".join(empty[:10]))
    made.save(output)
    log.info("%s: %d molecules of %d rows (left out: %s) -> %s", entry.name, len(made), meta["rows"], reasons, output)
    return made


def _plan(entry: MoleculeEntry, reports: Sequence[Path]) -> dict[str, Any]:
    """The report of the parts, which must be whole and agree."""
    told = [read_json(path) for path in reports]
    try:
        plan = told[0]
        parts = sorted(report["part"] for report in told)
        agree = all(report["key"] == plan["key"] for report in told)
        key = key_of(entry, plan["files"], plan["size"])
    except (KeyError, TypeError, IndexError):
        raise UserError(
            f"{', '.join(map(str, reports))}: no report of shards. Make them with: "
            "python -m kanrepro.molecules.shards --help"
        ) from None
    if parts != list(range(1, plan["parts"] + 1)) or not agree:
        raise UserError(
            f"{reports[0].parent}: parts {', '.join(map(str, parts))} of {plan['parts']} are named, "
            f"{'of the same files' if agree else 'of different files or rules'}. Name each part once, and make those "
            "that are missing or old: python -m kanrepro.molecules.shards --help"
        )
    if key != plan["key"]:
        raise UserError(
            f"{reports[0]} was made by other rules than those of {entry.name} in the catalogue now, or by another "
            "RDKit. Run again: python -m kanrepro.molecules.shards"
        )
    return plan


def _open(path: Path, key: str) -> Shard:
    try:
        sha256(path)
        tensors, document = read_tensors(path)
    except (UserError, OSError, ValueError, RuntimeError, safetensors.SafetensorError) as error:
        raise UserError(
            f"{path} is missing or damaged ({error}). Run again: python -m kanrepro.molecules.shards"
        ) from None
    if document.get("key") != key:
        raise UserError(f"{path} is of other files or rules. Run again: python -m kanrepro.molecules.shards")
    return Shard(tensors, document)


def _distinct(shards: Sequence[Shard], drop: bool) -> tuple[list[np.ndarray[Any, Any]], int]:
    """For each shard (G,) bool which graphs stay, and how many SMILES stand there again."""
    sizes = [len(shard.tensors["digest"]) for shard in shards]
    digest = np.concatenate([shard.tensors["digest"].numpy() for shard in shards])
    first = np.zeros(len(digest), bool)
    first[np.unique(digest, return_index=True)[1]] = True
    keep = first if drop else np.ones(len(digest), bool)
    return np.split(keep, np.cumsum(sizes)[:-1]), int((~first).sum())


def _meta(
    entry: MoleculeEntry, plan: dict[str, Any], shards: Sequence[Shard], keep: Sequence[Any], duplicates: int
) -> dict[str, Any]:
    documents = [shard.document for shard in shards]
    excluded = sum((Counter(document["excluded"]) for document in documents), Counter[str]())
    if entry.duplicates == "drop" and duplicates:
        excluded["duplicate"] = duplicates
    told = {name: sum(document[name] for document in documents) for name in ("rows", "positives", "negatives")}
    digests = list(plan["files"].values())
    smiles = [
        text for shard, kept in zip(documents, keep, strict=True) if shard["smiles"]
        for text, stays in zip(shard["smiles"], kept, strict=True) if stays
    ]  # fmt: skip
    return {
        **{key: getattr(entry, key) for key in ("name", "printed", "task", "licence", "source", "canonical", "demo")},
        **told,
        "tasks": plan["tasks"],
        "files": plan["files"],
        "source_sha256": digests[0] if len(digests) == 1 else hashed("".join(digests).encode()).hexdigest(),
        "rdkit": plan["rdkit"],
        "molecules": int(sum(kept.sum() for kept in keep)),
        "excluded": dict(excluded.most_common()),
        "listed": [row for document in documents for row in document["listed"]][:LISTED],
        "fragments": {"rows": sum(document["fragments"] for document in documents), "rule": entry.fragments},
        "duplicates": {"found": duplicates, "rule": entry.duplicates},
        "smiles": smiles,
        "edges_checked": True,
    }


def _joined(shards: Sequence[Shard], keep: Sequence[np.ndarray[Any, Any]], meta: dict[str, Any]) -> GraphStore:
    """All graphs that stay, copied shard by shard into tensors of the final size."""
    nodes = [shard.tensors["nodes"][torch.from_numpy(kept)] for shard, kept in zip(shards, keep, strict=True)]
    edges = [shard.tensors["edges"][torch.from_numpy(kept)] for shard, kept in zip(shards, keep, strict=True)]
    node_ptr, edge_ptr = pointers(torch.cat(nodes).long()), pointers(torch.cat(edges).long())
    total_nodes, total_edges = int(node_ptr[-1]), int(edge_ptr[-1])
    small = max(int(count.max()) for count in nodes if len(count)) <= 255
    x = torch.empty(total_nodes, 2, dtype=torch.uint8)
    edge_index = torch.empty(2, total_edges, dtype=torch.uint8 if small else torch.int16)
    edge_attr = torch.empty(total_edges, 2, dtype=torch.uint8)
    labels, n, e = [], 0, 0
    for shard, kept in tqdm(list(zip(shards, keep, strict=True)), desc=meta["name"], unit="shards", disable=None):
        graphs = shard.store().batch(torch.from_numpy(np.flatnonzero(kept)))
        size, bonds = graphs.num_nodes, graphs.num_edges
        local = graphs.edge_index - graphs.node_ptr[graphs.edge_graph()]
        assert graphs.edge_attr is not None and graphs.y is not None
        x[n : n + size], edge_index[:, e : e + bonds], edge_attr[e : e + bonds] = graphs.x, local, graphs.edge_attr
        labels.append(graphs.y)
        n, e = n + size, e + bonds
    return GraphStore(x, edge_index, edge_attr, torch.cat(labels), node_ptr, edge_ptr, meta)


def verify(entry: MoleculeEntry, meta: dict[str, Any]) -> None:
    """Compare what was found with the catalogue.

    Raises:
        UserError: no molecule is left, or with the expected and the found number of everything that differs.
    """
    left_out = "; ".join(f"{count} {reason}" for reason, count in meta["excluded"].items())
    first = f"; first {_in_words(meta['listed'][0])}" if meta["listed"] else ""
    if not meta["molecules"]:
        raise UserError(f"{entry.name}: none of {meta['rows']} rows holds a molecule ({left_out}{first}).")
    wrong = []
    for name, stated in entry.expected.model_dump(exclude_none=True).items():
        found = meta[name]
        if abs(found - stated) > (SLACK * stated if name == "molecules" else 0):
            wrong.append(f"{name}: expected {stated}, found {found}")
    if wrong:
        raise UserError(
            f"{', '.join(meta['files'])}: not the {entry.name} of the catalogue ({'; '.join(wrong)}). Left out: "
            f"{left_out or 'nothing'}{first}. Nothing was written. Fetch it again, or correct `expected` where this is "
            "your own set."
        )


def _in_words(left_out: dict[str, Any]) -> str:
    """Where a molecule stood, and why it was left out."""
    smiles = left_out["smiles"] if len(left_out["smiles"]) <= 80 else f"{left_out['smiles'][:77]}..."
    say = f": {left_out['say']}" if left_out["say"] else ""
    return f"{left_out['file']}, line {left_out['line']}, {smiles!r} ({left_out['reason']}{say})"


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.molecules.join."""
    parser = stage_parser(__doc__)
    parser.add_argument("--dataset", required=True, help="name in the catalogue of molecules, for instance bbbp")
    parser.file("--parts", "the reports of all parts of its shards", nargs="+")
    parser.file("--output", "store to write: resources/molecules/DATASET.safetensors")
    parser.catalogs("of molecules")
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    join(molecule_catalog.entry(options.dataset, options.catalog), options.parts, options.output)


if __name__ == "__main__":
    cli(main)
