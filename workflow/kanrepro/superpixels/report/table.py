"""Table 7 from records and the printed numbers alone.

Reads: records (`records/superpixels/<data set>/<method>-<reading>-<seed>.json`), and workflow/published. Writes the
four forms of a table (kanrepro.report.make_table): accuracies in percent, each cell with the records behind it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kanrepro.core import family
from kanrepro.core.errors import cli
from kanrepro.core.parser import Parser
from kanrepro.report import longform, published, statistics
from kanrepro.report.document import Document
from kanrepro.report.inputs import Inputs, add_inputs
from kanrepro.report.make_table import add_margin, check_margin, table_stage
from kanrepro.report.results import Results, read
from kanrepro.superpixels.catalog import CATALOG
from kanrepro.superpixels.report.scores import DigitBuilder

TABLES = ("table7",)


@dataclass(frozen=True)
class DigitInputs(Inputs):
    """Records of fine-tuning on superpixel graphs."""

    catalog = CATALOG
    kind = "superpixels/*"

    @property
    def results(self) -> Results:
        """The records, gathered; an MLP has one reading. Raises UserError where one is corrupt or does not belong."""
        found = read(self.record_files(), self.preset, (), "superpixels")
        return Results(found.cells, frozenset(found.datasets))


def builder(inputs: DigitInputs, base: Path, margin: float = statistics.MARGIN) -> DigitBuilder:
    """Table 7 with its numbers, before it is a document. Raises UserError for a corrupt or foreign record."""
    found = inputs.results
    datasets = inputs.columns(found.datasets, [published.ONE_SET["table7"]])
    scores = published.read_scores("table7", inputs.published)
    return DigitBuilder("table7", found, scores, datasets, base, margin, inputs.stand_ins(datasets))


def build(table: str, inputs: DigitInputs, base: Path, margin: float = statistics.MARGIN) -> tuple[Document, str]:
    """Table 7 as a document and as CSV text. `base`: the folder that record paths are written relative to.

    Raises:
        UserError: a corrupt record, or records that do not belong together.
    """
    check_margin(margin)
    made = builder(inputs, base, margin)
    return made.document(inputs.preset), longform.text(made, inputs.preset)


def again(table: str, given: family.Results, base: Path) -> tuple[Document, str]:
    """The table of results as they lie there. Raises UserError as `build`."""
    own = given.own["superpixel_catalog"]
    inputs = DigitInputs(given.preset, folder=given.records, catalogs=own, published=given.published)
    return build(table, inputs, base, given.settings.report.margin)


def _options(parser: Parser) -> None:
    add_inputs(parser)
    add_margin(parser)


def main(argv: Sequence[str] | None = None) -> None:
    """Make the table: see `python -m kanrepro.superpixels.report.table --help`."""
    table_stage(
        argv,
        "Make Table 7 in four forms from existing records; nothing is trained.",
        TABLES,
        _options,
        lambda table, given, base: build(table, DigitInputs.of(given), base, given.margin),
    )


if __name__ == "__main__":
    cli(main)
