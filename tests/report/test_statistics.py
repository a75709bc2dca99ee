"""Welch, equivalence bound and verdict: textbook values, coverage by simulation, and laws."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from kanrepro.report.statistics import Summary, compare, paired, welch

means = st.floats(0, 100)
stds = st.floats(0.01, 10)
runs = st.integers(2, 10)
summaries = st.builds(Summary, runs, means, stds)


def test_summary_of_a_tiny_sample():
    assert Summary.of([1.0, 2.0, 3.0, 4.0]) == Summary(4, 2.5, math.sqrt(5 / 3))


def test_summary_of_one_value_has_no_standard_deviation():
    assert Summary.of([88.0]) == Summary(1, 88.0, None)


def test_equal_values_have_exactly_no_spread():
    assert Summary.of([0.1 + 0.2] * 7) == Summary(7, 0.1 + 0.2, 0.0)


def test_summary_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        Summary.of([])


@given(st.lists(means, min_size=1, max_size=8), st.randoms())
def test_summary_does_not_depend_on_order(values, random):
    shuffled = list(values)
    random.shuffle(shuffled)
    assert Summary.of(values) == Summary.of(shuffled)


def test_welch_by_hand():
    # two samples of 2 with variance 2: standard error sqrt(2), 2 degrees of freedom, t = 3 / sqrt(2);
    # Student's t with 2 degrees of freedom has the closed form p = 1 - t / sqrt(2 + t^2)
    first, second = Summary.of([0.0, 2.0]), Summary.of([3.0, 5.0])
    t = 3 / math.sqrt(2)
    found = welch(first, second)
    assert found.difference == 3.0
    assert found.p == pytest.approx(1 - t / math.sqrt(2 + t * t), rel=1e-12)
    # its 95 % quantile is 0.9 * sqrt(2 / (1 - 0.9^2))
    half = 0.9 * math.sqrt(2 / (1 - 0.81)) * math.sqrt(2)
    assert (found.low, found.high) == pytest.approx((3 - half, 3 + half), rel=1e-12)


def test_welch_agrees_with_the_test_on_raw_values():
    first = [27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1]
    second = [27.1, 22.0, 20.8, 23.4, 23.4, 23.5]
    raw: Any = stats.ttest_ind(second, first, equal_var=False)
    found = welch(Summary.of(first), Summary.of(second))
    assert found.p == pytest.approx(raw.pvalue, rel=1e-12)
    interval = raw.confidence_interval(0.9)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-12)


def test_welch_interval_covers_the_truth():
    random = np.random.default_rng(0)
    hits = 0
    for _ in range(1500):
        found = welch(Summary.of(random.normal(3, 1, 5)), Summary.of(random.normal(3.5, 0.4, 5)))
        hits += found.low <= 0.5 <= found.high
    assert 0.88 < hits / 1500 < 0.94


def test_reproduced_is_rarely_said_of_a_difference_as_large_as_the_margin():
    random = np.random.default_rng(1)
    said = sum(
        compare(Summary.of(random.normal(0, 0.5, 5)), Summary.of(random.normal(1, 0.5, 5)), margin=1.0).verdict
        == "reproduced"
        for _ in range(1500)
    )
    assert said / 1500 < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 1500)


def test_differs_is_rarely_said_of_equal_means():
    random = np.random.default_rng(2)
    said = sum(
        compare(Summary.of(random.normal(0, 3, 5)), Summary.of(random.normal(0, 3, 5)), margin=1.0).verdict == "differs"
        for _ in range(1500)
    )
    assert said / 1500 < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 1500)


@pytest.mark.parametrize(
    ("printed", "measured", "verdict"),
    [
        (Summary(5, 80.0, 0.3), Summary(5, 80.2, 0.3), "reproduced"),
        (Summary(5, 80.0, 0.1), Summary(5, 80.5, 0.1), "reproduced"),  # p is tiny, but within the margin
        (Summary(5, 80.0, 0.5), Summary(5, 84.0, 0.5), "differs"),
        (Summary(5, 80.0, 3.0), Summary(5, 80.0, 3.0), "inconclusive"),  # too noisy to say
        (Summary(5, 80.0, 0.0), Summary(5, 80.0, 0.0), "reproduced"),
        (Summary(5, 80.0, 0.0), Summary(5, 81.5, 0.0), "differs"),
        (Summary(5, 80.0, 0.0), Summary(5, 80.1, 0.2), "reproduced"),
        (Summary(5, 80.0, None), Summary(5, 90.0, 0.2), "inconclusive"),
        (Summary(5, 80.0, 0.2), Summary(1, 90.0, None), "inconclusive"),
        (Summary(5, 80.0, 0.2), None, "not run"),
        (None, Summary(5, 80.0, 0.2), "not printed"),
        (None, None, "not run"),
    ],
)
def test_verdict(printed, measured, verdict):
    assert compare(printed, measured, margin=1.0).verdict == verdict


def test_a_missing_test_says_why():
    assert compare(Summary(5, 80.0, None), Summary(5, 80.0, 0.1)).reason == "no printed standard deviation"
    assert compare(Summary(5, 80.0, 0.1), Summary(1, 80.0, None)).reason == "one run has no standard deviation"


@given(summaries, summaries)
def test_comparison_changes_sign_when_exchanged(first, second):
    one, other = compare(first, second), compare(second, first)
    assert one.difference == pytest.approx(-(other.difference or 0.0))
    assert one.bound == pytest.approx(other.bound, rel=1e-9)
    assert one.p == pytest.approx(other.p, rel=1e-9)
    assert one.verdict == other.verdict


@given(summaries, summaries, st.floats(0.01, 20))
def test_bound_is_the_smallest_margin_that_reproduces(printed, measured, margin):
    found: Any = compare(printed, measured, margin)
    assert None not in (found.bound, found.low, found.high, found.difference)
    assert found.low <= found.difference <= found.high
    assert found.bound >= abs(found.difference)
    assert (found.verdict == "reproduced") == (found.bound <= margin)
    assert compare(printed, measured, found.bound).verdict == "reproduced"
    assert compare(printed, measured, math.nextafter(found.bound, 0)).verdict != "reproduced"


def test_paired_by_hand():
    # differences 1 and 3 over seeds 0 and 2: mean 2, standard error 1, one degree of freedom (Cauchy)
    found = paired({0: 80.0, 1: 90.0, 2: 70.0}, {0: 81.0, 2: 73.0, 5: 60.0})
    assert found is not None
    assert (found.difference, found.n) == (2.0, 2)
    assert found.p == pytest.approx(1 - 2 / math.pi * math.atan(2), rel=1e-12)
    half = math.tan(math.pi * 0.475)
    assert (found.low, found.high) == pytest.approx((2 - half, 2 + half), rel=1e-9)


def test_paired_without_spread_and_without_pairs():
    same = paired({0: 1.0, 1: 2.0}, {0: 1.5, 1: 2.5})
    assert same is not None and (same.low, same.high, same.p) == (0.5, 0.5, 0.0)
    none = paired({0: 1.0, 1: 2.0}, {0: 1.0, 1: 2.0})
    assert none is not None and none.p == 1.0
    assert paired({0: 1.0, 1: 2.0}, {1: 2.0, 2: 3.0}) is None
