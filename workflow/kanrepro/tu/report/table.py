"""Tables 2, 3 and 4 from records and the printed numbers alone, and the rules for the epoch (`epoch_rules`).

Reads: records (`records/tu/<data set>/<method>-<reading>-<seed>.json`) for tables 2 and 3, descriptions
(`records/data/<data set>.json`) for table 4, and workflow/published. Writes the four forms of a table
(kanrepro.report.make_table): accuracies in percent, each cell with the records behind it.
"""

from collections.abc import Sequence
from pathlib import Path

from kanrepro.core.errors import cli
from kanrepro.core.family import Results
from kanrepro.core.parser import Parser
from kanrepro.report import longform, published, statistics
from kanrepro.report.document import Document
from kanrepro.report.inputs import add_inputs
from kanrepro.report.make_table import add_margin, check_margin, table_stage
from kanrepro.report.scores import Builder
from kanrepro.report.wording import only
from kanrepro.tu.report import descriptions, epochs
from kanrepro.tu.report.inputs import TuInputs
from kanrepro.tu.report.scores import HardNegativesBuilder, UnsupervisedBuilder

TABLES = ("table2", "table3", "table4", "epoch_rules")
BUILDERS: dict[str, type[Builder]] = {"table2": UnsupervisedBuilder, "table3": HardNegativesBuilder}


def build(table: str, inputs: TuInputs, base: Path, margin: float = statistics.MARGIN) -> tuple[Document, str]:
    """A table as a document and as CSV text. `base`: the folder that record paths are written relative to.

    Raises:
        UserError: a corrupt record, or records that do not belong together.
    """
    check_margin(margin)
    if table == "epoch_rules":
        return epochs.build(inputs.results, inputs.preset)
    if table == "table4":
        sources = inputs.described
        printed = published.read_descriptions(inputs.published)
        datasets = inputs.columns(list(sources), list(printed))
        stand_in = only(inputs.stand_ins(datasets), datasets)
        made = descriptions.document(sources, printed, datasets, inputs.preset, base, stand_in)
        rows = descriptions.lines(sources, printed, datasets, base, stand_in)
        return made, longform.to_csv(descriptions.COLUMNS, rows)
    made = builder(table, inputs, base, margin)
    return made.document(inputs.preset), longform.text(made, inputs.preset)


def builder(table: str, inputs: TuInputs, base: Path, margin: float = statistics.MARGIN) -> Builder:
    """Table 2 or 3 with its numbers, before it is a document. Raises UserError as `build`."""
    found = inputs.results
    scores = published.read_scores(table, inputs.published)
    datasets = inputs.columns(found.datasets, list(published.DATASETS))
    stand_ins = inputs.stand_ins(datasets)
    return BUILDERS[table](table, found, scores, datasets, base, margin, stand_ins, inputs.described)


def again(table: str, given: Results, base: Path) -> tuple[Document, str]:
    """A table of results as they lie there. Raises UserError as `build`."""
    inputs = TuInputs(given.preset, folder=given.records, catalogs=given.own["catalog"], published=given.published)
    return build(table, inputs, base, given.settings.report.margin)


def _options(parser: Parser) -> None:
    add_inputs(parser)
    add_margin(parser)


def main(argv: Sequence[str] | None = None) -> None:
    """Make one table: see `python -m kanrepro.tu.report.table --help`."""
    table_stage(
        argv,
        "Make Table 2, 3 or 4 in four forms from existing records; nothing is trained.",
        TABLES,
        _options,
        lambda table, given, base: build(table, TuInputs.of(given), base, given.margin),
    )


if __name__ == "__main__":
    cli(main)
