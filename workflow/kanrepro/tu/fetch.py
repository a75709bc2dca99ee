"""Stage: bring the archive of a data set here, and verify its checksum.

Reads a mirror folder if there is one (--mirror, KANREPRO_MIRROR), else the address in the catalogue; writes the
archive, whole or not at all. A download that was interrupted goes on where it stopped. Where the catalogue knows no
checksum, the counts of the prepared set decide (kanrepro.tu.prepare).
"""

import logging
from collections.abc import Sequence
from pathlib import Path

from kanrepro.core.download import PATIENCE, Patience
from kanrepro.core.errors import UserError, cli
from kanrepro.core.fetch_options import add_fetch_options, patience_of
from kanrepro.core.files import sha256
from kanrepro.core.parser import stage_parser
from kanrepro.core.sources import copy_file, fetch_address, local_path
from kanrepro.tu import catalog
from kanrepro.tu.catalog import Entry

log = logging.getLogger(__name__)


def fetch(entry: Entry, output: Path, mirror: Path | None = None, patience: Patience = PATIENCE) -> None:
    """Put the archive of `entry` at `output`.

    A file of the mirror folder may have the checksum of the mirror copy or that of the public address. An `output` that
    is right already is left alone.

    Raises:
        UserError: the set needs no archive; the mirror folder does not exist; a checksum differs (both are named, a bad
            download is deleted); or as in `kanrepro.core.download.download`.
    """
    if entry.format == "rdkit" or entry.address is None:
        raise UserError(
            f"{entry.name} needs no download: it comes with RDKit. Run: python -m kanrepro.tu.prepare --help"
        )
    known = {digest for digest in (entry.sha256, entry.mirror and entry.mirror.sha256) if digest}
    if output.is_file() and sha256(output) in known:
        log.info("%s is there already, checksum verified", output)
        return
    copy = _in_mirror(entry, mirror)
    if copy:
        copy_file(copy, output, known)
    elif entry.address.startswith(("http://", "https://")):
        fetch_address(entry.address, output, entry.sha256, entry.max_archive_mb * 10**6, patience)
    else:
        copy_file(_local(entry), output, known)


def _in_mirror(entry: Entry, mirror: Path | None) -> Path | None:
    """The set's archive in the mirror folder, None where there is no folder or no such file."""
    if mirror is None:
        return None
    if not mirror.is_dir():
        raise UserError(f"the mirror folder {mirror} does not exist. Correct --mirror, data.mirror or KANREPRO_MIRROR.")
    path = mirror / (entry.mirror.path if entry.mirror else f"tu/{entry.name}.zip")
    if path.is_file():
        return path
    log.info("%s is not in the mirror folder; trying %s", path, entry.address)
    return None


def _local(entry: Entry) -> Path:
    path = local_path(entry.address or "")
    if not path.is_file():
        raise UserError(f"{entry.name}: {path} does not exist. Correct `address` in the catalogue.")
    return path


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.tu.fetch."""
    parser = stage_parser(__doc__)
    parser.add_argument("--dataset", required=True, help="name in the catalogue, for instance MUTAG")
    add_fetch_options(parser, "resources/downloads/tu/MUTAG.zip", "catalogue file")
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    fetch(catalog.entry(options.dataset, options.catalog), options.output, options.mirror, patience_of(options))


if __name__ == "__main__":
    cli(main)
