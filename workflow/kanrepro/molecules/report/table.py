"""Tables 1 and 6 from records and the printed numbers alone.

Reads: records (`records/transfer/<data set>/<method>-<reading>-<seed>.json`) for Table 1, records of clocked steps
(`records/measure/<width>.json`) for Table 6, and workflow/published. Writes the four forms of
a table (kanrepro.report.make_table): ROC-AUC in percent, seconds, each cell with the records behind it.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kanrepro.core.errors import cli
from kanrepro.core.family import Results
from kanrepro.core.parser import Parser
from kanrepro.molecules.record import MeasureRecord
from kanrepro.molecules.report import steps as transfer_steps
from kanrepro.molecules.report.results import BEST, TransferResults, measure_paths, read, read_measures, transfer_paths
from kanrepro.molecules.report.scores import TransferBuilder
from kanrepro.report import longform, published, statistics
from kanrepro.report.document import Document
from kanrepro.report.inputs import catalogue_name
from kanrepro.report.make_table import add_margin, check_margin, table_stage

TABLES = ("table1", "table6")


@dataclass(frozen=True)
class TransferInputs:
    """Where records and printed numbers are, and what to show. `stand_in`: print no published number."""

    preset: str
    records: tuple[Path, ...] = ()
    measures: tuple[Path, ...] = ()
    folder: Path | None = None  # records are looked for below it
    datasets: tuple[str, ...] = ()
    published: Path = published.FOLDER
    stand_in: bool = False

    @cached_property
    def by_rule(self) -> dict[str, TransferResults]:
        """The records by each rule. Raises UserError where one is corrupt or does not belong."""
        return read([*self.records, *(transfer_paths(self.folder) if self.folder else [])], self.preset)

    @cached_property
    def clocked(self) -> dict[Path, MeasureRecord]:
        """The records of clocked steps. Raises UserError where one is corrupt or does not belong."""
        return read_measures([*self.measures, *(measure_paths(self.folder) if self.folder else [])], self.preset)

    @property
    def columns(self) -> list[str]:
        """The data sets to show: those asked for, else the printed ones (none for stand-ins) and others that were run.

        Raises:
            UserError: a name that neither the paper nor a record knows.
        """
        found, demo = self.by_rule[BEST].datasets, self.by_rule[BEST].demo
        if not self.datasets:
            only = self.stand_in or (found and set(found) <= demo)
            return found if only else list(dict.fromkeys([*published.MOLECULES, *found]))
        known = {*found, *published.MOLECULES}
        return list(dict.fromkeys(catalogue_name(name, known) for name in self.datasets))

    def stand_ins(self, datasets: Sequence[str]) -> frozenset[str]:
        """Those of `datasets` beside which no published number belongs."""
        demo = self.by_rule[BEST].demo
        return frozenset(name for name in datasets if self.stand_in or name in demo)


def builder(inputs: TransferInputs, base: Path, margin: float = statistics.MARGIN) -> TransferBuilder:
    """Table 1 with its numbers, before it is a document. Raises UserError as `build`."""
    scores, datasets = published.read_scores("table1", inputs.published), inputs.columns
    return TransferBuilder(
        "table1", inputs.by_rule[BEST], scores, datasets, base, margin, inputs.stand_ins(datasets),
        by_rule=inputs.by_rule,
    )  # fmt: skip


def build(table: str, inputs: TransferInputs, base: Path, margin: float = statistics.MARGIN) -> tuple[Document, str]:
    """A table as a document and as CSV text. `base`: the folder that record paths are written relative to.

    Raises:
        UserError: a corrupt record, or records that do not belong together.
    """
    check_margin(margin)
    if table == "table6":
        printed, records = published.read_steps(inputs.published), inputs.clocked
        stand_in = inputs.stand_in or transfer_steps.stand_ins(list(records.values()))
        made = transfer_steps.document(records, printed, inputs.preset, base, stand_in)
        rows = transfer_steps.lines(records, printed, inputs.preset, base, stand_in)
        return made, longform.to_csv(transfer_steps.COLUMNS, rows)
    made_of = builder(inputs, base, margin)
    return made_of.document(inputs.preset), longform.text(made_of, inputs.preset)


def again(table: str, given: Results, base: Path) -> tuple[Document, str]:
    """A table of results as they lie there. Raises UserError as `build`."""
    inputs = TransferInputs(given.preset, folder=given.records, published=given.published)
    return build(table, inputs, base, given.settings.report.margin)


def _options(parser: Parser) -> None:
    parser.add_argument("--preset", required=True, help="preset of these records")
    parser.files("--records", "records of transfer learning, in any order")
    parser.files("--measures", "records of clocked steps")
    parser.folder("--records-from", "take those of FOLDER/transfer/*/*.json, FOLDER/measure/*.json")
    parser.names("--datasets", "to show (default: all of the paper)")
    parser.folder("--published", "printed numbers", published.FOLDER)
    parser.add_argument("--stand-in", action="store_true", help="stand-in data sets: show no printed number")
    add_margin(parser)


def _build(table: str, given: argparse.Namespace, base: Path) -> tuple[Document, str]:
    inputs = TransferInputs(
        given.preset, tuple(given.records), tuple(given.measures), given.records_from, tuple(given.datasets),
        given.published, given.stand_in,
    )  # fmt: skip
    return build(table, inputs, base, given.margin)


def main(argv: Sequence[str] | None = None) -> None:
    """Make one table: see `python -m kanrepro.molecules.report.table --help`."""
    about = "Make Table 1 or 6 as Markdown, CSV, LaTeX and HTML from existing records; nothing is trained."
    table_stage(argv, about, TABLES, _options, _build)


if __name__ == "__main__":
    cli(main)
