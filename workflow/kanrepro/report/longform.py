"""A table of scores as a CSV: one line per row of the table and data set, numbers with all their digits.

docs/tables.md lists the columns. Nothing is blank: what has no value says why in words.
"""

import csv
import io
from collections.abc import Iterable, Mapping

from kanrepro.report.layout import Row
from kanrepro.report.published import Printed
from kanrepro.report.scores import COLUMNS, Builder
from kanrepro.report.wording import NOT_RUN

UNDEFINED = "not defined"


def lines(table: Builder, preset: str) -> list[dict[str, str]]:
    """All lines of the table: printed methods, then variants and controls, each over the data sets."""
    found: list[dict[str, str]] = []
    for method in table.published.methods:
        rows = table.layout.measured.get(method, ())
        if not rows and not table.stand_in:
            found.extend(_printed_only(table, preset, method, dataset) for dataset in table.datasets)
        found.extend(_measured(table, preset, "compared", row, dataset) for row in rows for dataset in table.datasets)
    for group, rows in (("variant", table.layout.variants), ("control", table.layout.controls)):
        found.extend(_measured(table, preset, group, row, dataset) for row in rows for dataset in table.datasets)
    return found


def text(table: Builder, preset: str) -> str:
    """The whole CSV of a table."""
    return to_csv(table.columns, lines(table, preset))


def to_csv(columns: Iterable[str], rows: Iterable[Mapping[str, str]]) -> str:
    """Rows as CSV text with a header and plain line ends."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _printed_only(table: Builder, preset: str, method: str, dataset: str) -> dict[str, str]:
    row = Row(method, NOT_RUN, method, NOT_RUN)
    head = _head(table, preset, "printed", row, dataset, table.published.cell(method, dataset))
    return head | {name: NOT_RUN for name in COLUMNS if name not in head}


def _measured(table: Builder, preset: str, group: str, row: Row, dataset: str) -> dict[str, str]:
    head = _head(table, preset, group, row, dataset, table.printed(row, dataset))
    cell = table.cell(row, dataset)
    if cell is None:
        return head | {name: NOT_RUN for name in COLUMNS if name not in head}
    summary, found = cell.summary, table.comparison(row, dataset)
    notes = (*cell.notes, *([f"No test: {found.reason}."] if found.reason else []))
    return head | {
        "measured_mean": _digits(summary.mean),
        "measured_std": _digits(summary.std),
        "measured_runs": str(summary.n),
        "seeds": ";".join(str(run.seed) for run in cell.runs),
        "difference": _digits(found.difference),
        "ci90_low": _digits(found.low),
        "ci90_high": _digits(found.high),
        "welch_p": UNDEFINED if found.p is None else f"{found.p:.3g}",
        "equivalence_bound": _digits(found.bound),
        "verdict": found.verdict,
        "notes": " ".join(notes) or "none",
        "records": ";".join(table.paths(cell)),
    }


def _head(table: Builder, preset: str, group: str, row: Row, dataset: str, printed: Printed) -> dict[str, str]:
    return {
        "table": table.table,
        "preset": preset,
        "group": group,
        "method": row.method,
        "reading": row.reading,
        **({"rule": row.rule or "none"} if "rule" in table.columns else {}),
        "dataset": dataset,
        "printed_mean": printed.mean or "not printed",
        "printed_std": printed.std or "not printed",
        "printed_runs": str(printed.runs) if printed.mean else "not printed",
        "margin": f"{table.margin:g}",
    }


def _digits(value: float | None) -> str:
    """Four decimals of a percent; a zero never carries a sign."""
    return UNDEFINED if value is None else f"{value + 0.0:.4f}".replace("-0.0000", "0.0000")
