"""What leaks and imbalance do: the splits of a data set side by side, with and without the leaked test images."""

from collections.abc import Iterator

from kanrepro.images.report.longform import Line, Long
from kanrepro.images.report.maker import Maker
from kanrepro.images.report.quantities import METRICS, leak_gain, metric, without_leaks
from kanrepro.images.report.results import ImageCell, Key
from kanrepro.images.report.wording import MEASURED, SPLITS, introduction, spread
from kanrepro.images.variants import LABELS
from kanrepro.report.document import Block, Document, Grid, Item, Text
from kanrepro.report.wording import NOT_RUN

NAME = "images-leaks"
TITLE = "What leaks and imbalance do"
SHOWN = ("accuracy", "f1", "auc")
CHANGED = ("accuracy", "recall", "specificity", "f1", "auc")
CLEAN = "grouped"  # the split in which nothing leaks
NONE_LEAKED, ALL_LEAKED = "none leaked", "all leaked"
WHAT = (
    f"{MEASURED} in %. A test image is leaked where the same picture, or another of its patient or tile, was trained "
    "on or chosen by."
)
GAIN = (
    "What leaked test images add to a score, in percentage points: the same runs on all test images minus without the "
    "leaked ones, with the 95 % interval of a t-test over seeds and their number; `*` where it leaves out zero."
)
CHANGE = (
    "A model trained and tested on another split minus the same on `grouped`, in percentage points, with the 95 % "
    "interval of a t-test and the (smaller) number of runs; `*` where it leaves out zero. The test is paired by seed "
    "where both are tested on the same images (`imbalanced`), else Welch's."
)


def document(maker: Maker) -> Document:
    """The whole table: the data sets that have leaks, or more than one split."""
    blocks: list[Block] = [Text(introduction(maker.preset, maker.stand_in, WHAT))]
    shown = [dataset for dataset in maker.datasets if _keys(maker, dataset)]
    for dataset in shown:
        blocks += [_scores(maker, dataset), *_gains(maker, dataset), *_changes(maker, dataset)]
    if not shown:
        blocks.append(Text("No data set was run on more than one split, and none has leaked test images."))
    blocks.append(maker.behind(key for dataset in shown for key in _keys(maker, dataset)))
    title = TITLE + (" (stand-in data sets)" if maker.stand_in else "")
    return Document(title, tuple(blocks), maker.footnotes.listed)


def lines(maker: Maker) -> Iterator[Line]:
    """The lines of the CSV: scores with and without leaks, what leaks add, what another split changes."""
    long = Long(NAME, maker)
    for dataset in maker.datasets:
        keys = _keys(maker, dataset)
        for key in keys:
            for name in SHOWN:
                yield long.value(key, metric(name))
                yield long.value(key, without_leaks(name))
        for key in keys:
            if _leaks(maker.results.cells.get(key)):
                for quantity in map(leak_gain, SHOWN):
                    gap = maker.gap(dataset, key.split, {key.model: 1}, quantity)
                    yield long.gap(key, key.model, gap, quantity)
        for key in _others(keys):
            for quantity in map(metric, CHANGED):
                gap = maker.between_splits(dataset, key.split, CLEAN, key.model, quantity)
                yield long.gap_of_splits(key, CLEAN, gap, quantity)


def _keys(maker: Maker, dataset: str) -> list[Key]:
    """The rows of a data set: all its runs on other splits than the clean one, and beside them the clean ones."""
    splits = maker.results.splits(dataset)
    found = {split: [m for m in maker.results.models(dataset, split) if m in maker.asked] for split in splits}
    others = [Key(dataset, split, model) for split in splits if split != CLEAN for model in found[split]]
    leaking = [Key(dataset, CLEAN, m) for m in found.get(CLEAN, []) if _leaks(maker.results.cell(dataset, CLEAN, m))]
    wanted = {key.model for key in (*others, *leaking)}
    return [*(Key(dataset, CLEAN, model) for model in LABELS if model in wanted), *others]


def _others(keys: list[Key]) -> list[Key]:
    return [key for key in keys if key.split != CLEAN]


def _leaks(cell: ImageCell | None) -> bool:
    """Whether any run of the cell has leaked test images."""
    return cell is not None and any(record.without_leaks is not None for record in cell.records)


def _scores(maker: Maker, dataset: str) -> Grid:
    rows = []
    for key in _keys(maker, dataset):
        cells = []
        for name in SHOWN:
            nothing = ALL_LEAKED if _leaks(maker.results.cells.get(key)) else NONE_LEAKED
            cells += [maker.item(key, metric(name)), maker.item(key, without_leaks(name), nothing)]
        rows.append((Item(key.split), Item(LABELS[key.model]), *_counts(maker, key), *cells))
    header = ["Split", "Model", "Test images", "of them leaked"]
    for name in SHOWN:
        header += [METRICS[name], "without leaked"]
    splits = dict.fromkeys(key.split for key in _keys(maker, dataset))
    lead = "; ".join(f"`{split}`: {SPLITS[split]}" for split in splits) + "."
    return Grid(f"{maker.name(dataset)}: with and without leaked test images", tuple(header), tuple(rows), 2, lead)


def _counts(maker: Maker, key: Key) -> tuple[Item, Item]:
    """How many test images a run has, and how many of them are leaked."""
    cell = maker.results.cells.get(key)
    if cell is None:
        return Item(NOT_RUN, "missing"), Item(NOT_RUN, "missing")
    sizes = [len(record.test.y) for record in cell.records]
    kept = [record.without_leaks.images if record.without_leaks else len(record.test.y) for record in cell.records]
    leaked = [size - left for size, left in zip(sizes, kept, strict=True)]
    paths = maker.paths([cell])
    return Item(spread(sizes), records=paths), Item(spread(leaked), records=paths)


def _gains(maker: Maker, dataset: str) -> list[Grid]:
    rows = []
    for key in _keys(maker, dataset):
        if _leaks(maker.results.cells.get(key)):
            cells = (maker.gap_item(maker.gap(*key[:2], {key.model: 1}, q), q) for q in map(leak_gain, SHOWN))
            rows.append((Item(key.split), Item(LABELS[key.model]), *cells))
    header = ("Split", "Model", *(METRICS[name] for name in SHOWN))
    return [Grid(f"{maker.name(dataset)}: what leaks add", header, tuple(rows), 2, GAIN)] if rows else []


def _changes(maker: Maker, dataset: str) -> list[Grid]:
    rows = []
    for key in _others(_keys(maker, dataset)):
        gaps = ((maker.between_splits(dataset, key.split, CLEAN, key.model, q), q) for q in map(metric, CHANGED))
        cells = (maker.gap_item(gap, quantity) for gap, quantity in gaps)
        rows.append((Item(f"{key.split} − {CLEAN}"), Item(LABELS[key.model]), *cells))
    header = ("Splits", "Model", *(METRICS[name] for name in CHANGED))
    return [Grid(f"{maker.name(dataset)}: what another split changes", header, tuple(rows), 2, CHANGE)] if rows else []
