"""Stage: bring the archive of an image set here, or the file that says which of its images belong together.

Reads a mirror folder if there is one (--mirror, KANREPRO_MIRROR), else the address in the catalogue; writes a zip or
tar archive, whole or not at all. A download that was interrupted goes on where it stopped. A folder of images on disk
is packed into a tar archive. A set that no program can fetch goes by hand to images/NAME.zip (.tar, .tar.gz, .tgz, or
a folder images/NAME) below the mirror folder.
"""

import io
import logging
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from kanrepro.core.download import PATIENCE, Kind, Patience
from kanrepro.core.errors import UserError, cli
from kanrepro.core.fetch_options import add_fetch_options, patience_of
from kanrepro.core.files import atomic
from kanrepro.core.parser import stage_parser
from kanrepro.core.sources import bring, copy_file, in_mirror
from kanrepro.images import catalog as image_catalog
from kanrepro.images.archive import members
from kanrepro.images.catalog import GroupFile, ImageEntry

log = logging.getLogger(__name__)

ARCHIVE = Kind("zip or tar archive", (), lambda path: zipfile.is_zipfile(path) or tarfile.is_tarfile(path))
TABLE = Kind("CSV file", (), lambda path: True)
SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", "")  # of what a user puts below MIRROR/images; the last is a folder
TABLE_MB = 100  # bound of a file with groups


def fetch(entry: ImageEntry, output: Path, mirror: Path | None = None, patience: Patience = PATIENCE) -> None:
    """Put the archive of `entry` at `output`.

    In the mirror folder the copy that the catalogue names comes first; it must have the checksum of the mirror copy or
    that of the public address. What a user puts under images/ there may have any: the counts of the prepared set
    decide.

    Raises:
        UserError: the set needs no archive; it can only be had by hand (the message says how); the mirror folder does
            not exist; a checksum differs; or as in `kanrepro.core.sources.fetch_address`.
    """
    if entry.format == "sklearn":
        raise UserError(
            f"{entry.name} needs no download: it comes with scikit-learn. Run: python -m kanrepro.images.prepare --help"
        )
    put = partial(_copy, unpacked_mb=entry.max_unpacked_mb)
    names = [f"{entry.name}{suffix}" for suffix in SUFFIXES]
    try:
        _bring(entry.name, entry, mirror, names, output, entry.max_archive_mb, patience, ARCHIVE, put)
    except UserError as error:
        raise UserError(f"{error} {_how(entry)}" if entry.obtain else str(error)) from error.__cause__


def fetch_groups(entry: ImageEntry, output: Path, mirror: Path | None = None, patience: Patience = PATIENCE) -> None:
    """Put the file that says which images of `entry` belong together at `output`.

    Raises:
        UserError: the set has none, or as in `fetch`.
    """
    if entry.groups is None:
        raise UserError(f"{entry.name} has no file with groups in the catalogue: leave out `--part groups`.")
    names = [f"{entry.name}-groups.csv"]
    _bring(entry.name, entry.groups, mirror, names, output, TABLE_MB, patience, TABLE, copy_file)


def _bring(
    name: str, wanted: ImageEntry | GroupFile, mirror: Path | None, by_hand: Sequence[str], output: Path, limit_mb: int,
    patience: Patience, kind: Kind, put: Callable[[Path, Path, set[str]], None],
) -> None:  # fmt: skip
    copy, vouched = in_mirror(mirror, wanted.mirror and wanted.mirror.path, [f"images/{name}" for name in by_hand])
    digests, absent = (wanted.sha256, wanted.mirror and wanted.mirror.sha256), f"No program can fetch this {kind.name}."
    bring(name, wanted.address, digests, output, copy, limit_mb, patience, kind, vouched, put, absent)


def _copy(source: Path, output: Path, known: set[str], unpacked_mb: int) -> None:
    """Copy a file, or pack a folder."""
    if source.is_dir():
        pack(source, output, unpacked_mb * 10**6)
    else:
        copy_file(source, output, known)


def pack(folder: Path, output: Path, limit: int) -> None:
    """Pack a folder into a tar archive: names sorted, no times or owners, so that equal files make equal bytes.

    Raises:
        UserError: it holds no file, a link, more than `limit` bytes, or cannot be read.
    """
    count = 0
    with atomic(output) as temporary, tarfile.open(temporary, "w") as archive:
        for member in sorted(members(folder, limit), key=lambda member: member.name):
            if member.fault:
                raise UserError(f"{folder / member.name}: {member.fault}. Put the file itself there.")
            content = member.read()
            info = tarfile.TarInfo(member.name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
            count += 1
        if not count:
            raise UserError(f"{folder} holds no files. Correct `address` in the catalogue.")
    log.info("%s (%d files) -> %s", folder, count, output)


def _how(entry: ImageEntry) -> str:
    return (
        f"By hand: {entry.obtain} Put it as images/{entry.name}.zip (.tar, .tar.gz, or a folder images/{entry.name}) "
        "into a folder of your choice, and name that folder with --mirror, data.mirror or KANREPRO_MIRROR."
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.images.fetch."""
    parser = stage_parser(__doc__)
    parser.add_argument("--dataset", required=True, help="name in the image catalogue, for instance chest-xray")
    parser.add_argument(
        "--part",
        choices=("archive", "groups"),
        default="archive",
        help="the images (default), or the file that says which of them belong together",
    )
    add_fetch_options(parser, "resources/downloads/images/chest-xray.archive", "of images")
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    entry = image_catalog.entry(options.dataset, options.catalog)
    bring = fetch if options.part == "archive" else fetch_groups
    bring(entry, options.output, options.mirror, patience_of(options))


if __name__ == "__main__":
    cli(main)
