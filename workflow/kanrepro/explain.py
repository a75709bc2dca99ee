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

RECORD = "  record "  # how laid_out begins what it says of a record
FACTS = ("machine", "code", "again")
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


def brief(text: str, most: int = 10) -> str:
    """An explanation in about `most` lines: what the number is, then the first record's code, machine and command.

    Args:
        text: lines about cells, each with blocks `  record PATH` whose facts stand at four blanks (laid_out).
    """
    lines = [line for line in text.splitlines() if line.strip()]
    records = [line for line in lines if line.startswith(RECORD)]
    if not records:
        return text
    cells = [line for line in lines if not line.startswith((RECORD, " " * 4))]
    shown, left = cells[: most - 4], cells[most - 4 :]
    first = lines[lines.index(records[0]) + 1 :]
    facts = [line[2:] for line in first if line[4:].split(" ", 1)[0] in FACTS]
    kept = list({line.split()[0]: line for line in reversed(facts)}.values())[::-1]
    others = f" (the first of {len(records)})" if len(records) > 1 else ""
    more = f", {len(left)} more lines on such numbers" if left else ""
    return "\n".join([*shown, f"{records[0]}{others}", *kept, f"--full: every record, setting, file and command{more}"])


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
    parser.add_argument("--full", action="store_true", help="everything about every record")
    arguments = parser.parse_args(argv)
    more = {name: getattr(arguments, name) for name in OPTIONS}
    asked = Question(arguments.table, arguments.dataset, arguments.method, arguments.reading, arguments.results, more)
    text = explain(asked)
    print(text if arguments.full else brief(text))


if __name__ == "__main__":
    cli(main)
