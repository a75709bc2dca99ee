"""What the plan and the families tell each other about jobs: which there are, and what earlier ones took."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

_SETTINGS = re.compile(r"--settings '(\{.*?\})'(?= |$)")
_PRESET = re.compile(r"^results/([^/]+)/")
_DEVICE = re.compile(r" --device (\S+)")


@dataclass(frozen=True)
class Job:
    """A job as the dry run prints it. `resources`: those that are numbers, mem_mb in MB and runtime in minutes."""

    rule: str
    number: int = 0
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    benchmark: str | None = None
    wildcards: dict[str, str] = field(default_factory=dict)
    threads: int = 1
    resources: dict[str, float] = field(default_factory=dict)
    command: str | None = None  # None: the rule only names a target

    @property
    def gpus(self) -> int:
        """How many GPUs it asks for."""
        return int(self.resources.get("gpu", 0))

    @property
    def memory_mb(self) -> float:
        """The memory that it asks for; 0 where the rule does not say."""
        return self.resources.get("mem_mb", 0.0)

    @property
    def preset(self) -> str | None:
        """The preset whose results it makes; None for what all presets share."""
        found = [match[1] for path in self.outputs if (match := _PRESET.match(path))]
        return found[0] if found else None

    @property
    def device(self) -> str:
        """What its command says: auto, cpu, cuda or cuda:N."""
        found = _DEVICE.search(self.command or "")
        return found[1] if found else "cpu"

    @cached_property
    def settings(self) -> dict[str, Any] | None:
        """The settings that its command states; None where it states none."""
        found = _SETTINGS.search(self.command or "")
        return json.loads(found[1]) if found else None


@dataclass(frozen=True)
class Ran:
    """One run of a stage, as a record tells of it.

    Attributes:
        what: data set, then what else its wildcards say but for the seed (`what`).
        settings: what it ran with, without the number of epochs, which is `epochs`.
        size: of one example, in a unit of the family's.
        benchmark: the benchmark file of the same job, below benchmarks/<preset>.
    """

    rule: str
    what: tuple[str, ...]
    preset: str
    settings: Any
    epochs: float
    size: int
    seconds: float
    memory_mb: float
    threads: int
    gpu: bool
    hardware: str
    benchmark: str


class Costs:
    """What the jobs of a family take. Each family says what it knows; by default nothing.

    Attributes:
        grows: rule -> what its work grows with, in words.
        same: rule -> the rule whose records speak for it.
        light: rules whose jobs take about the same whatever the data, so that any of them speaks for the others.
    """

    grows: Mapping[str, str] = {}
    same: Mapping[str, str] = {}
    light: frozenset[str] = frozenset()

    def ran(self, records: Path) -> Iterator[Ran]:
        """What the records of a preset say. Raises UserError where one cannot be read."""
        return iter(())

    def work(self, rule: str, dataset: str, epochs: float, size: int, described: Mapping[str, Any]) -> float | None:
        """How much a job has to do, in the unit of `grows`; None for a data set that nothing has counted.

        Args:
            described: data set -> its description (records/data).
        """
        return None

    def asked(self, job: Job, makers: Mapping[str, Job]) -> tuple[Any, float, int]:
        """Settings of a job without the number of epochs, that number, and the size of one example.

        Args:
            makers: file -> the job that makes it.
        """
        return *without_epochs(job.settings), 0

    def alike(self, ran: Ran, settings: Any, job: Job) -> bool:
        """Whether a run had the settings of a job."""
        return ran.settings == settings


def what(**wildcards: str) -> tuple[str, ...]:
    """What tells jobs of a rule apart but for the seed, the data set first."""
    return tuple(wildcards.get(name, "") for name in ("dataset", "method", "reading", "split", "model"))


def without_epochs(settings: Any) -> tuple[Any, float]:
    """Settings of a training without its number of epochs, and that number (1 where it is 0 or not there)."""
    for part in ("optimiser", "training"):
        if isinstance(settings, dict) and "epochs" in settings.get(part, {}):
            rest = {name: value for name, value in settings[part].items() if name != "epochs"}
            return {**settings, part: rest}, max(1.0, settings[part]["epochs"])
    return settings, 1.0
