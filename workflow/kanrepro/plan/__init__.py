"""The plan of a target before anything runs: jobs by rule, and the CPU and GPU hours, memory and disk they will take.

Made from what `snakemake --dry-run` prints, and what earlier runs left (records, benchmark files, outputs) in the
folder of the checkout. docs/plan.md says where each number comes from.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kanrepro.plan.costs import Cost, Costs
from kanrepro.plan.jobs import Job


@dataclass
class RulePlan:
    """The jobs of a rule. Seconds and bytes are of those jobs alone that there is data of, counted in `known_*`."""

    rule: str
    jobs: int = 0
    known_time: int = 0
    known_disk: int = 0
    on_gpu: int = 0
    cpu_seconds: float = 0.0
    gpu_seconds: float = 0.0
    asked_mb: float = 0.0
    measured_mb: float | None = None
    disk_bytes: float = 0.0
    may_use_gpu: int = 0
    sources: dict[str, int] = field(default_factory=dict)

    def add(self, job: Job, cost: Cost) -> None:
        """Count one more job."""
        self.jobs += 1
        self.may_use_gpu += job.gpus > 0
        self.asked_mb = max(self.asked_mb, job.memory_mb)
        self.sources[cost.source] = self.sources.get(cost.source, 0) + 1
        if cost.seconds is not None:
            self.known_time += 1
            self.cpu_seconds += cost.seconds * job.threads
            self.on_gpu += cost.gpu
            self.gpu_seconds += cost.seconds * job.gpus if cost.gpu else 0.0
        if cost.memory_mb is not None:
            self.measured_mb = max(self.measured_mb or 0.0, cost.memory_mb)
        if cost.disk is not None:
            self.known_disk += 1
            self.disk_bytes += cost.disk


@dataclass(frozen=True)
class Plan:
    """A target's jobs and what bounds its wall time, in seconds, from below.

    Attributes:
        work_seconds: work divided by the cores.
        gpu_seconds: work of the jobs that ask for a GPU, divided by the GPUs: no more of them run at once.
        chain_seconds, chain: the longest chain of jobs that wait for each other, and its rules.
        together_mb: the most memory that jobs which fit the cores and GPUs ask for at once.
        hardware: the machines that the measurements come from.
    """

    cores: int
    gpus: int
    rules: list[RulePlan]
    work_seconds: float
    gpu_seconds: float
    chain_seconds: float
    chain: list[str]
    together_mb: float
    hardware: list[str]


def plan(found: Sequence[Job], cores: int, gpus: int, folder: Path = Path()) -> Plan:
    """The plan of `found`, on so many cores and GPUs, with the measurements that `folder` holds."""
    working = [job for job in found if job.command is not None]
    costs = Costs(folder, found)
    cost_of = {job.number: costs.of(job) for job in working}
    rules: dict[str, RulePlan] = {}
    for job in working:
        rules.setdefault(job.rule, RulePlan(job.rule)).add(job, cost_of[job.number])
    seconds = {job.number: cost_of[job.number].seconds or 0.0 for job in working}
    chain_seconds, chain = longest_chain(found, seconds)
    return Plan(
        cores,
        gpus,
        list(rules.values()),
        sum(seconds[job.number] * min(job.threads, cores) for job in working) / cores,
        sum(seconds[job.number] for job in working if job.gpus) / max(gpus, 1),
        chain_seconds,
        chain,
        memory_together(working, cores, gpus),
        sorted({name for cost in cost_of.values() for name in cost.hardware}),
    )


def longest_chain(found: Sequence[Job], seconds: dict[int, float]) -> tuple[float, list[str]]:
    """The largest sum of `seconds` over jobs of which each needs the one before, and the rules of these jobs."""
    made_by = {path: job.number for job in found for path in job.outputs}
    needs = {job.number: {made_by[path] for path in job.inputs if path in made_by} for job in found}
    rule = {job.number: job.rule for job in found}
    best: dict[int, tuple[float, list[str]]] = {}
    waiting = list(needs)
    while waiting:
        number = waiting[-1]
        missing = [one for one in needs[number] if one not in best]
        if missing:
            waiting += missing
            continue
        waiting.pop()
        if number not in best:
            before, rules = max((best[one] for one in needs[number]), default=(0.0, []), key=lambda one: one[0])
            spent = seconds.get(number, 0.0)
            best[number] = before + spent, [*rules, rule[number]] if spent else rules
    return max(best.values(), default=(0.0, []), key=lambda one: one[0])


def memory_together(found: Sequence[Job], cores: int, gpus: int) -> float:
    """The most MB that jobs which fit into the cores and GPUs ask for; they need not all be ready at once."""
    alike: dict[tuple[int, int], list[float]] = {}
    for job in found:
        alike.setdefault((min(job.threads, cores), job.gpus), []).append(job.memory_mb)
    best = {(0, 0): 0.0}  # cores and GPUs in use -> MB
    for (threads, wanted), memory in alike.items():
        for mb in sorted(memory, reverse=True)[: cores // threads]:
            for (c, g), total in list(best.items()):
                used = c + threads, g + wanted
                if used[0] <= cores and used[1] <= gpus:
                    best[used] = max(best.get(used, 0.0), total + mb)
    return max(best.values())
