"""The ablation of DEQ-KAN: iteration, splines, or both, and what each step of the way contributes."""

from collections.abc import Iterator
from dataclasses import dataclass

from kanrepro.images.report.longform import Line, Long
from kanrepro.images.report.maker import Maker, minus
from kanrepro.images.report.quantities import Quantity, metric
from kanrepro.images.report.results import Key
from kanrepro.images.report.wording import MEASURED, PAIRED, introduction
from kanrepro.images.variants import LABELS
from kanrepro.report.document import Block, Document, Grid, Item, Text

NAME = "images-ablation"
TITLE = "Ablation of DEQ-KAN: iteration and splines"
SHOWN = ("accuracy", "f1", "auc", "ece")
NO_MODEL = "no such model"
COLUMNS = ("no map", "MLP map", "KAN map (splines)")
# iteration -> the model in each column
SQUARE: dict[str, tuple[str | None, str | None, str | None]] = {
    "applied once": ("cnn", "cnn_mlp", "cnn_kan"),
    "unrolled": (None, None, "unrolled_kan"),
    "to equilibrium": (None, "deq_mlp", "deq_kan"),
}
WHAT = (
    f"{MEASURED} in %, number of runs in brackets. Between features and classifier stands nothing, an MLP, or a KAN "
    "with as many parameters; it is applied once, a fixed number of times, or until it no longer changes its state."
)


@dataclass(frozen=True)
class Effect:
    """A claim as a weighted sum of models: two for a difference, four for a difference of differences."""

    weights: dict[str, int]
    isolates: str

    @property
    def label(self) -> str:
        """The sum in words."""
        pairs = [minus(LABELS[more], LABELS[less]) for more, less in self.pairs]
        return pairs[0] if len(pairs) == 1 else " − ".join(f"[{pair}]" for pair in pairs)

    @property
    def sides(self) -> tuple[str, str]:
        """What stands left and right of the (outer) minus, as the CSV names it."""
        pairs = self.pairs
        return pairs[0] if len(pairs) == 1 else (" - ".join(pairs[0]), " - ".join(pairs[1]))

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The models as given, two by two; the second pair is subtracted."""
        names = list(self.weights)
        return [(names[place], names[place + 1]) for place in range(0, len(names), 2)]


def _effect(isolates: str, more: str, less: str) -> Effect:
    return Effect({more: 1, less: -1}, isolates)


EFFECTS = (
    _effect("splines, applied once", "cnn_kan", "cnn_mlp"),
    _effect("splines, at equilibrium", "deq_kan", "deq_mlp"),
    _effect("iteration, of an MLP", "deq_mlp", "cnn_mlp"),
    _effect("iteration, of a KAN", "deq_kan", "cnn_kan"),
    Effect(
        {"deq_kan": 1, "cnn_kan": -1, "deq_mlp": -1, "cnn_mlp": 1}, "what both do together beyond what each does alone"
    ),
    _effect("both", "deq_kan", "cnn_mlp"),
    _effect("a map at all", "cnn_mlp", "cnn"),
    _effect("iteration, unrolled", "unrolled_kan", "cnn_kan"),
    _effect("equilibrium in place of unrolling", "deq_kan", "unrolled_kan"),
    _effect("repairing the shipped map and rate", "deq_kan", "deq_kan_shipped"),
    _effect("repairing the shipped map", "deq_kan", "deq_kan_shipped_rate"),
    _effect("a map that is sure to contract", "deq_kan_certified", "deq_kan"),
)


def document(maker: Maker) -> Document:
    """The whole table, on the split of the comparison."""
    blocks: list[Block] = [Text(introduction(maker.preset, maker.stand_in, WHAT))]
    for dataset in maker.datasets:
        blocks += [_square(maker, dataset), _effects(maker, dataset)]
    keys = [Key(dataset, maker.split, model) for dataset in maker.datasets for model in _models()]
    blocks.append(maker.behind(keys))
    title = TITLE + (" (stand-in data sets)" if maker.stand_in else "")
    return Document(title, tuple(blocks), maker.footnotes.listed)


def lines(maker: Maker) -> Iterator[Line]:
    """The lines of the CSV: values, then effects."""
    long = Long(NAME, maker)
    for dataset in maker.datasets:
        for model in _models():
            yield from (long.value(Key(dataset, maker.split, model), metric(name)) for name in SHOWN)
        for effect in EFFECTS:
            for quantity in map(metric, SHOWN):
                gap = maker.gap(dataset, maker.split, effect.weights, quantity)
                more, less = effect.sides
                yield long.gap(Key(dataset, maker.split, more), less, gap, quantity)


def _models() -> list[str]:
    """All models that the table shows or compares."""
    squares = [model for models in SQUARE.values() for model in models if model]
    return list(dict.fromkeys([*squares, *(model for effect in EFFECTS for model in effect.weights)]))


def _square(maker: Maker, dataset: str) -> Grid:
    rows = []
    for quantity in map(metric, SHOWN):
        for iteration, models in SQUARE.items():
            cells = (_cell(maker, dataset, model, quantity) for model in models)
            rows.append((Item(quantity.label), Item(iteration), *cells))
    title = f"{maker.name(dataset)}, {maker.split}: iteration and splines"
    return Grid(title, ("Metric", "Map", *COLUMNS), tuple(rows), heads=2)


def _cell(maker: Maker, dataset: str, model: str | None, quantity: Quantity) -> Item:
    """A value with its number of runs."""
    if model is None:
        return Item(NO_MODEL, "missing")
    key = Key(dataset, maker.split, model)
    made, cell = maker.item(key, quantity), maker.results.cells.get(key)
    if cell is None or made.tone:
        return made
    return Item(f"{made.text} ({len(cell.by_seed(quantity))})", made.tone, made.mark, made.records)


def _effects(maker: Maker, dataset: str) -> Grid:
    rows = []
    for effect in EFFECTS:
        cells = (maker.gap_item(maker.gap(dataset, maker.split, effect.weights, q), q) for q in map(metric, SHOWN))
        rows.append((Item(effect.isolates), Item(effect.label), *cells))
    header = ("Effect of", "Difference", *(metric(name).label for name in SHOWN))
    title = f"{maker.name(dataset)}, {maker.split}: what makes the difference"
    return Grid(title, header, tuple(rows), heads=2, lead=PAIRED)
