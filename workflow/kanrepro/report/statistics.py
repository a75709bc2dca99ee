"""Tests from summary statistics: Welch's t-test, the equivalence bound of two one-sided tests, and the verdict.

A printed number comes as mean, standard deviation and number of runs, so everything here needs no more than that.
All quantities are in the unit of the means (percentage points in the tables). docs/tables.md explains the rule.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from scipy import stats

ALPHA = 0.05
MARGIN = 1.0  # percentage points

Verdict = Literal["reproduced", "differs", "inconclusive", "not comparable", "not run", "not printed"]


@dataclass(frozen=True)
class Summary:
    """A sample by its size, mean and standard deviation (n - 1); `std` is None where it is unknown or n is 1."""

    n: int
    mean: float
    std: float | None

    @classmethod
    def of(cls, values: Iterable[float]) -> "Summary":
        """The summary of `values`, the same for every order of them. Raises ValueError where there are none."""
        values = list(values)
        if not values:
            raise ValueError("a summary needs at least one value")
        n, mean = len(values), math.fsum(values) / len(values)
        if n == 1:
            return cls(1, mean, None)
        if min(values) == max(values):
            return cls(n, values[0], 0.0)  # exactly: no spread invented by rounding
        return cls(n, mean, math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1)))


@dataclass(frozen=True)
class Interval:
    """A difference with its two-sided test against zero and a confidence interval."""

    difference: float
    low: float
    high: float
    p: float
    n: int  # the smaller sample, or the number of pairs


@dataclass(frozen=True)
class Comparison:
    """Measured against printed: difference (measured - printed), 90 % interval, Welch p, bound and verdict.

    `bound` is the smallest margin at which two one-sided tests at 5 % call the means equivalent. `reason` says why a
    test is missing. Undefined quantities are None.
    """

    verdict: Verdict
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    bound: float | None = None
    reason: str = ""


def welch(first: Summary, second: Summary, confidence: float = 1 - 2 * ALPHA) -> Interval:
    """Welch's t-test of `second.mean - first.mean`, and its Welch-Satterthwaite confidence interval.

    Raises ValueError where a sample has no standard deviation.
    """
    if first.std is None or second.std is None:
        raise ValueError("Welch's test needs two standard deviations")
    difference, n = second.mean - first.mean, min(first.n, second.n)
    u, v = first.std**2 / first.n, second.std**2 / second.n
    if u + v == 0:  # no spread at all: the means are taken as they are
        return Interval(difference, difference, difference, 1.0 if difference == 0 else 0.0, n)
    p = stats.ttest_ind_from_stats(
        second.mean, second.std, second.n, first.mean, first.std, first.n, equal_var=False
    ).pvalue  # fmt: skip
    # Satterthwaite from shares, so that tiny variances do not underflow when squared
    share = u / (u + v)
    freedom = 1 / (share**2 / (first.n - 1) + (1 - share) ** 2 / (second.n - 1))
    half = float(stats.t.ppf((1 + confidence) / 2, freedom)) * math.sqrt(u + v)
    return Interval(difference, difference - half, difference + half, float(p), n)


def paired(first: Mapping[int, float], second: Mapping[int, float], confidence: float = 1 - ALPHA) -> Interval | None:
    """The paired t-test of second - first over the keys (seeds) that both have; None with fewer than two pairs."""
    seeds = sorted(first.keys() & second.keys())
    if len(seeds) < 2:
        return None
    gap = Summary.of(second[seed] - first[seed] for seed in seeds)
    assert gap.std is not None
    error = gap.std / math.sqrt(gap.n)
    if error == 0:
        return Interval(gap.mean, gap.mean, gap.mean, 1.0 if gap.mean == 0 else 0.0, gap.n)
    p = 2 * float(stats.t.sf(abs(gap.mean) / error, gap.n - 1))
    half = float(stats.t.ppf((1 + confidence) / 2, gap.n - 1)) * error
    return Interval(gap.mean, gap.mean - half, gap.mean + half, p, gap.n)


def compare(
    printed: Summary | None, measured: Summary | None, margin: float = MARGIN, unlike: Sequence[str] = ()
) -> Comparison:
    """The verdict on a measured number beside the printed one.

    `reproduced`: the 90 % interval of the difference lies within +- margin (two one-sided tests at 5 %), whatever
    Welch's p; `differs`: not that, and Welch p < 0.05; `inconclusive`: neither, or no test is possible;
    `not comparable`: the number was measured `unlike` the printed one, in settings that are named.
    """
    if measured is None:
        return Comparison("not run")
    if printed is None:
        return Comparison("not printed")
    difference = measured.mean - printed.mean
    if unlike:
        return Comparison("not comparable", difference, reason=f"run with {', '.join(unlike)}")
    if printed.std is None:
        return Comparison("inconclusive", difference, reason="no printed standard deviation")
    if measured.std is None:
        return Comparison("inconclusive", difference, reason="one run has no standard deviation")
    test = welch(printed, measured)
    bound = max(abs(test.low), abs(test.high))
    verdict: Verdict = "inconclusive"
    if bound <= margin:
        verdict = "reproduced"
    elif test.p < ALPHA:
        verdict = "differs"
    return Comparison(verdict, difference, test.low, test.high, test.p, bound)
