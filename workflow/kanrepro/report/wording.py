"""How numbers and standing sentences are written in tables."""

import math
import os
from collections.abc import Collection
from pathlib import Path

from kanrepro.report.published import PRINTED_NAME
from kanrepro.report.statistics import Interval, Summary

NOT_RUN = "not run"

STAND_IN = (
    "These are stand-in data sets that come with the installed packages, not the data sets of the paper. They show "
    "that the whole workflow runs; no printed number stands beside them, and they say nothing about the paper."
)
MEASURED = "Measured: mean ± standard deviation (n − 1) over runs, number of runs in brackets"
VERDICTS = (
    "`=` reproduced (equivalent within {margin} by two one-sided tests at 5 %), `≠` differs "
    "(Welch p < 0.05 and not equivalent), `?` inconclusive (neither shown)"
)


def introduction(preset: str, datasets: Collection[str], stand_ins: Collection[str], margin: float, runs: int) -> str:
    """The paragraph under the title of a table of `datasets`, some perhaps stand-ins; `runs`: of a printed cell."""
    if only(stand_ins, datasets):
        return f"Preset `{preset}`. {STAND_IN} {MEASURED}."
    named = f" Stand-ins, of which the paper prints nothing: {', '.join(sorted(stand_ins))}." if stand_ins else ""
    printed = f"Printed: as in the paper, taken as {runs} runs.{named}"
    return f"Preset `{preset}`. {printed} {MEASURED}, then the verdict: {VERDICTS.format(margin=points(margin))}."


def only(stand_ins: Collection[str], datasets: Collection[str]) -> bool:
    """Whether there are data sets and all of them are stand-ins: no published number is shown then."""
    return bool(datasets) and set(datasets) <= set(stand_ins)


def points(margin: float) -> str:
    """A number of percentage points in words."""
    return f"{margin:g} percentage point" + ("" if margin == 1 else "s")


def number(summary: Summary, digits: int = 1) -> str:
    """mean ± std; the mean alone where there is one run."""
    mean = f"{summary.mean:.{digits}f}"
    return mean if summary.std is None else f"{mean} ± {summary.std:.{digits}f}"


def signed(value: float | None, digits: int = 2) -> str:
    """A difference with its sign; zero has none."""
    if value is None:
        return "not defined"
    text = f"{abs(value):.{digits}f}"
    return text if not float(text) else ("+" if value > 0 else "−") + text


def interval(low: float | None, high: float | None, digits: int = 2) -> str:
    return "not defined" if low is None or high is None else f"[{signed(low, digits)}, {signed(high, digits)}]"


def probability(p: float | None) -> str:
    if p is None:
        return "not defined"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def bound(value: float | None) -> str:
    """An equivalence bound, rounded up: the printed margin must not claim more than was found."""
    return "not defined" if value is None else f"±{math.ceil(round(value * 100, 6)) / 100:.2f}"


def direction(found: Interval) -> str:
    """`up` or `down` where the interval leaves out zero, else nothing."""
    return "up" if found.low > 0 else "down" if found.high < 0 else ""


def short(dataset: str) -> str:
    """The printed tables' name of a data set."""
    return PRINTED_NAME.get(dataset, dataset)


def relative(path: Path, base: Path) -> str:
    """`path` as seen from the folder `base`, with forward slashes."""
    return Path(os.path.relpath(path, base)).as_posix()
