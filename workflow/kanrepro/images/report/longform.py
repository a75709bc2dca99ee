"""Image tables as CSV: one line a number, whichever table it stands in; docs/image-tables.md lists the columns."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kanrepro.images.report.maker import TOO_FEW, UNDEFINED, Gap, Maker
from kanrepro.images.report.quantities import Quantity
from kanrepro.images.report.results import Key
from kanrepro.report.longform import to_csv
from kanrepro.report.wording import NOT_RUN

COLUMNS = (
    "table", "preset", "kind", "dataset", "stand_in", "split", "against_split", "model", "against_model", "metric",
    "condition", "unit", "mean", "std", "runs", "seeds", "values", "interval", "low", "high", "p", "notes", "records",
)  # fmt: skip
NOTHING = "none"
Line = dict[str, str]


@dataclass(frozen=True)
class Long:
    """Writes the lines of one table."""

    table: str
    maker: Maker

    def value(self, key: Key, quantity: Quantity) -> Line:
        """The line of a number, with the bootstrap interval of one run where records have it."""
        head = self._head("value", key, quantity, NOTHING, NOTHING)
        cell = self.maker.results.cells.get(key)
        if cell is None:
            return _filled(head, NOT_RUN)
        records = {"records": ";".join(self.maker.paths([cell]))}
        summary, ends = cell.summary(quantity), cell.ends(quantity)
        if summary is None:
            return _filled(head | records, UNDEFINED)
        return head | {
            "mean": digits(summary.mean),
            "std": digits(summary.std),
            "runs": str(summary.n),
            **_by_seed(cell.by_seed(quantity)),
            "interval": "bootstrap of one run" if ends else NOTHING,
            "low": digits(ends[0] if ends else None),
            "high": digits(ends[1] if ends else None),
            "p": UNDEFINED,
            "notes": " ".join(self.maker.notes(cell, quantity)) or NOTHING,
            **records,
        }

    def gap(self, key: Key, against: str, gap: Gap | None, quantity: Quantity) -> Line:
        """The line of a difference on one split: `key.model` minus `against`."""
        return self._difference(self._head("difference", key, quantity, key.split, against), gap)

    def gap_of_splits(self, key: Key, against: str, gap: Gap | None, quantity: Quantity) -> Line:
        """The line of a difference of one model: on `key.split` minus on `against`."""
        return self._difference(self._head("difference", key, quantity, against, key.model), gap)

    def _difference(self, head: Line, gap: Gap | None) -> Line:
        if gap is None:
            return _filled(head, NOT_RUN)
        found = gap.interval
        return head | {
            "mean": digits(gap.mean),
            "std": UNDEFINED,
            "runs": str(found.n) if found else UNDEFINED,
            **_by_seed(gap.values),
            "interval": gap.test if found else TOO_FEW,
            "low": digits(found.low if found else None),
            "high": digits(found.high if found else None),
            "p": f"{found.p:.3g}" if found else UNDEFINED,
            "notes": " ".join(gap.notes) or NOTHING,
            "records": ";".join(self.maker.paths(gap.cells)),
        }

    def _head(self, kind: str, key: Key, quantity: Quantity, against_split: str, against_model: str) -> Line:
        return {
            "table": self.table,
            "preset": self.maker.preset,
            "kind": kind,
            "dataset": key.dataset,
            "stand_in": "yes" if key.dataset in self.maker.results.demo else "no",
            "split": key.split,
            "against_split": against_split,
            "model": key.model,
            "against_model": against_model,
            "metric": quantity.name,
            "condition": quantity.condition,
            "unit": "points" if kind == "difference" and quantity.unit == "percent" else quantity.unit,
        }


def text(lines: Iterable[Line]) -> str:
    """Lines as CSV text."""
    return to_csv(COLUMNS, lines)


def digits(value: float | None) -> str:
    """Four decimals; a zero never carries a sign."""
    return UNDEFINED if value is None else f"{round(value, 4) + 0.0:.4f}"


def _by_seed(values: Mapping[int, float]) -> Line:
    joined = {"seeds": ";".join(map(str, values)), "values": ";".join(map(digits, values.values()))}
    return {name: text or UNDEFINED for name, text in joined.items()}


def _filled(line: Line, word: str) -> Line:
    """The line with `word` in every column that it does not have."""
    return {name: line.get(name, word) for name in COLUMNS}
