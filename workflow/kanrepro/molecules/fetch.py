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
from kanrepro.core.files import sha256
from kanrepro.core.parser import stage_parser
from kanrepro.core.sources import copy_file, fetch_address, local_path
from kanrepro.molecules import catalog as molecule_catalog
from kanrepro.molecules.catalog import MoleculeEntry, MoleculeFile

log = logging.getLogger(__name__)

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
    known = {digest for digest in (file.sha256, file.mirror and file.mirror.sha256) if digest}
    copy, named = _in_mirror(file, mirror)
    address = file.address or ""
    if output.is_file() and sha256(output) in known:
        log.info("%s is there already, checksum verified", output)
    elif copy:
        copy_file(copy, output, known if named else set())
    elif address.startswith(("http://", "https://")):
        kind = ZIP if file.member else TEXT
        fetch_address(address, output, file.sha256, entry.max_file_mb * 10**6, patience, kind)
    elif address:
        path = local_path(address)
        if not path.is_file():
            raise UserError(f"{entry.name}: {path} does not exist. Correct `address` in the catalogue.")
        copy_file(path, output, known)
    else:
        raise UserError(
            f"{entry.name}: file {number} is only in a mirror folder, as {file.mirror and file.mirror.path}. Name that "
            "folder with --mirror, data.mirror or KANREPRO_MIRROR."
        )


def _in_mirror(file: MoleculeFile, mirror: Path | None) -> tuple[Path | None, bool]:
    """The copy in the mirror folder, if there is one, and whether it is the one that the catalogue names."""
    if mirror is None:
        return None, False
    if not mirror.is_dir():
        raise UserError(f"the mirror folder {mirror} does not exist. Correct --mirror, data.mirror or KANREPRO_MIRROR.")
    if file.mirror and (mirror / file.mirror.path).is_file():
        return mirror / file.mirror.path, True
    by_hand = mirror / "molecules" / (file.address or "").rpartition("/")[2]
    return (by_hand, False) if by_hand.is_file() else (None, False)


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.molecules.fetch."""
    parser = stage_parser(__doc__)
    parser.add_argument("--dataset", required=True, help="name in the catalogue of molecules, for instance bbbp")
    parser.add_argument("--file", type=int, default=1, help="which of its files, from 1 (default: 1)")
    add_fetch_options(parser, "resources/downloads/molecules/bbbp.1", "catalogue file of molecules")
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    entry = molecule_catalog.entry(options.dataset, options.catalog)
    fetch(entry, options.file, options.output, options.mirror, patience_of(options))


if __name__ == "__main__":
    cli(main)
