"""Stage: bring an idx file of a set of images here, and verify its checksum.

Reads a mirror folder if there is one (--mirror, KANREPRO_MIRROR), else the address in the catalogue; writes the file,
whole or not at all. A download that was interrupted goes on where it stopped.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

from kanrepro.core.download import PATIENCE, Kind, Patience
from kanrepro.core.errors import cli
from kanrepro.core.fetch_options import add_fetch_options, patience_of
from kanrepro.core.parser import stage_parser
from kanrepro.core.sources import bring, in_mirror
from kanrepro.superpixels import catalog as superpixel_catalog
from kanrepro.superpixels.catalog import KINDS, PARTS, IdxFile, SuperpixelEntry

IDX = Kind("idx file", (), lambda path: True)


def fetch(
    entry: SuperpixelEntry, file: IdxFile, output: Path, mirror: Path | None = None, patience: Patience = PATIENCE
) -> None:
    """Put `file` of `entry` at `output`. One that is right already is left alone.

    Raises:
        UserError: the mirror folder or a local file does not exist, a checksum differs, or as in
            `kanrepro.core.sources.fetch_address`.
    """
    copy, _ = in_mirror(mirror, file.mirror)
    bring(entry.name, file.address, [file.sha256], output, copy, entry.max_file_mb, patience, IDX)


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.superpixels.fetch."""
    parser = stage_parser(__doc__)
    parser.add_argument("--dataset", required=True, help="name in the catalogue, for instance mnist")
    parser.add_argument("--part", required=True, choices=PARTS)
    parser.add_argument("--kind", required=True, choices=KINDS)
    add_fetch_options(parser, "resources/downloads/superpixels/mnist-train-images.gz", "of images")
    options = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    entry = superpixel_catalog.entry(options.dataset, options.catalog)
    fetch(entry, entry.file(options.part, options.kind), options.output, options.mirror, patience_of(options))


if __name__ == "__main__":
    cli(main)
