"""What a job will take: from measurements of the same job, of the same work on other data, or not known.

Nothing is guessed. A training or evaluation is estimated from runs with the same settings (but for the epochs) of the
same method or model, on the same data set where there is one, else on other sets in proportion to what the work grows
with. Any other job has the mean of its own benchmark files, light ones that of their rule's. Disk comes from outputs
that exist.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kanrepro.core.costs import Job, what
from kanrepro.plan.measured import Benchmark, Measured, described, families, measurements

# of the report over all families; what these take hardly depends on the data, as of the families' own light rules
LIGHT = {"table", "report_page"}


@dataclass(frozen=True)
class Cost:
    """Of one job. `seconds` is wall time, None where there is no data; `gpu`: measured on a GPU.

    `memory_mb` is the largest measured, `disk` the bytes of its outputs; None where unknown. `source` says whence.
    """

    seconds: float | None
    gpu: bool
    memory_mb: float | None
    disk: float | None
    source: str
    hardware: frozenset[str] = frozenset()


class Costs:
    """The costs of jobs, by what earlier runs below a folder left."""

    def __init__(self, folder: Path, jobs: Iterable[Job]) -> None:
        self.folder = folder
        self.made_by = {path: job for job in jobs for path in job.outputs}
        self.same = {rule: other for family in families() for rule, other in family.same.items()}
        self.families = {rule: family for family in families() for rule in family.grows}
        self.light = LIGHT.union(*(family.light for family in families()))
        self.described = described(folder)
        self.measured: dict[tuple[str, tuple[str, ...]], list[Measured]] = defaultdict(list)
        for found in measurements(folder, self.described):
            self.measured[found.ran.rule, found.ran.what[1:]].append(found)  # what[0] is the data set
        self._globbed: dict[str, list[Path]] = {}

    def of(self, job: Job) -> Cost:
        """The cost of one job."""
        measurable = self._work(job) in self.families
        found = self._from_records(job) if measurable else None
        same = found is None or "other data sets" not in found.source
        disk = self._disk(job, anywhere=same and (found is not None or not measurable))
        if found is None or found.seconds is None:
            timed = self._from_benchmarks(job)
            found = timed if timed.seconds is not None or found is None else found
        return Cost(found.seconds, found.gpu, found.memory_mb, disk, found.source, found.hardware)

    # trainings and evaluations

    def _work(self, job: Job) -> str:
        """The rule whose measurements speak for a job."""
        return self.same.get(job.rule, job.rule)

    def _from_records(self, job: Job) -> Cost | None:
        """By records of the same work; None where there is none of this method or model at all."""
        rule = self._work(job)
        known = self.measured.get((rule, what(**job.wildcards)[1:]), [])
        if not known:
            return None
        family = self.families[rule]
        settings, epochs, size = family.asked(job, self.made_by)
        alike = [one for one in known if family.alike(one.ran, settings, job)]
        if not alike:
            presets = ", ".join(sorted({one.ran.preset for one in known}))
            return Cost(None, False, None, None, f"no data: runs of {presets} had other settings")
        dataset = job.wildcards["dataset"]
        amount = family.work(rule, dataset, epochs, size, self.described)
        here = [one for one in alike if one.ran.what[0] == dataset]
        chosen = _for_device(here or alike, job)
        if not chosen:
            return Cost(None, False, None, None, "no data: never run on a GPU")
        exact = here and (amount is None or all(one.work == amount for one in chosen))
        if not (exact or (amount and all(one.work for one in chosen))):
            return Cost(None, False, None, None, f"no data: nothing here has counted {dataset}")
        done = 1.0 if exact else sum(one.work or 0 for one in chosen) / len(chosen) / (amount or 1)
        seconds = sum(one.ran.seconds for one in chosen) / len(chosen) / done
        return Cost(
            seconds,
            chosen[0].ran.gpu,
            max(one.ran.memory_mb for one in chosen) if here else None,
            None,
            _said(chosen)
            + ("" if exact else f", scaled by {family.grows[rule]}" + ("" if here else ", other data sets")),
            frozenset(one.ran.hardware for one in chosen),
        )

    # everything else

    def _from_benchmarks(self, job: Job) -> Cost:
        """By benchmark files of the same job with any seed; of light jobs also of other presets and data sets."""
        if job.benchmark is None:
            return Cost(None, False, None, None, "no data: the rule writes no benchmark file")
        patterns = {_any_seed(job.benchmark, job): "same job"}
        if job.rule in self.light:
            patterns[_any_preset(_any_seed(job.benchmark, job), job)] = "same job, any preset"
            if job.wildcards.get("dataset"):
                folder = _any_preset(str(Path(job.benchmark).parent), job)
                patterns[f"{folder}/*.tsv"] = "other jobs of the rule, unscaled"
        for pattern, source in patterns.items():
            timed = [one for path in self._glob(pattern) if (one := Benchmark.read(path))]
            if timed:
                seconds = sum(one.seconds for one in timed) / len(timed)
                memory = max((one.memory_mb for one in timed if one.memory_mb is not None), default=None)
                return Cost(seconds, False, memory, None, f"benchmark files ({len(timed)}), {source}")
        return Cost(None, False, None, None, "no data: no earlier run")

    def _disk(self, job: Job, anywhere: bool) -> float | None:
        """Bytes of the outputs, by those that exist with any seed, and (`anywhere`) of any preset."""
        total = 0.0
        for path in job.outputs:
            pattern = _any_seed(path, job)
            found = self._glob(pattern) or (self._glob(_any_preset(pattern, job)) if anywhere else [])
            if not found:
                return None
            total += sum(one.stat().st_size for one in found) / len(found)
        return total

    def _glob(self, pattern: str) -> list[Path]:
        if pattern not in self._globbed:
            self._globbed[pattern] = sorted(path for path in self.folder.glob(pattern) if path.is_file())
        return self._globbed[pattern]


def _for_device(found: list[Measured], job: Job) -> list[Measured]:
    """Those measured on the kind of device that the job may use: a GPU where it may and there are any, else the CPU."""
    on_gpu = [one for one in found if one.ran.gpu]
    if job.gpus and on_gpu:
        return on_gpu
    return [] if job.device.startswith("cuda") else [one for one in found if not one.ran.gpu]


def _said(chosen: list[Measured]) -> str:
    counted: Mapping[str, int] = Counter(one.source for one in chosen)
    return " and ".join(f"{number} {source.replace(' ', 's ', 1)}" for source, number in sorted(counted.items()))


def _any_seed(path: str, job: Job) -> str:
    """A glob pattern of the path with any seed in the place of the job's."""
    seed = job.wildcards.get("seed")
    if seed is None:
        return path
    head, _, last = path.rpartition("/")
    parts = ["[0-9]*" if part == seed else part for part in head.split("/")]
    stem, dot, suffix = last.rpartition(".")
    if stem == seed or stem.endswith(f"-{seed}"):
        stem = f"{stem[: len(stem) - len(seed)]}[0-9]*"
    return "/".join([*parts, f"{stem}{dot}{suffix}"])


def _any_preset(path: str, job: Job) -> str:
    """A glob pattern of the path with any preset in the place of the job's."""
    return path.replace(f"/{job.preset}/", "/*/", 1) if job.preset else path
