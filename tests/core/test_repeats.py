"""What repeats on file say: tolerances as roots of mean squares, and whether code is equivalent."""

from math import sqrt
from pathlib import Path

import pytest

from kanrepro.core.provenance import same_processor
from kanrepro.core.repeats import SPAN, Repeat, checked, keep, measured, tolerance

ONE, OTHER = "A 1 (avx512), 2 cores", "B 2 (avx2), 8 cores"


def repeat(gap: float, processor: str = ONE, code: str = "pretrain a probe b") -> Repeat:
    return Repeat("r.json", "SET", ONE, processor, "pretrain a probe b", code, 80.0, 80.0 + gap, gap == 0)


WORLD = [repeat(3.0, OTHER), repeat(-4.0, OTHER), repeat(1.0, code="pretrain c probe b")]


def test_a_tolerance_is_twice_the_root_of_mean_squares_and_shrinks_with_runs() -> None:
    found = tolerance(True, False, 1, WORLD)
    assert found and found.points == pytest.approx(SPAN * sqrt(12.5))
    several = tolerance(True, False, 4, WORLD)
    assert several and several.points == pytest.approx(SPAN * sqrt(12.5) / 2)
    assert found.source == "2 records of SET on another processor"


def test_processor_and_code_move_a_number_as_independent_things_do() -> None:
    found = tolerance(True, True, 1, WORLD)
    assert found and found.points == pytest.approx(SPAN * sqrt(12.5 + 1))


def test_what_was_not_measured_has_no_tolerance() -> None:
    assert tolerance(False, True, 1, WORLD[:2]) is None


@pytest.mark.parametrize(
    ("gaps", "said"),
    [
        ((0.0, 0.0), "equivalent code, checked on 2 records of SET"),
        ((0.0, -1.5), "rounds otherwise: of 2 records of SET 1 came out the same, others up to 1.5 points off"),
    ],
)
def test_code_is_equivalent_where_all_repeats_came_out_the_same(gaps: tuple[float, ...], said: str) -> None:
    made = [repeat(gap, code="pretrain c probe b") for gap in gaps]
    assert checked("pretrain", "a", "c", made) == said
    assert checked("pretrain", "a", "d", made) == ""


def test_repeats_on_another_processor_say_nothing_of_code() -> None:
    assert checked("pretrain", "a", "c", [repeat(0.0, OTHER, "pretrain c probe b")]) == ""


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("AMD EPYC, 2 cores", "AMD EPYC (avx512), 8 cores", True),
        ("AMD EPYC (avx2), 2 cores", "AMD EPYC (avx512), 2 cores", False),
        ("AMD EPYC, 2 cores", "Intel(R) Xeon(R) Processor, 2 cores", False),
    ],
)
def test_processors_are_the_same_by_name_and_by_vectors_where_both_tell_them(one: str, other: str, same: bool) -> None:
    assert same_processor(one, other) is same


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    for one in WORLD:
        keep([one], tmp_path / "made.csv")
    assert list(measured(tmp_path / "made.csv")) == WORLD


def test_the_page_on_repeats_says_what_was_measured() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs/repeat.md").read_text()
    for kind, words in (
        ((False, True), "by {} points with the\ncode"),
        ((True, False), "by {} points with the processor"),
    ):
        found = tolerance(*kind, runs=1)
        assert found and words.format(f"{found.points / SPAN:.1f}") in page
    same = [one.moved for one in measured() if one.same]
    assert f"{same.count((False, True))} of the 20" in page


def test_the_committed_repeats_give_both_tolerances() -> None:
    assert tolerance(True, False, 1) and tolerance(False, True, 1)
    assert all(sum(one.moved == kind for one in measured()) >= 20 for kind in ((True, False), (False, True)))
