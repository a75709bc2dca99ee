"""Claims over sets: tiny worlds with the whole answer, and Holm's correction."""

import math
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from kanrepro.core.errors import UserError
from kanrepro.report.statistics import Interval
from kanrepro.studies import claims
from kanrepro.studies.claims import Claim, Finding, corrected, measured, over_sets

CLAIM = Claim("part", "a beats b", "Table", ("a", "r"), ("b", "r"))


def test_over_sets_the_sets_are_the_sample() -> None:
    gaps = {"A": [1.0, 3.0], "B": [4.0, 4.0], "C": [0.0, 0.0]}  # means 2, 4, 0
    cells = {(name, "b", "r"): {0: 50.0, 1: 60.0} for name in gaps}
    cells |= {(name, "a", "r"): {0: 50 + g[0], 1: 60 + g[1], 2: 99.0} for name, g in gaps.items()}
    found = over_sets(cells, CLAIM)
    assert found.sets == ("A", "B", "C") and found.pairs == 6 and found.found is not None
    half = stats.t.ppf(0.975, 2) * 2 / math.sqrt(3)
    assert found.found.difference == pytest.approx(2.0)
    assert (found.found.low, found.found.high) == pytest.approx((2 - half, 2 + half))
    assert {name: each.difference for name, each in found.each.items()} == {"A": 2.0, "B": 4.0, "C": 0.0}
    one = over_sets(cells, Claim("part", "x", "y", ("a", "r"), ("b", "r"), without=("B", "C")))
    assert one.sets == ("A",) and one.found is not None and one.found.difference == pytest.approx(2.0)
    known: Any = stats.ttest_1samp([1.0, 3.0], 0)
    assert one.found.p == pytest.approx(known.pvalue)


def test_what_lacks_a_row_is_not_run() -> None:
    assert over_sets({("A", "a", "r"): {0: 1.0}}, CLAIM).verdict == "not run"


def test_holm_steps_down_within_each_part() -> None:
    def finding(part: str, p: float, difference: float = 1.0) -> Finding:
        return Finding(Claim(part, "", "", ("a", "r"), ("b", "r")), ("A",), 5, Interval(difference, 0, 2, p, 5), {})

    made = corrected([finding("x", 0.04), finding("x", 0.01, -1.0), finding("x", 0.03), finding("y", 0.04)])
    assert [f.holm for f in made] == pytest.approx([0.06, 0.03, 0.06, 0.04])
    assert [f.verdict for f in made] == ["not shown", "the opposite holds", "not shown", "holds"]


def test_an_mlp_on_a_labelled_set_has_one_reading(write_cell, folder: Path) -> None:
    write_cell("MUTAG", "graphcl", "literal", [80.0, 81.0, 82.0])
    write_cell("MUTAG", "wo_hard_neg", "repaired", [82.0, 83.0, 84.1])
    write_cell("IMDB-BINARY", "graphcl", "literal", [60.0, 61.0, 62.0])
    write_cell("IMDB-BINARY", "wo_hard_neg", "repaired", [62.0, 63.0, 64.1])
    found = [f for f in measured(folder) if f.found]
    assert [(f.claim.text, f.sets, f.pairs) for f in found] == [("KANs in place of MLPs gain", ("MUTAG",), 3)]


def test_no_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a folder with records"):
        measured(tmp_path / "none")


def test_every_claim_names_two_different_rows() -> None:
    for _, _, listed in claims.PARTS:
        assert listed and all(claim.more != claim.less for claim in listed)
        assert len(set(listed)) == len(listed)
