"""Tables compared cell by cell: two folders of results, or one with what a git revision holds of it.

Reads the CSV forms. Rows are told apart by their words, cells by the names of their columns; lists of records and of
settings count as words of no cell. Prints each cell that differs as old and new, then rows that are new or gone.
"""

import csv
import io
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kanrepro.core.errors import UserError, cli
from kanrepro.core.parser import stage_parser

BESIDE = ("records", "notes", "seeds", "values")  # columns that say what a row was made from
NOTHING = "not run"
Key = tuple[tuple[str, str], ...]
Rows = Mapping[Key, Mapping[str, str]]


@dataclass(frozen=True)
class Change:
    """A cell that differs, or a row that is new (`old` None) or gone (`new` None).

    Attributes:
        row: column -> word, of those that tell the row from others.
        column: of the cell; empty where the row as a whole is new or gone.
    """

    row: Key
    column: str
    old: str | None
    new: str | None


def rows(text: str, keys: Sequence[str] | None = None) -> tuple[Rows, list[str]]:
    """Rows by their words, and the columns of those words.

    Args:
        text: a CSV file with a head.
        keys: columns that tell rows apart; by default those that hold a word in some row and come before the first
            column of numbers that has no word in any.
    """
    read = list(csv.DictReader(io.StringIO(text)))
    if not read:
        return {}, list(keys or ())
    keys = list(keys or _keys(read))
    found: dict[Key, Mapping[str, str]] = {}
    seen: Counter[Key] = Counter()
    for row in read:
        key = tuple((name, row.get(name) or "") for name in keys)
        seen[key] += 1
        found[(*key, ("copy", str(seen[key]))) if seen[key] > 1 else key] = row
    return found, keys


def _keys(read: Sequence[Mapping[str, str]]) -> Iterator[str]:
    for name in read[0]:
        if name in BESIDE:
            continue
        values = {row[name] or "" for row in read} - {NOTHING, "not defined", ""}
        if values and all(map(_number, values)):
            return
        yield name


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def changes(old: str, new: str) -> list[Change]:
    """All that differs between two tables, in the order of the new one, rows that are gone last."""
    now, keys = rows(new)
    then, _ = rows(old, keys or None)
    found = []
    for key, row in now.items():
        before = then.get(key)
        if before is None:
            found.append(Change(key, "", None, _filled(row, key)))
            continue
        for column in [name for name in row if name not in BESIDE and name not in dict(key)]:
            if before.get(column, "") != row[column]:
                found.append(Change(key, column, before.get(column, ""), row[column]))
    return found + [Change(key, "", _filled(row, key), None) for key, row in then.items() if key not in now]


def _filled(row: Mapping[str, str], key: Key) -> str:
    cells = {name: value for name, value in row.items() if name not in BESIDE and name not in dict(key)}
    return (
        ", ".join(f"{name} {value}" for name, value in cells.items() if value and not value.startswith("not ")) or "-"
    )


def tables(place: str, folder: Path) -> dict[str, str]:
    """Name -> CSV text of the tables in a folder of results, or in a git revision of `folder`.

    Raises:
        UserError: neither a folder nor a revision, or it holds no table.
    """
    if Path(place).is_dir():
        below = Path(place) / "tables" if (Path(place) / "tables").is_dir() else Path(place)
        found = {path.stem: path.read_text(encoding="utf-8") for path in sorted(below.glob("*.csv"))}
    else:
        found = _at_revision(place, folder / "tables")
    if not found:
        raise UserError(f"{place} holds no table (tables/*.csv): name a folder such as results/small, or a revision.")
    return found


def _at_revision(revision: str, folder: Path) -> dict[str, str]:
    where = folder if folder.is_dir() else folder.parent
    listed = _git(where, revision, "ls-tree", "--name-only", revision, "./")
    names = [name for name in listed.splitlines() if name.endswith(".csv")]
    return {Path(name).stem: _git(where, revision, "show", f"{revision}:./{name}") for name in names}


def _git(folder: Path, revision: str, *words: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True)
    except OSError:
        raise UserError(f"{revision} is no folder, and git is not here to look it up as a revision.") from None
    if done.returncode:
        raise UserError(f"{revision} is neither a folder nor a revision of git: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout


def told(name: str, found: Sequence[Change]) -> list[str]:
    """The changes of a table as lines of text; what all of its rows share is left out."""
    lines = [f"{name}: {len(found)} of its cells or rows differ" if found else f"{name}: the same"]
    shared = set.intersection(*(set(one.row) for one in found)) if len(found) > 1 else set()
    for one in found:
        where = " ".join(value for pair in one.row if (value := pair[1]) not in ("", NOTHING) and pair not in shared)
        if one.column:
            lines.append(f"  {where}: {one.column} {one.old or '-'} -> {one.new or '-'}{_gap(one)}")
        else:
            lines.append(f"  {where}: {'new' if one.old is None else 'GONE'} ({one.new or one.old})")
    return lines


def _gap(one: Change) -> str:
    if one.old and one.new and _number(one.old) and _number(one.new):
        return f" ({float(one.new) - float(one.old):+.4g})"
    return ""


def main(argv: Sequence[str] | None = None) -> None:
    """Compare tables: see `python -m kanrepro.compare.diff --help`."""
    parser = stage_parser(__doc__, epilog="example: kanrepro diff HEAD results/small --table table2")
    parser.add_argument("old", help="a folder of results, or a git revision such as HEAD")
    parser.add_argument("new", nargs="?", default="results/small", help="a folder of results (default: %(default)s)")
    parser.add_argument("--table", nargs="+", help="(default: all)")
    asked = parser.parse_args(argv)

    new = tables(asked.new, Path(asked.new))
    old = tables(asked.old, Path(asked.new))
    names = asked.table or sorted({*old, *new})
    if missing := [name for name in names if name not in old and name not in new]:
        raise UserError(f"--table {missing[0]}: neither side has it; there are {', '.join(sorted({*old, *new}))}.")
    differs = False
    for name in names:
        found = changes(old.get(name, ""), new.get(name, ""))
        differs |= bool(found)
        print("\n".join(told(name, found)))
    if differs:
        raise SystemExit(1)


if __name__ == "__main__":
    cli(main)
