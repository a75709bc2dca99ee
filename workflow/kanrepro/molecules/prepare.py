"""Stage: the files of a molecule set become one GraphStore, by way of shards.

Reads SMILES and labels; writes one safetensors file, documented in `kanrepro.molecules.join`. The shards lie in a
folder beside the output, so that the same command goes on where it stopped, and are deleted in the end. Large sets can
be prepared by several jobs: `kanrepro.molecules.shards`, then `kanrepro.molecules.join`.
"""

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

from kanrepro.core.errors import cli
from kanrepro.core.parser import stage_parser
from kanrepro.molecules import catalog as molecule_catalog
from kanrepro.molecules.catalog import MoleculeEntry
from kanrepro.molecules.shards import SIZE, add_options, make_shards
from kanrepro.store.store import GraphStore


def prepare(
    entry: MoleculeEntry, sources: Sequence[Path], output: Path, processes: int = 1, size: int = SIZE
) -> GraphStore:
    """Read, encode, verify and save one set; arguments and errors as in `make_shards` and `join`."""
    from kanrepro.molecules.join import join

    folder = output.with_suffix(".shards")
    report = make_shards(entry, sources, folder, processes=processes, size=size)
    made = join(entry, [report], output)
    shutil.rmtree(folder)
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.molecules.prepare."""
    parser = stage_parser(__doc__)
    add_options(parser)
    parser.file("--output", "store to write: resources/molecules/DATASET.safetensors")
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    entry = molecule_catalog.entry(options.dataset, options.catalog)
    prepare(entry, options.source, options.output, options.processes, options.shard_rows)


if __name__ == "__main__":
    cli(main)
