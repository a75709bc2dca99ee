"""The options that every stage which fetches files takes."""

import argparse
import os
from pathlib import Path

from kanrepro.core.download import PATIENCE, Patience
from kanrepro.core.parser import Parser


def add_fetch_options(parser: Parser, example: str, kind: str = "") -> None:
    """Add --output, --mirror, --catalog, --timeout and --attempts.

    Args:
        example: a file that --output may name.
        kind: what sets the files of --catalog are of.
    """
    named = os.environ.get("KANREPRO_MIRROR")
    parser.file("--output", f"to write, for instance {example}")
    mirror = Path(named) if named else None
    parser.add_argument("--mirror", type=Path, default=mirror, help="folder tried first (default: KANREPRO_MIRROR)")
    parser.catalogs(kind)
    parser.add_argument(
        "--timeout", type=float, default=PATIENCE.timeout,
        help=f"seconds without progress after which to retry ({PATIENCE.timeout:g})",
    )  # fmt: skip
    parser.add_argument(
        "--attempts", type=int, default=PATIENCE.attempts,
        help=f"how often to try ({PATIENCE.attempts}), waiting 1, 2, 4, ... s in between",
    )  # fmt: skip


def patience_of(options: argparse.Namespace) -> Patience:
    """How long --timeout and --attempts say to try."""
    return Patience(timeout=options.timeout, attempts=max(options.attempts, 1))
