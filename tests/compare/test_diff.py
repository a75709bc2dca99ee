"""`kanrepro diff`: cells that differ, rows that are new or gone, folders and revisions."""

import re
import subprocess
from pathlib import Path

import pytest

from kanrepro.compare.diff import Change, changes, main, rows
from kanrepro.core.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
HEAD = "table,method,dataset,mean,verdict,records\n"
OLD = HEAD + "t,a,X,1.5,=,r1\nt,a,Y,2.5,?,r2\nt,b,X,3.0,=,r3\n"
NEW = HEAD + "t,a,X,1.5,=,r9\nt,a,Y,2.0,=,r2\nt,c,X,not run,not run,not run\n"


def row(method: str, dataset: str) -> tuple[tuple[str, str], ...]:
    return (("table", "t"), ("method", method), ("dataset", dataset))


def test_cells_and_rows_that_differ_and_nothing_else() -> None:
    assert changes(OLD, NEW) == [
        Change(row("a", "Y"), "mean", "2.5", "2.0"),
        Change(row("a", "Y"), "verdict", "?", "="),
        Change(row("c", "X"), "", None, "-"),
        Change(row("b", "X"), "", "mean 3.0, verdict =", None),
    ]


def test_the_order_of_rows_and_of_columns_is_no_difference() -> None:
    lines = OLD.splitlines()
    assert changes(OLD, "\n".join([lines[0], *reversed(lines[1:])]) + "\n") == []


@pytest.mark.parametrize("path", sorted((ROOT / "results/small/tables").glob("*.csv")), ids=lambda path: path.stem)
def test_rows_of_every_committed_table_are_told_apart(path: Path) -> None:
    """By their words alone: no row is a copy of another one, so that no cell is compared with a stranger's."""
    found, keys = rows(path.read_text())
    assert keys and not any(name == "copy" for key in found for name, _ in key)
    assert len(found) == len(path.read_text().splitlines()) - 1
    assert changes(path.read_text(), path.read_text()) == []


def test_a_folder_beside_a_revision(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "results/tables"
    folder.mkdir(parents=True)
    (folder / "one.csv").write_text(OLD)
    for words in (["init", "-q"], ["add", "-A"], ["-c", "user.name=a", "-c", "user.email=a", "commit", "-qm", "a"]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    main(["HEAD", str(tmp_path / "results")])
    assert capsys.readouterr().out == "one: the same\n"
    (folder / "one.csv").write_text(NEW)
    with pytest.raises(SystemExit) as end:
        main(["HEAD", str(tmp_path / "results")])
    assert end.value.code == 1
    said = capsys.readouterr().out
    assert "  a Y: mean 2.5 -> 2.0 (-0.5)" in said and "b X: GONE (mean 3.0, verdict =)" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nowhere", "{}"), "nowhere is neither a folder nor a revision of git"),
        (("{}", "{}", "--table", "two"), "--table two: neither side has it; there are one."),
        (("{}", "{}/empty"), "holds no table"),
    ],
)
def test_mistakes_are_answered(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    (tmp_path / "one.csv").write_text(OLD)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=re.escape(message)):
        main([word.format(tmp_path) for word in words])
