"""Stage: bring an idx file of a set of images here, and verify its checksum.

Reads a mirror folder if there is one (--mirror, KANREPRO_MIRROR), else the address in the catalogue; writes the file,
whole or not at all. A download that was interrupted goes on where it stopped.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

from kanrepro.core.download import PATIENCE, Kind, Patience
from kanrepro.core.errors import UserError, cli
from kanrepro.core.fetch_options import add_fetch_options, patience_of
from kanrepro.core.files import sha256
from kanrepro.core.parser import stage_parser
from kanrepro.core.sources import copy_file, fetch_address, local_path
from kanrepro.superpixels import catalog as superpixel_catalog
from kanrepro.superpixels.catalog import KINDS, PARTS, IdxFile, SuperpixelEntry

log = logging.getLogger(__name__)

IDX = Kind("idx file", (), lambda path: True)


def fetch(
    entry: SuperpixelEntry, file: IdxFile, output: Path, mirror: Path | None = None, patience: Patience = PATIENCE
) -> None:
    """Put `file` of `entry` at `output`. One that is right already is left alone.

    Raises:
        UserError: the mirror folder or a local file does not exist, a checksum differs, or as in
            `kanrepro.core.sources.fetch_address`.
    """
    if mirror is not None and not mirror.is_dir():
        raise UserError(f"the mirror folder {mirror} does not exist. Correct --mirror, data.mirror or KANREPRO_MIRROR.")
    known = {file.sha256} if file.sha256 else set()
    copy = mirror / file.mirror if mirror and file.mirror else None
    if output.is_file() and sha256(output) in known:
        log.info("%s is there already, checksum verified", output)
    elif copy and copy.is_file():
        copy_file(copy, output, known)
    elif file.address.startswith(("http://", "https://")):
        fetch_address(file.address, output, file.sha256, entry.max_file_mb * 10**6, patience, IDX)
    elif (path := local_path(file.address)).is_file():
        copy_file(path, output, known)
    else:
        raise UserError(f"{entry.name}: {path} does not exist. Correct `address` in the catalogue.")


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.superpixels.fetch."""
    parser = stage_parser(__doc__)
    parser.add_argument("--dataset", required=True, help="name in the catalogue, for instance mnist")
    parser.add_argument("--part", required=True, choices=PARTS)
    parser.add_argument("--kind", required=True, choices=KINDS)
    add_fetch_options(parser, "resources/downloads/superpixels/mnist-train-images.gz", "catalogue file of images")
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    entry = superpixel_catalog.entry(options.dataset, options.catalog)
    fetch(entry, entry.file(options.part, options.kind), options.output, options.mirror, patience_of(options))


if __name__ == "__main__":
    cli(main)
