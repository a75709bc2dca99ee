"""Tables of scores, methods by data sets, from records and printed numbers: what every cell says."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from kanrepro.report import statistics
from kanrepro.report.described import Source
from kanrepro.report.document import SIGNS, Block, Document, Footnotes, Grid, Item, Records, Text
from kanrepro.report.layout import Difference, Layout, Row
from kanrepro.report.published import NOTHING, RUNS, Printed, Published
from kanrepro.report.results import Cell, Results
from kanrepro.report.statistics import Comparison, compare, paired
from kanrepro.report.wording import (
    NOT_RUN,
    bound,
    direction,
    interval,
    introduction,
    number,
    only,
    probability,
    relative,
    short,
    signed,
)

COLUMNS = (
    "table", "preset", "group", "method", "reading", "dataset", "printed_mean", "printed_std", "printed_runs",
    "measured_mean", "measured_std", "measured_runs", "seeds", "difference", "ci90_low", "ci90_high", "welch_p",
    "equivalence_bound", "margin", "verdict", "notes", "records",
)  # fmt: skip

VERDICTS = ("reproduced", "differs", "inconclusive", "not comparable", "not run")


@dataclass
class Builder:
    """One table in the making; each family has its own. `base`: the folder that paths of records are relative to."""

    table: str
    results: Results
    published: Published
    datasets: Sequence[str]
    base: Path
    margin: float = statistics.MARGIN
    stand_ins: frozenset[str] = frozenset()
    described: Mapping[str, Source] = field(default_factory=dict)
    footnotes: Footnotes = field(default_factory=Footnotes)
    heading: ClassVar[str]
    controls_lead: ClassVar[str]
    differences_lead: ClassVar[str]
    averaged: ClassVar[Mapping[str, tuple[str, ...]]] = {}  # what the table averages: name -> data sets
    columns: ClassVar[tuple[str, ...]] = COLUMNS  # of the CSV

    @property
    def title(self) -> str:
        return self.heading + (" (stand-in data sets)" if self.stand_in else "")

    def document(self, preset: str) -> Document:
        """The whole table."""
        blocks: list[Block] = [self._introduction(preset, RUNS), self._overview(), self._measured_only()]
        if not self.stand_in:
            blocks.extend(self._comparisons())
        blocks += [self._differences(), self._records()]
        return Document(self.title, tuple(blocks), self.footnotes.listed)

    def _introduction(self, preset: str, runs: int) -> Text:
        return Text(introduction(preset, self.datasets, self.stand_ins, self.margin, runs))

    @property
    def stand_in(self) -> bool:
        """Whether no published number is shown, since all data sets are stand-ins."""
        return only(self.stand_ins, self.datasets)

    # which rows

    @property
    def layout(self) -> Layout:
        return Layout(self.results.readings, self.results.ran)

    @property
    def compared(self) -> list[Row]:
        """The measured rows that stand beside printed ones."""
        return [row for method in self.published.methods for row in self.layout.measured.get(method, ())]

    @property
    def rows(self) -> list[Row]:
        """All measured rows, in the order of the table."""
        return [*self.compared, *self.layout.variants, *self.layout.controls]

    @property
    def averages(self) -> list[str]:
        """The printed averages whose data sets are all among the columns."""
        if self.stand_in:
            return []
        return [name for name, parts in self.averaged.items() if set(parts) <= set(self.datasets)]

    # numbers

    def cell(self, row: Row, dataset: str) -> Cell | None:
        return self.results.cell(dataset, row.method, row.reading)

    def printed(self, row: Row, dataset: str) -> Printed:
        return NOTHING if dataset in self.stand_ins else self.published.cell(row.printed, dataset)

    def comparison(self, row: Row, dataset: str) -> Comparison:
        cell, printed = self.cell(row, dataset), self.printed(row, dataset).summary()
        return compare(printed, cell.summary if cell else None, self.margin, self.unlike(cell) if cell else ())

    def unlike(self, cell: Cell) -> tuple[str, ...]:
        """What a cell was run with otherwise than printed, too far off for a verdict; on TU sets nothing is."""
        return ()

    def paths(self, cell: Cell | None) -> tuple[str, ...]:
        return tuple(relative(path, self.base) for path in cell.paths) if cell else ()

    # blocks

    def _overview(self) -> Grid:
        rows: list[tuple[Item, ...]] = []
        for method, citation in self.published.methods.items():
            measured = self.layout.measured.get(method, ())
            if not self.stand_in:
                name = f"{method} [{citation}]" if citation else method
                source = "printed" if measured else "printed; not run here"
                rows.append((Item(name), Item(source), *self._printed_cells(method)))
            rows.extend(self._measured_row(row, self.datasets, self.averages) for row in measured)
        title = "Measured" if self.stand_in else "Printed and measured"
        header = ("Method", "Numbers", *map(short, self.datasets), *self.averages)
        return Grid(title, header, tuple(rows), heads=2)

    def _printed_cells(self, method: str) -> list[Item]:
        cells = [self.published.cell(method, column) for column in (*self.datasets, *self.averages)]
        return [Item(str(cell), "" if cell.mean else "missing") for cell in cells]

    def _measured_only(self) -> Grid:
        averages = self.averages if len(self._ran) == len(self.datasets) else []
        rows = [self._measured_row(row, self._ran, averages) for row in self.layout.variants + self.layout.controls]
        if self.described:
            unfit = (Item("not defined", "missing"),) * len(averages)
            rows.append((Item("largest class"), Item("share of graphs"), *map(self._chance, self._ran), *unfit))
        header = ("Method", "Numbers", *map(short, self._ran), *averages)
        return Grid("Measured only", header, tuple(rows), heads=2, lead=f"{self.controls_lead}{self._not_run()}")

    def _chance(self, dataset: str) -> Item:
        source = self.described.get(dataset)
        if source is None or source.found.chance is None:
            return Item(NOT_RUN, "missing")
        return Item(f"{source.found.chance:.1f}", records=(relative(source.path, self.base),))

    def _measured_row(self, row: Row, datasets: Sequence[str], averages: Sequence[str]) -> tuple[Item, ...]:
        cells = [self._measured_item(row, dataset) for dataset in datasets]
        cells += [self._average_item(row, average) for average in averages]
        return (Item(row.label), Item(f"measured, {row.shown}"), *cells)

    def _measured_item(self, row: Row, dataset: str) -> Item:
        cell = self.cell(row, dataset)
        if cell is None:
            return Item(NOT_RUN, "missing")
        verdict = self.comparison(row, dataset).verdict
        text = " ".join(filter(None, (number(cell.summary), f"({len(cell.runs)})", SIGNS.get(verdict))))
        tone = verdict if verdict in SIGNS else ""
        return Item(text, tone, self.footnotes.mark(cell.notes), self.paths(cell))

    def _average_item(self, row: Row, average: str) -> Item:
        parts = self.averaged[average]
        found = [cell for dataset in parts if (cell := self.cell(row, dataset))]
        if len(found) < len(parts):
            return Item(NOT_RUN, "missing")
        mean = math.fsum(cell.summary.mean for cell in found) / len(found)
        return Item(f"{mean:.1f}", records=tuple(path for cell in found for path in self.paths(cell)))

    def counts(self) -> dict[str, int]:
        """How many measured numbers got each verdict, of those that belong beside a printed one."""
        verdicts = [
            self.comparison(row, dataset).verdict
            for row in self.compared
            for dataset in self.datasets
            if self.printed(row, dataset).mean
        ]
        return {name: verdicts.count(name) for name in VERDICTS if name in verdicts or name != "not comparable"}

    def _comparisons(self) -> list[Block]:
        rows = [
            self._comparison_row(row, dataset, cell)
            for dataset in self.datasets
            for row in self.compared
            if (cell := self.cell(row, dataset)) and self.printed(row, dataset).mean
        ]
        header = (
            "Data set", "Method", "Reading", "Printed", "Measured", "Runs", "Difference", "90 % interval", "Welch p",
            "Equivalent within", "Verdict",
        )  # fmt: skip
        counts = self.counts()
        lead = (
            f"{sum(counts.values())} measured numbers belong beside a printed one (each reading counts): "
            + ", ".join(f"{verdict} {count}" for verdict, count in counts.items())
            + ". Each is tested on its own at 5 %: about one in twenty would differ by chance if all were the same."
        )
        return [Grid("Measured against printed", header, tuple(rows), heads=3, lead=lead)] if rows else [Text(lead)]

    def _comparison_row(self, row: Row, dataset: str, cell: Cell) -> tuple[Item, ...]:
        found = self.comparison(row, dataset)
        notes = (f"No test: {found.reason}.",) if found.reason else ()
        texts = (
            str(self.printed(row, dataset)), number(cell.summary, 2), str(len(cell.runs)), signed(found.difference),
            interval(found.low, found.high), probability(found.p), bound(found.bound),
        )  # fmt: skip
        return (
            Item(short(dataset)),
            Item(row.label),
            Item(row.shown),
            *(Item(text, records=self.paths(cell) if place == 1 else ()) for place, text in enumerate(texts)),
            Item(found.verdict, found.verdict, self.footnotes.mark(notes)),
        )

    def _differences(self) -> Grid:
        rows = []
        for claim, reading in self.layout.differences:
            cells = (self._difference_item(claim, reading, dataset) for dataset in self._ran)
            rows.append((Item(claim.label), Item(claim.isolates), Item(reading), *cells))
        lead = f"{self.differences_lead}{self._not_run()}"
        names = tuple(map(short, self._ran))
        return Grid("What makes the difference", ("Difference", "Isolates", "Reading", *names), tuple(rows), 3, lead)

    def _difference_item(self, claim: Difference, reading: str, dataset: str) -> Item:
        more = self.results.cell(dataset, claim.more, reading)
        less = self.results.cell(dataset, claim.less, reading)
        if more is None or less is None:
            return Item(NOT_RUN, "missing")
        found = paired(less.by_seed, more.by_seed)
        if found is None:
            return Item("too few pairs", "missing", records=self.paths(more) + self.paths(less))
        text = f"{signed(found.difference, 1)} {interval(found.low, found.high, 1)} ({found.n})"
        tone = direction(found)
        mark = self.footnotes.mark(tuple(dict.fromkeys(more.notes + less.notes)))
        return Item(text + (" *" if tone else ""), tone, mark, self.paths(more) + self.paths(less))

    def _records(self) -> Records:
        cells = []
        rows = {(row.method, row.reading): row for row in self.rows}  # rules share their records
        for dataset in self.datasets:
            for row in rows.values():
                cell = self.results.cells.get((dataset, row.method, row.reading))
                if cell:
                    runs = tuple((f"seed {run.seed}", relative(run.path, self.base)) for run in cell.runs)
                    cells.append((f"{short(dataset)}, {row.label}, {row.reading}", runs))
        return Records("Records behind each number", tuple(cells))

    @property
    def _ran(self) -> list[str]:
        """The data sets that have records; those without any would only widen a grid that prints nothing else."""
        return [dataset for dataset in self.datasets if dataset in self.results.datasets]

    def _not_run(self) -> str:
        missing = [short(dataset) for dataset in self.datasets if dataset not in self._ran]
        return f" Not run on {', '.join(missing)}." if missing else ""
