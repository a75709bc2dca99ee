"""What the image tables share: which rows they show, and how a number or a difference becomes a cell and a CSV line."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kanrepro.images.report.quantities import Quantity
from kanrepro.images.report.results import ImageCell, ImageResults, Key
from kanrepro.images.variants import IMAGE_MODELS, LABELS
from kanrepro.report.document import Footnotes, Item, Records
from kanrepro.report.statistics import ALPHA, Interval, Summary, paired, welch
from kanrepro.report.wording import NOT_RUN, direction, interval, number, relative, signed

TOO_FEW = "too few runs"
UNDEFINED = "not defined"
PAIRED_T, WELCH = "paired t, 95 %", "Welch, 95 %"
APART = "Runs of a seed were not tested on the same images: the difference is one of images too."


@dataclass(frozen=True)
class Gap:
    """A weighted sum of cells, such as one minus another; `values` by seed where the runs are paired.

    `mean` is None where the quantity is not defined, `interval` where there are too few runs for one; `test` names it.
    """

    mean: float | None
    interval: Interval | None
    cells: tuple[ImageCell, ...]
    notes: tuple[str, ...] = ()
    values: Mapping[int, float] = field(default_factory=dict)
    test: str = PAIRED_T


@dataclass
class Maker:
    """One table in the making. `base`: the folder that record paths are written relative to.

    On `split`, the comparison's, all of `models` have a row; on others those that have records.
    """

    results: ImageResults
    preset: str
    base: Path
    datasets: Sequence[str]
    split: str = "grouped"
    asked: Sequence[str] = tuple(IMAGE_MODELS)
    footnotes: Footnotes = field(default_factory=Footnotes)

    # which rows

    def models(self, dataset: str, split: str) -> list[str]:
        """The models that have a row, in the order of image_models."""
        found = self.results.models(dataset, split)
        wanted = [model for model in IMAGE_MODELS if model in self.asked]
        return wanted if split == self.split else [model for model in wanted if model in found]

    def splits(self, dataset: str) -> list[str]:
        """The comparison's split, then the others that have records."""
        return [self.split, *(split for split in self.results.splits(dataset) if split != self.split)]

    def name(self, dataset: str) -> str:
        """The data set as titles say it."""
        return self.results.title(dataset)

    @property
    def stand_in(self) -> bool:
        """Whether every data set that is shown is a stand-in."""
        shown = [dataset for dataset in self.datasets if dataset in self.results.datasets]
        return bool(shown) and set(shown) <= self.results.demo

    # cells of a grid

    def item(self, key: Key, quantity: Quantity, nothing: str = UNDEFINED) -> Item:
        """mean ± standard deviation; `nothing` where the quantity is defined in no run."""
        cell = self.results.cells.get(key)
        if cell is None:
            return Item(NOT_RUN, "missing")
        summary = cell.summary(quantity)
        if summary is None:
            return Item(nothing, "missing", records=self.paths([cell]))
        mark = self.footnotes.mark(self.notes(cell, quantity))
        return Item(written(summary, quantity), "", mark, self.paths([cell]))

    def gap_item(self, gap: Gap | None, quantity: Quantity) -> Item:
        """The difference with its 95 % interval and number of pairs; its tone says better or worse."""
        if gap is None:
            return Item(NOT_RUN, "missing")
        if gap.interval is None:
            return Item(UNDEFINED if gap.mean is None else TOO_FEW, "missing", records=self.paths(gap.cells))
        found = gap.interval
        text = f"{signed(found.difference, 1)} {interval(found.low, found.high, 1)} ({found.n})"
        way = direction(found)
        tone = {"up": "down", "down": "up"}.get(way, "") if quantity.less else way
        return Item(text + (" *" if way else ""), tone, self.footnotes.mark(gap.notes), self.paths(gap.cells))

    # differences

    def gap(self, dataset: str, split: str, weights: Mapping[str, int], quantity: Quantity) -> Gap | None:
        """Sum of weight times quantity over models, paired by seed; None where a model was not run."""
        cells = [self.results.cell(dataset, split, model) for model in weights]
        found = [cell for cell in cells if cell is not None]
        if len(found) < len(cells):
            return None
        apart = not all(_same_images(found, seed) for seed in _seeds(found))
        return self._paired(found, list(weights.values()), quantity, (APART,) if apart else ())

    def between_splits(self, dataset: str, more: str, less: str, model: str, quantity: Quantity) -> Gap | None:
        """A model on split `more` minus the same on `less`; None where one of them was not run.

        Paired by seed where both are tested on the same images, else by Welch's t-test.
        """
        cells = [self.results.cell(dataset, split, model) for split in (more, less)]
        found = [cell for cell in cells if cell is not None]
        if len(found) < len(cells):
            return None
        if all(_same_images(found, seed) for seed in _seeds(found)):
            return self._paired(found, (1, -1), quantity, ())
        first, second = (cell.summary(quantity) for cell in found)
        if first is None or second is None:
            return Gap(None, None, tuple(found), test=WELCH)
        known = first.std is not None and second.std is not None
        test = welch(second, first, 1 - ALPHA) if known else None
        return Gap(first.mean - second.mean, test, tuple(found), self._notes(found, quantity), test=WELCH)

    def _paired(self, cells: Sequence[ImageCell], weights: Sequence[int], of: Quantity, notes: tuple[str, ...]) -> Gap:
        values = [cell.by_seed(of) for cell in cells]
        seeds = sorted(set.intersection(*map(set, values)))
        # rounded, so that no difference is made of rounding errors
        sums = {s: round(math.fsum(w * v[s] for w, v in zip(weights, values, strict=True)), 9) + 0.0 for s in seeds}
        mean = Summary.of(sums.values()).mean if sums else None
        test = paired(dict.fromkeys(sums, 0.0), sums)
        return Gap(mean, test, tuple(cells), (*self._notes(cells, of), *notes), sums)

    def _notes(self, cells: Sequence[ImageCell], quantity: Quantity) -> tuple[str, ...]:
        return tuple(dict.fromkeys(note for cell in cells for note in self.notes(cell, quantity)))

    # what stands behind a number

    def notes(self, cell: ImageCell, quantity: Quantity) -> tuple[str, ...]:
        """What a reader must know: unlike runs, and runs in which the quantity is not defined."""
        defined, runs = len(cell.by_seed(quantity)), len(cell.runs)
        lacking = (f"Defined in {defined} of {runs} runs.",) if 0 < defined < runs else ()
        return (*cell.notes, *lacking)

    def paths(self, cells: Iterable[ImageCell]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(relative(path, self.base) for cell in cells for path in cell.paths))

    def behind(self, keys: Iterable[Key]) -> Records:
        """The list of records of the cells that a table shows."""
        listed = []
        for key in dict.fromkeys(keys):
            cell = self.results.cells.get(key)
            if cell:
                runs = tuple((f"seed {run.seed}", relative(run.path, self.base)) for run in cell.runs)
                listed.append((f"{self.results.title(key.dataset)}, {key.split}, {LABELS[key.model]}", runs))
        return Records("Records behind each number", tuple(listed))


def written(summary: Summary, quantity: Quantity) -> str:
    """A mean as tables say it: parameters whole, with thousands set apart; factors with three decimals, others one."""
    if quantity.name == "parameters":
        return f"{summary.mean:,.0f}"
    if quantity.unit == "factor":
        return number(summary, 3)
    return f"{summary.mean:,.1f}" if quantity.name == "mflops" else number(summary)


def minus(more: str, less: str) -> str:
    """A difference in words; a name with a plus in it goes into brackets."""
    return " − ".join(f"({name})" if "+" in name else name for name in (more, less))


def _seeds(cells: Sequence[ImageCell]) -> set[int]:
    """The seeds that all cells have."""
    return set.intersection(*({run.seed for run in cell.runs} for cell in cells))


def _same_images(cells: Sequence[ImageCell], seed: int) -> bool:
    """Whether the runs of a seed were tested on the same images."""
    images = [run.record.test.index for cell in cells for run in cell.runs if run.seed == seed]
    return all(index == images[0] for index in images)
