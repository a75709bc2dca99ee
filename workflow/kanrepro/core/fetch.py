"""Stage: bring the archive of a data set here, and verify its checksum.

Reads a mirror folder if there is one (--mirror, KANREPRO_MIRROR), else the address in the catalogue; writes the
archive, whole or not at all. A download that was interrupted goes on where it stopped. Where the catalogue knows no
checksum, the counts of the prepared set decide (kanrepro.tu.prepare).
"""

import logging
import shutil
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from kanrepro.core.download import PATIENCE, ZIP, Kind, Patience, download
from kanrepro.core.errors import UserError, cli
from kanrepro.core.fetch_options import add_fetch_options, patience_of
from kanrepro.core.files import atomic, sha256
from kanrepro.core.parser import stage_parser
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


def local_path(address: str) -> Path:
    """The path that a file URL or a plain path means."""
    return Path(urllib.request.url2pathname(urllib.parse.urlparse(address).path) if "://" in address else address)


def _local(entry: Entry) -> Path:
    path = local_path(entry.address or "")
    if not path.is_file():
        raise UserError(f"{entry.name}: {path} does not exist. Correct `address` in the catalogue.")
    return path


def copy_file(source: Path, output: Path, known: set[str]) -> None:
    """Copy a file whose checksum is one of `known`, or any where that is empty.

    Raises:
        UserError: another checksum (both are named), or it cannot be copied.
    """
    with atomic(output) as temporary:
        try:
            shutil.copyfile(source, temporary)
        except OSError as error:
            raise UserError(f"cannot copy {source} to {output}: {error.strerror}.") from None
        found = sha256(temporary)
        if known and found not in known:
            raise UserError(
                f"{source} has checksum {found}, but the catalogue states {' or '.join(sorted(known))}. "
                "Replace the file by a good copy, or take it away to use the public address."
            )
    log.info("%s -> %s (%s)", source, output, "checksum verified" if known else _UNKNOWN)


def fetch_address(
    address: str, output: Path, expected: str | None, limit: int, patience: Patience = PATIENCE, kind: Kind = ZIP
) -> None:
    """Download a file of at most `limit` bytes whose SHA-256 is `expected`, or any of its kind where that is None.

    Raises:
        UserError: another checksum (a bad file is deleted), or as in `kanrepro.core.download.download`.
    """
    part = output.with_name(f"{output.name}.part")
    resumed = part.exists()
    log.info("%s %s", "resuming" if resumed else "fetching", address)
    download(address, part, limit, patience, kind)
    fault = _fault(part, expected, kind)
    if fault and resumed:  # the first half may be that of an older file: once more from the start
        log.info("%s; starting again from the beginning", fault)
        part.unlink()
        download(address, part, limit, patience, kind)
        fault = _fault(part, expected, kind)
    if fault:
        part.unlink()
        raise UserError(
            f"{address}: {fault}. The bad file was deleted; try again. If it stays so, the public file was replaced: "
            "enter the new one in a catalogue file of your own (docs/own-data.md), or use a mirror folder."
        )
    part.replace(output)
    log.info("%s -> %s (%s)", address, output, "checksum verified" if expected else _UNKNOWN)


_UNKNOWN = "no checksum is known; the counts of the prepared set decide"


def _fault(part: Path, expected: str | None, kind: Kind) -> str | None:
    """What is wrong with a downloaded file, or None."""
    if expected is None:
        return None if kind.whole(part) else f"what came is not a whole {kind.name}"
    found = sha256(part)
    return None if found == expected else f"the file has checksum {found}, but the catalogue states {expected}"


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.core.fetch."""
    parser = stage_parser(__doc__)
    parser.add_argument("--dataset", required=True, help="name in the catalogue, for instance MUTAG")
    add_fetch_options(parser, "resources/downloads/tu/MUTAG.zip", "catalogue file")
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    fetch(catalog.entry(options.dataset, options.catalog), options.output, options.mirror, patience_of(options))


if __name__ == "__main__":
    cli(main)
