"""The chain behind a number of a table: data, settings, seed, code, machine, and the command that makes it again.

Reads records below `<results>/records`, and the files that they name in order to say whether these are still the same.
Prints text; accuracies in percent, times in seconds, memory in MB.
"""

from collections.abc import Sequence
from pathlib import Path

from kanrepro.core.errors import cli, unknown
from kanrepro.core.explain_parts import Question
from kanrepro.core.family import load
from kanrepro.core.parser import stage_parser
from kanrepro.families import FAMILIES
from kanrepro.report.results import READINGS

EXPLAINED = {name: module for family in FAMILIES for name, module in family.explained.items()}
OPTIONS = {name: text for family in FAMILIES for name, text in family.asked.items()}


def explain(asked: Question) -> str:
    """The explanation of a number as text, by the family that it is of.

    Raises:
        UserError: an unknown table, data set, method or reading, with the nearest known one; a corrupt record.
    """
    if asked.table not in EXPLAINED:
        raise unknown("table", asked.table, EXPLAINED)
    return load(EXPLAINED[asked.table]).explain(asked)


def main(argv: Sequence[str] | None = None) -> None:
    """Explain a number: see `python -m kanrepro.explain --help`."""
    parser = stage_parser(
        "Print the chain from a number of a table to data, settings, seed, code, machine and command.",
        epilog="example: python -m kanrepro.explain table2 MUTAG khan_gcl --reading repaired",
    )
    parser.add_argument("table", help=", ".join(EXPLAINED))
    parser.add_argument("dataset", help="as in the catalogue or as printed: REDDIT-BINARY or RDT-B")
    parser.add_argument(
        "method",
        nargs="?",
        help="; ".join(family.method for family in FAMILIES if family.method),
    )
    parser.add_argument("--reading", help=f"{', '.join(READINGS)} (default: all that the table shows)")
    for name, text in OPTIONS.items():
        parser.add_argument(f"--{name}", help=text)
    parser.add_argument(
        "--results",
        type=Path,
        default=Path("results/small"),
        help="folder of a preset's results (default: %(default)s)",
    )
    arguments = parser.parse_args(argv)
    more = {name: getattr(arguments, name) for name in OPTIONS}
    asked = Question(arguments.table, arguments.dataset, arguments.method, arguments.reading, arguments.results, more)
    print(explain(asked))


if __name__ == "__main__":
    cli(main)
