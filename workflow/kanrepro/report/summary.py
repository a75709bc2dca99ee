"""What stands behind a set of results, gathered from their records: machines, versions, code, data, settings, cost."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kanrepro.core.record import Record
from kanrepro.report.results import Results


@dataclass(frozen=True)
class DatasetCost:
    """What the records of a data set took: seconds of work, MB at the peak; a shared encoder is counted once."""

    dataset: str
    records: int
    encoders: int
    pretrain_seconds: float
    probe_seconds: float
    peak_memory_mb: float


@dataclass(frozen=True)
class Summary:
    """Facts for the page; each fact is a name with its distinct values, sorted."""

    records: int
    provenance: dict[str, list[str]]
    versions: dict[str, list[str]]
    data: list[tuple[str, str, str, str]]  # data set, graphs, SHA-256 of the prepared file, of its source
    settings: dict[str, list[str]]
    costs: list[DatasetCost]

    @property
    def seconds(self) -> float:
        return sum(cost.pretrain_seconds + cost.probe_seconds for cost in self.costs)


def summarise(results: Results) -> Summary:
    """The facts behind `results`."""
    records = [run.record for cell in results.cells.values() for run in cell.runs]
    commits = (f"{r.code.commit or 'unknown'}{' with local changes' if r.code.dirty else ''}" for r in records)
    return Summary(
        len(records),
        {
            "machine": distinct(r.cost.hardware for r in records),
            "device": distinct(r.cost.device for r in records),
            "commit": distinct(commits),
            "code of pretrain": distinct(r.code.pretrain for r in records),
            "code of probe": distinct(r.code.probe for r in records),
        },
        by_key(r.versions for r in records),
        sorted({(r.dataset, str(r.data.graphs), r.data.sha256, r.data.source_sha256 or "unknown") for r in records}),
        by_key(flatten(r.settings) for r in records),
        [_cost(name, [r for r in records if r.dataset == name]) for name in results.datasets],
    )


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


def _cost(dataset: str, records: list[Record]) -> DatasetCost:
    encoders = {record.checkpoint.path: record.cost.pretrain_seconds for record in records}
    return DatasetCost(
        dataset,
        len(records),
        len(encoders),
        sum(encoders.values()),
        sum(record.cost.probe_seconds for record in records),
        max(record.cost.peak_memory_mb for record in records),
    )


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
