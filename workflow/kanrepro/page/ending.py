"""The last words of a run, as a box: what was done, what failed and where to read why, first numbers, what is next.

Reads: the CSV files of the tables that were made. A table may be of any family: what is shown of it are the columns
that name a number, and the first column that holds one.
"""

import csv
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kanrepro.core.durations import duration
from kanrepro.families import FAMILIES

WIDTH = 110  # characters of a line, at most
MOST = 6  # failures and tables that are shown
NAMES = ("dataset", "method", "reading", "model", "more", "less", "rule", "metric", "condition")
VALUES = (  # columns of a number and its spread
    ("measured_mean", "measured_std"),
    ("mean", "std"),
    ("estimate", ""),
    ("seconds_median", ""),
    ("mean_nodes_measured", ""),
)
MEANS = {
    "estimate": "difference of rows, points",
    "seconds_median": "seconds of a step",
    "mean_nodes_measured": "nodes per graph",
}
EXPLAINED = {name for family in FAMILIES for name in family.explained}


@dataclass(frozen=True)
class Failure:
    """A job that failed: its rule, what its wildcards say, and its log files."""

    rule: str
    what: str
    logs: Sequence[str]


@dataclass(frozen=True)
class Number:
    """The first number of a table: `row` names it, `asked` are the words that ask `kanrepro explain` for it."""

    table: Path
    row: str
    value: str
    asked: tuple[str, ...]


def first_number(table: Path) -> Number | None:
    """The first measured number in the CSV of a table; None where there is none or the file cannot be read."""
    try:
        lines = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    except (OSError, ValueError, csv.Error):
        return None
    for line in lines:
        for value, spread in VALUES:
            if _is_number(line.get(value)):
                names = {name: line[name] for name in NAMES if line.get(name) not in (None, "", "none", "not run")}
                more = f" ± {float(line[spread]):.1f}" if _is_number(line.get(spread)) else ""
                means = f" ({MEANS[value]})" if value in MEANS else ""
                who = names.get("method") or names.get("model")
                asked = (table.stem, names["dataset"], who) if who and "dataset" in names else ()
                return Number(table, " ".join(names.values()), f"{_figures(float(line[value]))}{more}{means}", asked)
    return None


def _figures(value: float) -> str:
    return f"{value:.1f}" if abs(value) >= 0.95 or value == 0 else f"{value:.2g}"


def _is_number(text: str | None) -> bool:
    try:
        return text is not None and abs(float(text)) < 1e9
    except ValueError:
        return False


def ending(
    done: int, of: int, seconds: float, made: Iterable[str], failures: Sequence[Failure], results: str, then: str = ""
) -> str:
    """The box.

    Args:
        done, of: jobs that ended well, of those that were planned.
        made: files that these jobs made.
        results: the folder of the preset.
        then: a command to suggest after a run that came to its end.
    """
    paths = sorted({Path(path) for path in made})
    numbers = [
        n for path in paths if path.suffix == ".csv" and path.parent.name == "tables" if (n := first_number(path))
    ]
    parts = [[f"{done} of {of} jobs done in {duration(seconds)}"], _failed(failures), _numbers(numbers)]
    parts.append(_to_open(paths))
    parts.append(["the same command goes on from here"] if failures or done < of else _next(numbers, results, then))
    lines: list[str] = []
    for part in filter(None, parts):
        lines += ["", *part] if lines else part
    lines = [line if len(line) <= WIDTH else f"{line[: WIDTH - 3]}..." for line in lines]
    width = max(map(len, lines))
    edge = f"+{'-' * (width + 2)}+"
    return "\n".join([edge, *(f"| {line:{width}} |" for line in lines), edge])


def _failed(failures: Sequence[Failure]) -> list[str]:
    if not failures:
        return []
    lines = [f"{len(failures)} failed; read why in"]
    for failure in failures[:MOST]:
        lines.append(
            f"  {', '.join(failure.logs) or 'no log'}   ({' '.join(filter(None, (failure.rule, failure.what)))})"
        )
    return lines + [f"  and {len(failures) - MOST} more"] * (len(failures) > MOST)


def _numbers(numbers: Sequence[Number]) -> list[str]:
    if not numbers:
        return []
    shown = numbers[:MOST]
    widths = [max(len(n.table.stem) for n in shown), max(len(n.row) for n in shown)]
    lines = [f"  {n.table.stem:{widths[0]}}  {n.row:{widths[1]}}  {n.value}" for n in shown]
    return ["first numbers of", *lines, *([f"  and {len(numbers) - MOST} more"] if len(numbers) > MOST else [])]


def _to_open(paths: Sequence[Path]) -> list[str]:
    """The page where it was made, else tables and figures."""
    pages = [path for path in paths if path.name == "report.html"]
    tables = [path for path in paths if path.suffix == ".md" and path.parent.name == "tables"]
    figures = [path for path in paths if path.suffix == ".png" and path.parent.name == "figures"]
    found = pages or [*tables, *figures]
    return ["open", *(f"  {path}" for path in found[:MOST])] if found else []


def _next(numbers: Sequence[Number], results: str, then: str) -> list[str]:
    asked = next((n.asked for n in numbers if n.asked and n.asked[0] in EXPLAINED), ())
    explain = [shlex.join(["kanrepro", "explain", *asked, "--results", results])] if asked else []
    commands = [*explain, *([then] if then else [])]
    return ["type next", *(f"  {command}" for command in commands)] if commands else []
