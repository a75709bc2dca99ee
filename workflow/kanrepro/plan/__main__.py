"""Print the plan of targets (docs/plan.md)."""

import argparse
import json
from collections.abc import Sequence

from kanrepro.core.errors import cli
from kanrepro.core.parser import stage_parser
from kanrepro.plan import plan
from kanrepro.plan.jobs import jobs
from kanrepro.plan.printed import document, text


def main(argv: Sequence[str] | None = None) -> None:
    """Print the plan of targets: see `python -m kanrepro.plan --help`."""
    parser = stage_parser(
        "Print the jobs of a target by rule, and what they will take, before anything runs.",
        epilog="example: python -m kanrepro.plan table2 --cores 8 --config preset=paper",
    )
    parser.add_argument("targets", nargs="*", help="as for snakemake (default: everything)")
    parser.add_argument("--config", nargs="+", default=[], metavar="KEY=VALUE", help="as for snakemake")
    parser.add_argument("--configfile", nargs="+", default=[], metavar="FILE", help="as for snakemake")
    parser.add_argument("--cores", type=_at_least_one, default=2, help="(default: %(default)s)")
    parser.add_argument("--gpus", type=_at_least_one, default=1, help="jobs at once that ask for one (default: 1)")
    parser.add_argument("--all", action="store_true", help="also what is there and up to date")
    parser.add_argument("--json", action="store_true", help="for machines: seconds, MB and bytes")
    arguments = parser.parse_args(argv)
    options = [*(["--forceall"] if arguments.all else [])]
    for name in ("configfile", "config"):
        options += [f"--{name}", *getattr(arguments, name)] if getattr(arguments, name) else []
    made = plan(jobs(arguments.targets, options, arguments.cores), arguments.cores, arguments.gpus)
    print(json.dumps(document(made), indent=1) if arguments.json else text(made))


def _at_least_one(value: str) -> int:
    if int(value) < 1:
        raise argparse.ArgumentTypeError(f"{value} is less than 1")
    return int(value)


if __name__ == "__main__":
    cli(main)
