"""The part of the page on transfer learning: its tables, provenance and cost, and the options that name its records."""

import argparse
from pathlib import Path

from kanrepro.molecules.record import TransferRecord
from kanrepro.molecules.report import table as transfer_table
from kanrepro.molecules.report.results import BEST, TransferResults
from kanrepro.molecules.report.table import TransferInputs
from kanrepro.report import statistics
from kanrepro.report.arguments import add_files
from kanrepro.report.document import Document, Grid, Item
from kanrepro.report.summary import by_key, distinct, duration, flatten


def has_records(inputs: TransferInputs) -> bool:
    return bool(inputs.by_rule[BEST].cells or inputs.clocked)


def documents(inputs: TransferInputs, base: Path, margin: float = statistics.MARGIN) -> dict[str, Document]:
    """The tables that have records, and provenance and cost, by name."""
    found: dict[str, Document] = {}
    if inputs.by_rule[BEST].cells:
        found["table1"] = transfer_table.build("table1", inputs, base, margin)[0]
    if inputs.clocked:
        found["table6"] = transfer_table.build("table6", inputs, base, margin)[0]
    return found | {"transfer-provenance": provenance(inputs.by_rule[BEST])}


def records_of(results: TransferResults) -> list[TransferRecord]:
    return [run.record for cell in results.cells.values() for run in cell.runs]


def seconds(results: TransferResults) -> float:
    """All seconds: of fine-tunings and controls, and of each pre-training once."""
    records = records_of(results)
    trained = {r.checkpoint.sha256: r.pretraining.seconds for r in records if r.checkpoint and r.pretraining}
    return sum(record.cost.seconds for record in records) + sum(trained.values())


def provenance(results: TransferResults) -> Document:
    """Machines, code, data, settings and cost of the records."""
    records = records_of(results)
    commits = (f"{r.code.commit or 'unknown'}{' with local changes' if r.code.dirty else ''}" for r in records)
    facts = {
        "machine": distinct(r.cost.hardware for r in records),
        "device": distinct(r.cost.device for r in records),
        "commit": distinct(commits),
        "code": distinct(f"{r.code.stage} {r.code.digest}" for r in records),
        "versions": [f"{name} {' / '.join(values)}" for name, values in by_key(r.versions for r in records).items()],
    }
    settings = by_key(
        flatten({**r.settings, **({"pretrain": r.pretraining.settings} if r.pretraining else {})}) for r in records
    )
    data = sorted({(r.dataset, str(r.data.molecules), r.split, r.data.sha256, r.split_file.sha256) for r in records})
    costs = []
    for dataset in results.datasets:
        spent = [r.cost for r in records if r.dataset == dataset]
        texts = (
            str(len(spent)),
            duration(sum(c.seconds for c in spent)),
            f"{max(c.peak_memory_mb for c in spent):.0f}",
        )
        costs.append((Item(dataset), *map(Item, texts)))
    return Document(
        "Provenance and cost of transfer learning",
        (
            _named("Machines and code", "Fact", facts),
            Grid(
                "Data",
                ("Data set", "Molecules", "Split", "SHA-256 of the prepared set", "of the split"),
                tuple(tuple(map(Item, row)) for row in data),
            ),
            Grid(
                "Cost",
                ("Data set", "Records", "Fine-tuning and controls", "Peak memory, MB"),
                tuple(costs),
                lead="Wall time as the records state it, on the machines above; pre-trainings are not in it.",
            ),
            _named("Settings", "Key", settings, "Several values: they differ between rows."),
        ),
    )


def _named(title: str, name: str, facts: dict[str, list[str]], lead: str = "") -> Grid:
    rows = tuple((Item(key), Item(", ".join(values))) for key, values in facts.items())
    return Grid(title, (name, "Values"), rows, heads=2, lead=lead)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the page's options on transfer learning."""
    add_files(parser, "--transfer-records", "records of transfer learning")
    add_files(parser, "--measures", "clocked steps")


def inputs_of(arguments: argparse.Namespace) -> TransferInputs:
    """The inputs that the page's options name."""
    return TransferInputs(
        arguments.preset,
        tuple(arguments.transfer_records),
        tuple(arguments.measures),
        arguments.records_from,
        published=arguments.published,
        stand_in=arguments.stand_in,
    )
