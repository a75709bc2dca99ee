"""What stands behind a set of results, gathered from their records: machines, versions, code, data, settings, cost."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kanrepro.core.record import Record
from kanrepro.report.document import Document, Grid, Item

SETTINGS = "Several values: they differ between methods, readings, data sets or runs."


def provenance(
    title: str,
    records: Sequence[Any],
    code: Mapping[str, Iterable[str]],
    settings: Iterable[Mapping[str, Any]],
    data: Grid,
    cost: Grid,
) -> Document:
    """Machines and code, data, cost and settings of records of any kind.

    Args:
        code: what the code of each stage is called -> its digests.
        settings: those of each record.
    """
    commits = (f"{r.code.commit or 'unknown'}{' with local changes' if r.code.dirty else ''}" for r in records)
    facts = {
        "machine": distinct(r.cost.hardware for r in records),
        "device": distinct(r.cost.device for r in records),
        "commit": distinct(commits),
        **{name: distinct(digests) for name, digests in code.items()},
        "versions": [f"{name} {' / '.join(values)}" for name, values in by_key(r.versions for r in records).items()],
    }
    found = by_key(map(flatten, settings))
    return Document(
        title, (_named("Machines and code", "Fact", facts), data, cost, _named("Settings", "Key", found, SETTINGS))
    )


def of_encoders(title: str, records: Sequence[Record], evaluation: str) -> Document:
    """Provenance and cost of evaluated encoders. `evaluation`: what came after pre-training, in words."""
    data = {(r.dataset, str(r.data.graphs), r.data.sha256, r.data.source_sha256 or "unknown") for r in records}
    costs = []
    for dataset in sorted({record.dataset for record in records}):
        found = [record for record in records if record.dataset == dataset]
        encoders = pretraining(found)
        texts = (
            str(len(found)),
            str(len(encoders)),
            duration(sum(encoders.values())),
            duration(sum(record.cost.probe_seconds for record in found)),
            f"{max(record.cost.peak_memory_mb for record in found):.0f}",
        )
        costs.append((Item(dataset), *map(Item, texts)))
    return provenance(
        title,
        records,
        {
            "code of pre-training": (r.code.pretrain for r in records),
            f"code of {evaluation}": (r.code.probe for r in records),
        },
        (r.settings for r in records),
        Grid(
            "Data",
            ("Data set", "Graphs", "SHA-256 of the prepared set", "of its source"),
            tuple(tuple(map(Item, row)) for row in sorted(data)),
        ),
        Grid(
            "Cost",
            ("Data set", "Records", "Encoders", "Pre-training", evaluation, "Peak memory, MB"),
            tuple(costs),
            lead="Wall time as the records state it, on the machines above; an encoder that several records evaluate "
            "is counted once.",
        ),
    )


def pretraining(records: Iterable[Record]) -> dict[str, float]:
    """The encoders behind records, each with the seconds of its pre-training."""
    return {record.checkpoint.path: record.cost.pretrain_seconds for record in records}


def seconds(records: Sequence[Record]) -> float:
    """All seconds behind records of encoders; a shared encoder is counted once."""
    return sum(pretraining(records).values()) + sum(record.cost.probe_seconds for record in records)


def flatten(settings: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested settings as dotted keys with their values as text."""
    flat: dict[str, str] = {}
    for key, value in settings.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{name}.")
        else:
            flat[name] = str(value)
    return flat


def duration(seconds: float) -> str:
    """Seconds in the unit that a reader expects."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def by_key(mappings: Iterable[Mapping[str, str]]) -> dict[str, list[str]]:
    """Key -> its distinct values in the mappings, both sorted."""
    found: dict[str, set[str]] = {}
    for mapping in mappings:
        for key, value in mapping.items():
            found.setdefault(key, set()).add(value)
    return {key: distinct(values) for key, values in sorted(found.items())}


def distinct(values: Iterable[str]) -> list[str]:
    """The distinct values, short ones first."""
    return sorted(set(values), key=lambda value: (len(value), value))


def _named(title: str, name: str, facts: Mapping[str, Sequence[str]], lead: str = "") -> Grid:
    rows = tuple((Item(key), Item(", ".join(values))) for key, values in facts.items())
    return Grid(title, (name, "Values"), rows, heads=2, lead=lead)
