"""Explanations: the answer first, all of it with --full; every table that has records is known."""

from pathlib import Path

import pytest

from kanrepro.explain import EXPLAINED, brief, main

ROOT = Path(__file__).resolve().parents[1]
ASKED = [
    ("table2", "MUTAG", "khan_gcl"), ("table3", "MUTAG", "khan_gcl"), ("figure4", "MUTAG", "graphcl"),
    ("table1", "bace", "khan_gcl"), ("table7", "mnist", "graphcl"), ("images", "brain-mri", "deq_kan"),
    ("figure5", "PROTEINS", "epsilon_delta"),
]  # fmt: skip


@pytest.mark.parametrize("words", ASKED, ids=lambda words: words[0])
def test_an_explanation_is_ten_lines_and_the_same_numbers_are_in_the_full_one(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    main(words)
    short = capsys.readouterr().out.splitlines()
    main([*words, "--full"])
    full = capsys.readouterr().out
    assert len(short) <= 11 < len(full.splitlines())
    assert all(line.partition(" (the first of")[0].strip() in full for line in short[:-1])
    assert {"code", "machine", "again"} <= {line.split()[0] for line in short}


def test_what_has_no_record_is_shown_whole() -> None:
    assert brief("table2, X\n\nnot run") == "table2, X\n\nnot run"


def test_tables_that_can_be_explained_have_an_example_here() -> None:
    assert {words[0] for words in ASKED} <= set(EXPLAINED)
