"""Stage: bring a file of a molecule set here, and verify its checksum.

Reads a mirror folder if there is one (--mirror, KANREPRO_MIRROR), else the address in the catalogue; writes the file,
whole or not at all. A download that was interrupted goes on where it stopped. What a user puts below the mirror folder
as molecules/NAME (the file name in the address) may have any checksum: the counts of the prepared set decide.
"""

import logging
import zipfile
from collections.abc import Sequence
from pathlib import Path

from kanrepro.core.download import PATIENCE, Kind, Patience
from kanrepro.core.errors import UserError, cli
from kanrepro.core.fetch_options import add_fetch_options, patience_of
from kanrepro.core.parser import stage_parser
from kanrepro.core.sources import bring, in_mirror
from kanrepro.molecules import catalog as molecule_catalog
from kanrepro.molecules.catalog import MoleculeEntry

TEXT = Kind("file of SMILES", (), lambda path: True)
ZIP = Kind("zip archive", (b"PK",), zipfile.is_zipfile)


def fetch(
    entry: MoleculeEntry, number: int, output: Path, mirror: Path | None = None, patience: Patience = PATIENCE
) -> None:
    """Put file `number` (from 1) of `entry` at `output`. One that is right already is left alone.

    Raises:
        UserError: the set needs no file, or has none of that number; no mirror has it and no address serves it; the
            mirror folder does not exist; a checksum differs; or as in `kanrepro.core.sources.fetch_address`.
    """
    if entry.rdkit:
        raise UserError(
            f"{entry.name} needs no download: it comes with RDKit. Run: python -m kanrepro.molecules.prepare --help"
        )
    if not 1 <= number <= len(entry.files):
        raise UserError(f"--file is {number}, but {entry.name} has the files 1 to {len(entry.files)}.")
    file = entry.files[number - 1]
    by_hand = [f"molecules/{Path(file.address).name}"] if file.address else []
    named = file.mirror and file.mirror.path
    copy, vouched = in_mirror(mirror, named, by_hand)
    absent = (
        f"{entry.name}: file {number} is only in a mirror folder, as {named}. Name that folder with --mirror, "
        "data.mirror or KANREPRO_MIRROR."
    )
    digests, kind = (file.sha256, file.mirror and file.mirror.sha256), ZIP if file.member else TEXT
    bring(entry.name, file.address, digests, output, copy, entry.max_file_mb, patience, kind, vouched, absent=absent)


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.molecules.fetch."""
    parser = stage_parser(__doc__)
    parser.add_argument("--dataset", required=True, help="name in the catalogue of molecules, for instance bbbp")
    parser.add_argument("--file", type=int, default=1, help="which of its files, from 1 (default: 1)")
    add_fetch_options(parser, "resources/downloads/molecules/bbbp.1", "of molecules")
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    entry = molecule_catalog.entry(options.dataset, options.catalog)
    fetch(entry, options.file, options.output, options.mirror, patience_of(options))


if __name__ == "__main__":
    cli(main)
