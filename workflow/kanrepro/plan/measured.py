"""What training and evaluation took in earlier runs, from their records and from the benchmark files beside them.

A record says how long its stages ran, with which settings, on what data and machine. Where the workflow's benchmark
file of the same job is still there, its seconds and memory are taken instead: they count the start of Python too.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kanrepro.core.costs import Costs, Ran
from kanrepro.core.family import load
from kanrepro.core.files import read_json
from kanrepro.families import FAMILIES


@dataclass(frozen=True)
class Measured:
    """One run of a stage, its work in the unit of `Costs.grows`, and whence its numbers: `record of small`, or so."""

    ran: Ran
    work: float | None
    source: str


@dataclass(frozen=True)
class Benchmark:
    """A benchmark file: wall seconds and the largest resident memory in MB, None where Snakemake saw none."""

    seconds: float
    memory_mb: float | None

    @classmethod
    def read(cls, path: Path) -> "Benchmark | None":
        """The mean of its repeats; None where the file is not there or not whole."""
        try:
            head, *rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
            cells = [dict(zip(head, row, strict=True)) for row in rows]
            seconds = [float(row["s"]) for row in cells]
            memory = [float(row["max_rss"]) for row in cells if row["max_rss"] not in ("-", "NA")]
            return cls(sum(seconds) / len(seconds), max(memory, default=None))
        except (OSError, ValueError, KeyError, ZeroDivisionError):
            return None


def families() -> list[Costs]:
    """What each family knows of its jobs."""
    return [load(family.costs).COSTS for family in FAMILIES if family.costs]


def described(folder: Path) -> dict[str, Any]:
    """Data set -> its description, of all presets below `folder`/results."""
    return {path.stem: read_json(path) for path in sorted(folder.glob("results/*/records/data/*.json"))}


def measurements(folder: Path, sets: dict[str, Any]) -> list[Measured]:
    """Everything that the records of all presets below `folder`/results say of the stages' cost.

    Args:
        sets: data set -> its description.

    Raises:
        UserError: a record cannot be read.
    """
    return [
        _measured(ran, costs.work(ran.rule, ran.what[0], ran.epochs, ran.size, sets), folder)
        for records in sorted(folder.glob("results/*/records"))
        for costs in families()
        for ran in costs.ran(records)
    ]


def _measured(ran: Ran, work: float | None, folder: Path) -> Measured:
    """A run with the benchmark file of the same job where it is there and not of another stage's run."""
    timed = Benchmark.read(folder / "benchmarks" / ran.preset / ran.benchmark)
    if not timed or timed.seconds < ran.seconds:  # shorter: a resumed run; the record counts all of it
        return Measured(ran, work, f"record of {ran.preset}")
    known = replace(ran, seconds=timed.seconds, memory_mb=timed.memory_mb or ran.memory_mb)
    return Measured(known, work, f"benchmark of {ran.preset}")
