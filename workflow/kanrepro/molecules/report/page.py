"""The part of the page on transfer learning: its tables, provenance and cost, and the options that name its records."""

from argparse import Namespace
from pathlib import Path

from kanrepro.core.parser import Parser
from kanrepro.molecules.record import TransferRecord
from kanrepro.molecules.report import table
from kanrepro.molecules.report.results import BEST
from kanrepro.molecules.report.table import TransferInputs
from kanrepro.report import statistics, summary
from kanrepro.report.document import Document, Grid, Item
from kanrepro.report.part import Part

# figure -> title and caption
CAPTIONS = {
    "history-molecules": (
        "Training curves on molecules",
        "The same for pre-training on molecules, and the share of masked atoms that attribute masking tells. Its loss "
        "is a cross-entropy over atoms, that of the others a contrast of views.",
    ),
}


def add_options(parser: Parser) -> None:
    """Add the page's options on transfer learning."""
    parser.files("--transfer-records", "records of transfer learning")
    parser.files("--measures", "clocked steps")


def of(given: Namespace, base: Path) -> Part | None:
    """The part that the page's options name; None without records. Raises UserError for a corrupt record."""
    inputs = TransferInputs(
        given.preset,
        tuple(given.transfer_records),
        tuple(given.measures),
        given.records_from,
        published=given.published,
        stand_in=given.stand_in,
    )
    return part(inputs, base, given.margin)


def part(inputs: TransferInputs, base: Path, margin: float = statistics.MARGIN) -> Part | None:
    """The part; `base`: the folder that links to records start from. Raises UserError for a corrupt record."""
    records = [run.record for cell in inputs.by_rule[BEST].cells.values() for run in cell.runs]
    shown = {"table1": bool(records), "table6": bool(inputs.clocked)}
    if not any(shown.values()):
        return None
    return Part(
        "transfer",
        "Transfer learning on molecules",
        said=f"{len(records) + len(inputs.clocked)} records of transfer learning",
        records=len(records) + len(inputs.clocked),
        counted="records of transfer learning",
        seconds=_seconds(records) + sum(record.cost.seconds for record in inputs.clocked.values()),
        tables={name: table.build(name, inputs, base, margin)[0] for name, there in shown.items() if there},
        provenance=provenance(records),
    )


def _seconds(records: list[TransferRecord]) -> float:
    """All seconds: of fine-tunings and controls, and of each pre-training once."""
    trained = {r.checkpoint.sha256: r.pretraining.seconds for r in records if r.checkpoint and r.pretraining}
    return sum(record.cost.seconds for record in records) + sum(trained.values())


def provenance(records: list[TransferRecord]) -> Document:
    """Machines, code, data, settings and cost of the records."""
    data = sorted({(r.dataset, str(r.data.molecules), r.split, r.data.sha256, r.split_file.sha256) for r in records})
    costs = []
    for dataset in sorted({record.dataset for record in records}):
        spent = [r.cost for r in records if r.dataset == dataset]
        texts = (
            str(len(spent)),
            summary.duration(sum(c.seconds for c in spent)),
            f"{max(c.peak_memory_mb for c in spent):.0f}",
        )
        costs.append((Item(dataset), *map(Item, texts)))
    return summary.provenance(
        "Records of transfer learning",
        records,
        {"code": (f"{r.code.stage} {r.code.digest}" for r in records)},
        ({**r.settings, **({"pretrain": r.pretraining.settings} if r.pretraining else {})} for r in records),
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
    )
