"""Timing side by side, and the lines that benchmarks yield.

Competitors run in turn, A B A B ..., in one process, so that a busy neighbour or a changing clock meets all of them. A
ratio is that of the fastest runs: what slows a run down is never the code that is measured. Median and spread stand
beside it, and tell how quiet the machine was.
"""

import operator
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

COMPARE = {"<=": operator.le, ">=": operator.ge}


@dataclass(frozen=True)
class Effort:
    """How much to measure; `quick` is a smoke test at small sizes, whose targets are not judged."""

    quick: bool = False
    seconds: float = 8.0  # for one comparison
    rounds: tuple[int, int] = (5, 200)  # at least, at most
    threads: tuple[int, ...] = (1, 2)

    @classmethod
    def small(cls) -> "Effort":
        return cls(quick=True, seconds=0.05, rounds=(2, 5), threads=(1,))


@dataclass(frozen=True)
class Times:
    """Seconds of repeated runs."""

    seconds: list[float]

    @property
    def least(self) -> float:
        return min(self.seconds)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def spread(self) -> float:
        """(largest - least) / median."""
        return (max(self.seconds) - self.least) / self.median

    def summary(self) -> dict[str, float | int]:
        """The numbers that are kept, in milliseconds; the spread is a fraction."""
        return {
            "least_ms": _rounded(1e3 * self.least),
            "median_ms": _rounded(1e3 * self.median),
            "spread": _rounded(self.spread),
            "runs": len(self.seconds),
        }


@dataclass(frozen=True)
class Line:
    """One number, or why there is none.

    Attributes:
        name: what was measured.
        value: None where it could not be measured; `note` then says why.
        unit: of the value; "x" for a ratio.
        target: such as "<= 1.25", or None.
        threads: CPU threads, None where that does not matter.
        note: how the number came about, where it is not plain.
        times: competitor to its times (`Times.summary`).
    """

    name: str
    value: float | None
    unit: str = ""
    target: str | None = None
    threads: int | None = None
    note: str = ""
    times: dict[str, dict[str, float | int]] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is no target or no value."""
        if self.target is None or self.value is None:
            return None
        sign, bound = self.target.split()
        return bool(COMPARE[sign](self.value, float(bound)))

    def document(self) -> dict[str, Any]:
        """As JSON."""
        value = None if self.value is None else _rounded(self.value)
        return {**asdict(self), "value": value, "met": self.met}


def not_measured(name: str, why: str) -> Line:
    """A line without a value."""
    return Line(name, None, note=f"not measured: {why}")


def side_by_side(competitors: Mapping[str, Callable[[], object]], effort: Effort) -> dict[str, Times]:
    """Seconds of each competitor, run in turn for about `effort.seconds`, after one run each that does not count."""
    start = time.perf_counter()
    for run in competitors.values():
        run()
    least, most = effort.rounds
    rounds = int(effort.seconds / (time.perf_counter() - start))
    taken: dict[str, list[float]] = {name: [] for name in competitors}
    for _ in range(min(max(rounds, least), most)):
        for name, run in competitors.items():
            begun = time.perf_counter()
            run()
            taken[name].append(time.perf_counter() - begun)
    return {name: Times(seconds) for name, seconds in taken.items()}


def fastest(name: str, times: dict[str, Times], of: str, unit: str = "ms", **more: Any) -> Line:
    """A line: the least time of `of`, in ms or s."""
    return Line(name, times[of].least * {"ms": 1e3, "s": 1}[unit], unit, times={of: times[of].summary()}, **more)


def ratio(name: str, times: dict[str, Times], over: str, under: str, target: str | None = None, **more: Any) -> Line:
    """A line: the least time of `over` as a multiple of that of `under`."""
    kept = {part: times[part].summary() for part in (over, under)}
    return Line(name, times[over].least / times[under].least, "x", target, times=kept, **more)


def words(*parts: str) -> str:
    """The parts that say something, as one note."""
    return "; ".join(filter(None, parts))


def judged(effort: Effort, target: str) -> str | None:
    """The target, or None in a quick run, whose sizes are not those that the target is about."""
    return None if effort.quick else target


@contextmanager
def threads(count: int) -> Iterator[None]:
    """PyTorch with `count` CPU threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _rounded(value: float) -> float:
    """To four significant digits."""
    return float(f"{value:.4g}")
