"""Numbers in Markdown that name the line of a table they are read from, and are renewed from it.

A quoted number is followed by a comment, which readers do not see:

    reaches 86.3<!--table2 measured_mean dataset=MUTAG method=khan_gcl reading=literal--> %

names the column `measured_mean` of results/small/tables/table2.csv in the one line with these values; `claims:isolates`
is the table `claims` of another preset, and a value with spaces stands in quotes. The number is shown with as many
decimals as stand there. The stage reads Markdown files and the tables' CSV files; it rewrites the former, or with
--check tells what differs.
"""

import csv
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kanrepro.core.errors import UserError, cli, unknown
from kanrepro.core.files import atomic
from kanrepro.core.parser import stage_parser

QUOTE = re.compile(r"(?P<number>[−+-]?\d+(?:\.(?P<decimals>\d+))?)<!--(?P<source>[^>]*?)-->")
PRESET = "small"


@dataclass(frozen=True)
class Source:
    """A column of the one line of a table with these values."""

    preset: str
    table: str
    column: str
    where: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, text: str) -> "Source":
        """Read `table[:preset] column key=value ...`. Raises UserError where it is not that."""
        table, *rest = shlex.split(text)
        if len(rest) < 2 or not all("=" in word for word in rest[1:]):
            raise UserError(f"quotation {text!r}: it must be a table, a column, and key=value for the line.")
        name, _, preset = table.partition(":")
        pairs = tuple((key, value) for key, _, value in (word.partition("=") for word in rest[1:]))
        return cls(preset or PRESET, name, rest[0], pairs)

    def read(self, results: Path) -> float:
        """The number. Raises UserError where there is no such table, column or line, several lines, or no number."""
        folder = results / self.preset
        data = folder / "figures" / f"{self.table}.csv"  # numbers that a figure, or nothing else, shows
        path = data if data.is_file() else folder / "tables" / f"{self.table}.csv"
        lines = _lines(path)
        for key in (self.column, *(key for key, _ in self.where)):
            if key not in lines[0]:
                raise unknown(f"column of {path}:", key, lines[0])
        found = [line for line in lines if all(line[key] == value for key, value in self.where)]
        said = " ".join(f"{key}={value}" for key, value in self.where)
        if len(found) != 1:
            raise UserError(f"{path}: {len(found)} lines have {said}; a quotation needs one.")
        try:
            return float(found[0][self.column])
        except ValueError:
            raise UserError(f"{path}: {self.column} where {said} is {found[0][self.column]!r}, no number.") from None


@cache
def _lines(path: Path) -> list[dict[str, str]]:
    try:
        lines = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); make the table first.") from None
    if not lines:
        raise UserError(f"{path} has no lines.")
    return lines


def renewed(text: str, results: Path) -> str:
    """Markdown with every quoted number as its table has it now. `results`: the folder of all presets' results."""

    def number(quote: re.Match[str]) -> str:
        value = Source.parse(quote["source"]).read(results)
        sign = "+" if quote["number"].startswith("+") and value >= 0 else ""
        shown = f"{value:.{len(quote['decimals'] or '')}f}".replace("-", "−")
        return f"{sign}{shown}<!--{quote['source']}-->"

    return QUOTE.sub(number, text)


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.report.quote."""
    parser = stage_parser(__doc__)
    parser.add_argument("files", type=Path, nargs="+", help="Markdown files")
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of results (default: results)")
    parser.add_argument("--check", action="store_true", help="change nothing; fail where a number differs")
    arguments = parser.parse_args(argv)
    stale = []
    for path in arguments.files:
        text = path.read_text(encoding="utf-8")
        try:
            made = renewed(text, arguments.results)
        except UserError as error:
            raise UserError(f"{path}: {error}") from None
        if made != text:
            stale.append(str(path))
            if not arguments.check:
                with atomic(path) as temporary:
                    temporary.write_text(made, encoding="utf-8", newline="\n")
    if stale and arguments.check:
        raise UserError(f"numbers in {', '.join(stale)} are not those of their tables; run without --check.")
    print(f"{len(arguments.files)} files, {len(stale)} {'stale' if arguments.check else 'renewed'}")


if __name__ == "__main__":
    cli(main)
