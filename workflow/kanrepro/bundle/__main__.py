"""Make a bundle, or check one (docs/bundle.md)."""

import datetime
from collections.abc import Sequence
from pathlib import Path

from kanrepro.bundle.check import check
from kanrepro.bundle.make import make
from kanrepro.core.errors import cli
from kanrepro.core.parser import stage_parser


def main(argv: Sequence[str] | None = None) -> None:
    """Make or check a bundle: see `python -m kanrepro.bundle --help`."""
    parser = stage_parser("Pack results with everything that made them into one file, or check such a file.")
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make", help="pack the results of a preset")
    making.add_argument("--results", type=Path, default=Path("results/small"), help="(default: %(default)s)")
    making.file("--output", "the file to write, such as small.crate.zip")
    making.add_argument("--date", type=_date, help="of publication, YYYY-MM-DD (default: of the commit)")
    checking = commands.add_parser("check", help="check a bundle; nothing of it is run")
    checking.add_argument("bundle", type=Path, metavar="FILE")
    checking.add_argument("--max-mb", type=int, default=2048, help="that it may hold unpacked (default: %(default)s)")
    arguments = parser.parse_args(argv)
    if arguments.command == "make":
        digest = make(arguments.results, arguments.output, arguments.date)
        print(f"{arguments.output}: SHA-256 of its manifest {digest}")
    else:
        print("\n".join(check(arguments.bundle, arguments.max_mb)))
        print(f"{arguments.bundle}: in order")


def _date(text: str) -> str:
    return datetime.date.fromisoformat(text).isoformat()


if __name__ == "__main__":
    cli(main)
