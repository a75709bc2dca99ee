"""What stands behind the image tables: machines, versions, code, data, settings and cost, as the records state them."""

from collections.abc import Iterable

from kanrepro.images.record import ImageRecord
from kanrepro.images.report.results import ImageResults
from kanrepro.report.document import Document, Grid, Item
from kanrepro.report.summary import duration, provenance

COST = "Wall time as the records state it, on the machines above."


def document(results: ImageResults) -> Document:
    """Provenance and cost of the image records."""
    records = results.records
    return provenance(
        "Image records",
        records,
        {
            "code of classify": (r.code.classify for r in records),
            "code of assess": (r.code.assess for r in records),
        },
        (r.settings for r in records),
        _data(records),
        _cost(results),
    )


def seconds(results: ImageResults) -> float:
    """All seconds of training and assessing."""
    return sum(record.cost.train_seconds + record.cost.assess_seconds for record in results.records)


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
