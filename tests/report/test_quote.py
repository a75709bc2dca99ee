"""Numbers in prose that are read from tables."""

from pathlib import Path

import pytest

from kanrepro.core.errors import UserError
from kanrepro.report import quote

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "findings").glob("*.md"))]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "results" / "small" / "tables"
    folder.mkdir(parents=True)
    (folder / "t.csv").write_text("set,method,mean,low\nA,x,86.3489,-0.25\nA,y,not run,0.3\nB,x,1,2\nC c,x,7,2\n")
    return tmp_path / "results"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.0<!--t mean set=A method=x--> %", "86.3<!--t mean set=A method=x--> %"),
        ("9<!--t mean set=B method=x-->", "1<!--t mean set=B method=x-->"),
        ("+9.99<!--t low set=A method=x-->", "−0.25<!--t low set=A method=x-->"),
        ("+9.9<!--t low set=A method=y-->", "+0.3<!--t low set=A method=y-->"),
        ("3<!--t mean 'set=C c' method=x-->", "7<!--t mean 'set=C c' method=x-->"),
        ("3<!--t mean set='C c' method=x-->", "7<!--t mean set='C c' method=x-->"),
        ("86.3 % of 5 <!-- a comment -->", "86.3 % of 5 <!-- a comment -->"),
    ],
)
def test_a_number_becomes_that_of_its_table(results: Path, text: str, expected: str) -> None:
    assert quote.renewed(text, results) == expected


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("t mean", "key=value"),
        ("t mode set=A method=x", "mean"),
        ("t mean set=A", "2 lines"),
        ("t mean set=C", "0 lines"),
        ("t mean set=A method=y", "no number"),
        ("u mean set=A", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_named(results: Path, source: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        quote.renewed(f"1.0<!--{source}-->", results)


def test_check_changes_nothing_and_fails(results: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("1.0<!--t mean set=A method=x-->")
    with pytest.raises(UserError, match="page.md"):
        quote.main([str(page), "--results", str(results), "--check"])
    assert page.read_text().startswith("1.0")
    quote.main([str(page), "--results", str(results)])
    assert page.read_text().startswith("86.3")
    quote.main([str(page), "--results", str(results), "--check"])


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_quoted_numbers_are_those_of_the_committed_tables(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert quote.renewed(text, ROOT / "results") == text
