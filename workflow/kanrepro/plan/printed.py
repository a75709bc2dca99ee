"""A plan as people read it, a table with the bounds of the wall time, and as machines do."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from kanrepro.core.durations import duration, short
from kanrepro.plan import Plan, RulePlan

GB, MB = 1e9, 1e6  # bytes
_OF_PRESET = re.compile(r"\b(?:record|benchmark)s? of ([\w-]+)")
HEAD = ("rule", "jobs", "CPU", "GPU", "asked GB", "used GB", "disk MB")


def text(made: Plan) -> str:
    """The plan as a table, then where the numbers come from, then the bounds of the wall time."""
    if not made.rules:
        return "Nothing to do: everything that was asked for is there and up to date."
    rows = [HEAD, *(_row(rule) for rule in made.rules), _total(made.rules)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
    lines.insert(1, "-" * len(lines[0]))
    lines.insert(-1, lines[1])
    lines += ["", "?: no data. at least: of the jobs that there is data of; the others come on top.", "", "From"]
    nothing: dict[str, list[str]] = {}
    for rule in made.rules:
        for source, count in sorted(_together(rule.sources).items(), key=lambda one: -one[1]):
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


def _together(sources: Mapping[str, int]) -> dict[str, int]:
    """Sources that differ in nothing but the number of records, and in whose they are, as one; JSON has each."""
    alike: dict[str, dict[str, int]] = {}
    for source, count in sources.items():
        head, scaled, by = source.partition(", scaled by")
        alike.setdefault(head if head.startswith("no data") else scaled + by, {})[source] = count
    made: dict[str, int] = {}
    for tail, found in alike.items():
        presets = sorted({name for source in found for name in _OF_PRESET.findall(source)})
        one = next(iter(found)) if len(found) == 1 else f"runs of {', '.join(presets)}{tail}"
        made[one] = sum(found.values())
    return made


def _row(rule: RulePlan) -> tuple[str, ...]:
    used = _gb(rule.measured_mb * 1e6) if rule.measured_mb is not None else "?"
    gpu = _known(rule.gpu_seconds, rule.on_gpu, rule.may_use_gpu, duration) if rule.may_use_gpu else "0"
    return (
        rule.rule,
        str(rule.jobs),
        _known(rule.cpu_seconds, rule.known_time, rule.jobs, duration),
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
        _known(sum(rule.cpu_seconds for rule in rules), sum(rule.known_time for rule in rules), count, duration),
        _known(sum(rule.gpu_seconds for rule in rules), sum(rule.on_gpu for rule in rules), may, duration)
        if may
        else "0",
        _gb(max(rule.asked_mb for rule in rules) * 1e6),
        _gb(max(used) * 1e6) if used else "?",
        _known(sum(rule.disk_bytes for rule in rules) / MB, sum(rule.known_disk for rule in rules), count),
    )


def _known(value: float, known: int, of: int, words: Callable[[float], str] = short) -> str:
    """A sum, with what tells where only some of its terms are known."""
    if not known:
        return "?"
    return ("" if known == of else "at least ") + words(value)


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
        f"Wall time: at least {duration(max(bounds.values()))}{missing}:",
        *(f"  {duration(value)}: {name}" for name, value in bounds.items() if value),
        memory,
    ]


def document(made: Plan) -> dict[str, Any]:
    """The plan as JSON: seconds, MB and bytes."""
    return asdict(made)
