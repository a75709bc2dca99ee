"""The plan of a target before anything runs: jobs by rule, and the CPU and GPU hours, memory and disk they will take.

Reads what `snakemake --dry-run` prints, and what earlier runs left (records, benchmark files, outputs) in the folder of
the checkout. Prints a table, or JSON with seconds, MB and bytes. docs/plan.md says where each number comes from.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kanrepro.plan.costs import Cost, Costs
from kanrepro.plan.jobs import Job

HOUR, GB, MB = 3600.0, 1e9, 1e6


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


# what is printed

HEAD = ("rule", "jobs", "CPU h", "GPU h", "asked GB", "used GB", "disk MB")


def text(made: Plan) -> str:
    """The plan as a table, then where the numbers come from, then the bounds of the wall time."""
    if not made.rules:
        return "Nothing to do: everything that was asked for is there and up to date."
    rows = [HEAD, *(_row(rule) for rule in made.rules), _total(made.rules)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
    lines.insert(1, "-" * len(lines[0]))
    lines.insert(-1, lines[1])
    lines += ["", "?: no data. n+?: of the jobs that there is data of; the others come on top.", "", "From"]
    nothing: dict[str, list[str]] = {}
    for rule in made.rules:
        for source, count in sorted(rule.sources.items(), key=lambda one: -one[1]):
            if source.startswith("no data") and count == rule.jobs:
                nothing.setdefault(source, []).append(rule.rule)
            else:
                lines.append(f"  {rule.rule}: {count} of {rule.jobs}: {source}")
    lines += [f"  {', '.join(rules)}: {source}" for source, rules in nothing.items()]
    if made.hardware:
        lines.append(f"  records measured on: {'; '.join(made.hardware)}")
    if any(rule.may_use_gpu and rule.known_time > rule.on_gpu for rule in made.rules):
        lines.append("  jobs that may use a GPU count as CPU hours where they were only measured without one")
    return "\n".join([*lines, "", *_bounds(made)])


def _row(rule: RulePlan) -> tuple[str, ...]:
    used = _gb(rule.measured_mb * 1e6) if rule.measured_mb is not None else "?"
    gpu = _known(rule.gpu_seconds / HOUR, rule.on_gpu, rule.may_use_gpu) if rule.may_use_gpu else "0"
    return (
        rule.rule,
        str(rule.jobs),
        _known(rule.cpu_seconds / HOUR, rule.known_time, rule.jobs),
        gpu,
        _gb(rule.asked_mb * 1e6),
        used,
        _known(rule.disk_bytes / MB, rule.known_disk, rule.jobs),
    )


def _total(rules: Sequence[RulePlan]) -> tuple[str, ...]:
    count = sum(rule.jobs for rule in rules)
    may = sum(rule.may_use_gpu for rule in rules)
    used = [rule.measured_mb for rule in rules if rule.measured_mb is not None]
    return (
        "total",
        str(count),
        _known(sum(rule.cpu_seconds for rule in rules) / HOUR, sum(rule.known_time for rule in rules), count),
        _known(sum(rule.gpu_seconds for rule in rules) / HOUR, sum(rule.on_gpu for rule in rules), may) if may else "0",
        _gb(max(rule.asked_mb for rule in rules) * 1e6),
        _gb(max(used) * 1e6) if used else "?",
        _known(sum(rule.disk_bytes for rule in rules) / MB, sum(rule.known_disk for rule in rules), count),
    )


def _known(value: float, known: int, of: int) -> str:
    """A sum, with a mark where only some of its terms are known."""
    if not known:
        return "?"
    return _short(value) + ("" if known == of else "+?")


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def _gb(amount: float) -> str:
    return f"{amount / GB:.1f}" if amount else "?"


def _bounds(made: Plan) -> list[str]:
    known = sum(rule.known_time for rule in made.rules)
    count = sum(rule.jobs for rule in made.rules)
    memory = f"Memory: jobs that fill {made.cores} cores ask for at most {_gb(made.together_mb * 1e6)} GB at once."
    if not known:
        return [f"Wall time: no data on any of the {count} jobs.", memory]
    bounds = {
        f"work / {made.cores} cores": made.work_seconds,
        f"jobs that ask for a GPU, {made.gpus} at a time": made.gpu_seconds,
        f"longest chain, {' > '.join(made.chain)}": made.chain_seconds,
    }
    missing = "" if known == count else f", without the {count - known} jobs that there is no data of"
    return [
        f"Wall time: at least {_short(max(bounds.values()) / HOUR)} h{missing}:",
        *(f"  {_short(value / HOUR)} h {name}" for name, value in bounds.items() if value),
        memory,
    ]


def document(made: Plan) -> dict[str, Any]:
    """The plan as JSON: seconds, MB and bytes."""
    return asdict(made)
