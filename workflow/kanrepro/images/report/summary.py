"""What stands behind the image tables: machines, versions, code, data, settings and cost, as the records state them."""

from collections.abc import Iterable

from kanrepro.images.record import ImageRecord
from kanrepro.images.report.results import ImageResults
from kanrepro.report.document import Document, Grid, Item
from kanrepro.report.summary import by_key, distinct, duration, flatten

COST = "Wall time as the records state it, on the machines above."
SETTINGS = "Several values: they differ between models or runs."


def document(results: ImageResults) -> Document:
    """Provenance and cost of the image records."""
    records = results.records
    commits = (f"{r.code.commit or 'unknown'}{' with local changes' if r.code.dirty else ''}" for r in records)
    facts = {
        "machine": distinct(r.cost.hardware for r in records),
        "device": distinct(r.cost.device for r in records),
        "commit": distinct(commits),
        "code of classify": distinct(r.code.classify for r in records),
        "code of assess": distinct(r.code.assess for r in records),
        "versions": [f"{name} {' / '.join(values)}" for name, values in by_key(r.versions for r in records).items()],
    }
    return Document(
        "Provenance and cost of the image records",
        (
            _named("Machines and code", "Fact", facts),
            _data(records),
            _cost(results),
            _named("Settings", "Key", by_key(flatten(r.settings) for r in records), SETTINGS),
        ),
    )


def seconds(results: ImageResults) -> float:
    """All seconds of training and assessing."""
    return sum(record.cost.train_seconds + record.cost.assess_seconds for record in results.records)


def _named(title: str, name: str, facts: dict[str, list[str]], lead: str = "") -> Grid:
    rows = tuple((Item(key), Item(", ".join(values))) for key, values in facts.items())
    return Grid(title, (name, "Values"), rows, heads=2, lead=lead)


def _data(records: Iterable[ImageRecord]) -> Grid:
    found = {
        (r.dataset, str(r.data.images), str(r.size), r.data.sha256, r.data.source_sha256 or "unknown") for r in records
    }
    header = ("Data set", "Images", "Pixels an edge", "SHA-256 of the prepared set", "of its source")
    return Grid("Data", header, tuple(tuple(map(Item, row)) for row in sorted(found)))


def _cost(results: ImageResults) -> Grid:
    rows = []
    for dataset in results.datasets:
        for split in results.splits(dataset):
            costs = [r.cost for r in results.records if (r.dataset, r.split) == (dataset, split)]
            texts = (
                str(len(costs)),
                duration(sum(cost.train_seconds for cost in costs)),
                duration(sum(cost.assess_seconds for cost in costs)),
                f"{max(cost.peak_memory_mb for cost in costs):.0f}",
            )
            rows.append((Item(dataset), Item(split), *map(Item, texts)))
    header = ("Data set", "Split", "Records", "Training", "Assessment", "Peak memory, MB")
    return Grid("Cost", header, tuple(rows), heads=2, lead=COST)
