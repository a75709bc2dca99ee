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
from kanrepro.core.parser import stage_parser
from kanrepro.core.sources import bring, in_mirror
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
    named = entry.mirror.path if entry.mirror else f"tu/{entry.name}.zip"
    copy, _ = in_mirror(mirror, named)
    if mirror and not copy:
        log.info("%s is not in the mirror folder; trying %s", mirror / named, entry.address)
    digests = entry.sha256, entry.mirror and entry.mirror.sha256
    bring(entry.name, entry.address, digests, output, copy, entry.max_archive_mb, patience)


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.tu.fetch."""
    parser = stage_parser(__doc__)
    parser.add_argument("--dataset", required=True, help="name in the catalogue, for instance MUTAG")
    add_fetch_options(parser, "resources/downloads/tu/MUTAG.zip")
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    fetch(catalog.entry(options.dataset, options.catalog), options.output, options.mirror, patience_of(options))


if __name__ == "__main__":
    cli(main)
