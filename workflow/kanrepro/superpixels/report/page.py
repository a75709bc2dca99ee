"""The part of the page on superpixel graphs of digits: table 7."""

from argparse import Namespace
from pathlib import Path

from kanrepro.core.parser import Parser
from kanrepro.report import statistics, summary
from kanrepro.report.part import Part
from kanrepro.superpixels.report import table
from kanrepro.superpixels.report.table import DigitInputs

CAPTIONS: dict[str, tuple[str, str]] = {}


def add_options(parser: Parser) -> None:
    """Its records are named together with those on TU sets."""


def of(given: Namespace, base: Path) -> Part | None:
    """The part that the page's options name; None without records. Raises UserError for a corrupt record."""
    inputs = DigitInputs(
        given.preset,
        tuple(given.records),
        folder=given.records_from,
        published=given.published,
        stand_in=given.stand_in,
    )
    return part(inputs, base, given.margin)


def part(inputs: DigitInputs, base: Path, margin: float = statistics.MARGIN) -> Part | None:
    """The part; `base`: the folder that links to records start from. Raises UserError for a corrupt record."""
    records = [run.record for cell in inputs.results.cells.values() for run in cell.runs]
    if not records:
        return None
    return Part(
        "superpixels",
        said=f"{len(records)} records of superpixel graphs",
        records=len(records),
        counted="records of superpixel graphs",
        seconds=summary.seconds(records),
        tables={"table7": table.build("table7", inputs, base, margin)[0]},
        provenance=summary.of_encoders("Records of superpixel graphs", records, "fine-tuning"),
    )
