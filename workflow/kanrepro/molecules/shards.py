"""Stage: SMILES become graphs, shard by shard, so that the work resumes and can be shared among jobs.

Reads the files of a molecule set; writes a folder of shards, and a report of them. A shard holds the graphs of so many
consecutive rows; one that is there already, made of the same files by the same rules, is left alone. Part I of N makes
the shards I, I+N, I+2N, ...: parts may run at the same time, on several machines. `kanrepro.molecules.join` makes
one store of all shards.
"""

import argparse
import json
import logging
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256 as hashed
from itertools import islice
from pathlib import Path

import numpy as np
import rdkit
import safetensors
from tqdm import tqdm

from kanrepro.core.errors import UserError, cli
from kanrepro.core.files import read_tensors, sha256, write_json, write_tensors
from kanrepro.core.parser import Parser, stage_parser
from kanrepro.core.workers import Apply, workers
from kanrepro.molecules import catalog as molecule_catalog
from kanrepro.molecules.catalog import MoleculeEntry
from kanrepro.molecules.graph import ENCODING, Encoded, Task, encode_rows, joined
from kanrepro.molecules.rows import Row, read

log = logging.getLogger(__name__)

SIZE = 50_000  # rows of a shard
CHUNK = 500  # rows that a process encodes at a time
LISTED = 100  # molecules left out that a shard names


def make_shards(
    entry: MoleculeEntry,
    sources: Sequence[Path],
    folder: Path,
    part: tuple[int, int] = (1, 1),
    processes: int = 1,
    size: int = SIZE,
) -> Path:
    """Make the shards of one part, and its report `part-I-of-N.json`.

    Args:
        entry: what the catalogue says.
        sources: the set's files, in the order of the catalogue.
        folder: where shards and report go.
        part: (I, N), I from 1 to N.
        processes: how many work at the same time.
        size: rows of a shard.

    Returns:
        The path of the report.

    Raises:
        UserError: as in `kanrepro.molecules.rows.read`, the set has no rows, or one of the processes died.
    """
    tasks, rows, digests = read(entry, sources)
    key = key_of(entry, digests, size)
    total = number = made = 0
    with workers(processes) as apply, tqdm(desc=entry.name, unit="rows", unit_scale=True, disable=None) as bar:
        while block := list(islice(rows, size)):
            path = shard_path(folder, number)
            if number % part[1] == part[0] - 1 and shard_key(path) != key:
                _write(path, key, _encoded(entry, block, total, apply), block, total)
                made += 1
            total += len(block)
            number += 1
            bar.update(len(block))
    if not total:
        raise UserError(f"{', '.join(map(str, sources)) or entry.name}: no rows. Correct the file.")
    report = folder / f"part-{part[0]}-of-{part[1]}.json"
    facts = {"dataset": entry.name, "key": key, "part": part[0], "parts": part[1], "shards": number, "rows": total}
    write_json(report, {**facts, "size": size, "tasks": tasks, "files": digests, "rdkit": rdkit.__version__})
    log.info("%s: %d rows, %d shards, %d of them made now -> %s", entry.name, total, number, made, report)
    return report


def key_of(entry: MoleculeEntry, digests: dict[str, str], size: int) -> str:
    """What a shard depends on, as one digest: content of the files, columns and rules, RDKit, encoding."""
    rules = entry.model_dump(mode="json", include={"name", "tasks", "canonical", "fragments", "rdkit"})
    columns = [(file.format, file.smiles, file.member) for file in entry.files]
    told = [ENCODING, rdkit.__version__, size, list(digests.values()), rules, columns]
    return hashed(json.dumps(told, sort_keys=True).encode()).hexdigest()


def shard_path(folder: Path, number: int) -> Path:
    """Where shard `number` (from 0) is."""
    return folder / f"{number:05d}.safetensors"


def shard_key(path: Path) -> str | None:
    """The key of a shard, None where there is no whole one."""
    try:
        sha256(path)
        return read_tensors(path)[1]["key"]
    except (UserError, OSError, KeyError, ValueError, RuntimeError, safetensors.SafetensorError):
        return None


def _encoded(entry: MoleculeEntry, block: Sequence[Row], first: int, apply: Apply) -> Encoded:
    """The rows of a block as graphs, encoded chunk by chunk."""
    rows = [(first + at, row.smiles) for at, row in enumerate(block)]
    keep = bool(entry.tasks)  # splits are made of scaffolds, and these of SMILES
    tasks = [Task(rows[at : at + CHUNK], entry.fragments, entry.canonical, keep) for at in range(0, len(rows), CHUNK)]
    return joined(list(apply(encode_rows, tasks)))


def _write(path: Path, key: str, graphs: Encoded, block: Sequence[Row], first: int) -> None:
    """One shard: tensors of `Encoded`, `y` (G, T) int8, and as document key, counts, SMILES and what was left out."""
    import torch

    labels = np.stack([row.labels for row in block])
    tensors = {
        name: torch.from_numpy(getattr(graphs, name))
        for name in ("x", "edge_index", "edge_attr", "nodes", "edges", "digest")
    }
    excluded = [
        {"file": block[row - first].file, "line": block[row - first].line, "smiles": smiles, "reason": why, "say": say}
        for row, smiles, why, say in graphs.excluded
    ]
    document = {
        "key": key,
        "rows": len(block),
        "positives": int((labels > 0).sum()),
        "negatives": int((labels < 0).sum()),
        "fragments": graphs.fragments,
        "excluded": dict(Counter(left_out["reason"] for left_out in excluded)),
        "listed": excluded[:LISTED],
        "smiles": graphs.smiles,
    }
    y = torch.from_numpy(labels[graphs.rows - first])
    write_tensors(path, {**tensors, "y": y}, document)


def add_options(parser: Parser) -> None:
    """The options that say what to prepare, and how."""
    parser.add_argument("--dataset", required=True, help="name in the catalogue of molecules, for instance bbbp")
    parser.add_argument(
        "--source", type=Path, nargs="*", default=[], help="its files, in the catalogue's order; not for the demo sets"
    )
    parser.add_argument("--processes", type=_count, default=1, help="how many work at the same time (default: 1)")
    parser.add_argument("--shard-rows", type=_count, default=SIZE, help=f"rows of a shard (default: {SIZE})")
    parser.catalogs("of molecules")


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.molecules.shards."""
    parser = stage_parser(__doc__)
    add_options(parser)
    parser.add_argument("--part", type=_part, default=(1, 1), metavar="I/N", help="which part of them (default: 1/1)")
    parser.file("--output", "folder of shards: resources/molecules/shards/DATASET")
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    entry = molecule_catalog.entry(options.dataset, options.catalog)
    make_shards(entry, options.source, options.output, options.part, options.processes, options.shard_rows)


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 1")
    return int(text)


def _part(text: str) -> tuple[int, int]:
    part, _, parts = text.partition("/")
    if not (part.isdigit() and parts.isdigit() and 1 <= int(part) <= int(parts)):
        raise argparse.ArgumentTypeError(f"{text} is not of the form I/N, 1 to N")
    return int(part), int(parts)


if __name__ == "__main__":
    cli(main)
