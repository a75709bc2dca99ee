"""Robustness: scores on clean and corrupted images, what corruption takes, and if less than from a CNN."""

from collections.abc import Iterator

from kanrepro.images.report.longform import Line, Long
from kanrepro.images.report.maker import Maker, minus
from kanrepro.images.report.quantities import ALL, CORRUPTIONS, STRENGTHS, Quantity, corrupted, harm, metric
from kanrepro.images.report.results import Key
from kanrepro.images.report.wording import MEASURED, introduction
from kanrepro.images.variants import LABELS
from kanrepro.report.document import Block, Document, Grid, Item, Text

NAME = "images-robustness"
TITLE = "Robustness to noise, blur, contrast and resolution"
SHOWN = ("accuracy", "auc", "ece")
REFERENCE = "cnn"
STRONGEST = STRENGTHS[-1]
WHAT = (
    f"{MEASURED} in %. Models are trained on clean images and tested on corrupted ones: each corruption at five "
    "strengths, averaged over them and at the strongest. DEQ-KAN's README claims “robust classification”."
)
HARM = (
    "Percentage points that corruption, averaged over strengths, takes from accuracy and AUC or adds to ECE: clean "
    "minus corrupted (of ECE: corrupted minus clean) in the same run. More is worse."
)
AGAINST = (
    f"The harm above, a model minus {LABELS[REFERENCE]}: negative where it loses less. Percentage points, with the "
    "95 % interval of a t-test paired by seed and the number of pairs; `*` where the interval leaves out zero."
)


def document(maker: Maker) -> Document:
    """The whole table, on the split of the comparison."""
    blocks: list[Block] = [Text(introduction(maker.preset, maker.stand_in, WHAT))]
    for dataset in maker.datasets:
        blocks += [_scores(maker, dataset), *_harms(maker, dataset), *_against(maker, dataset)]
    keys = [Key(d, maker.split, model) for d in maker.datasets for model in maker.models(d, maker.split)]
    blocks.append(maker.behind(keys))
    title = TITLE + (" (stand-in data sets)" if maker.stand_in else "")
    return Document(title, tuple(blocks), maker.footnotes.listed)


def lines(maker: Maker) -> Iterator[Line]:
    """The lines of the CSV: scores, harms, and differences of harms."""
    long = Long(NAME, maker)
    for dataset in maker.datasets:
        kinds = _kinds(maker, dataset)
        keys = [Key(dataset, maker.split, model) for model in maker.models(dataset, maker.split)]
        for key in keys:
            for name in SHOWN:
                yield from (long.value(key, quantity) for _, quantity in _columns(name, kinds))
                yield from (long.value(key, harm(name, kind)) for kind in (*kinds, ALL))
        for key in keys:
            if key.model != REFERENCE:
                for quantity in (harm(name, kind) for name in SHOWN for kind in (*kinds, ALL)):
                    gap = maker.gap(dataset, maker.split, {key.model: 1, REFERENCE: -1}, quantity)
                    yield long.gap(key, REFERENCE, gap, quantity)


def _kinds(maker: Maker, dataset: str) -> list[str]:
    """The corruptions that a data set was tested under (all of them where nothing was run)."""
    measured = {
        kind for r in maker.results.records if (r.dataset, r.split) == (dataset, maker.split) for kind in r.robustness
    }
    return [kind for kind in CORRUPTIONS if kind in measured] or list(CORRUPTIONS)


def _columns(name: str, kinds: list[str]) -> list[tuple[str, Quantity]]:
    """Headings and quantities of one metric's row."""
    columns = [("clean", metric(name))]
    for kind in kinds:
        columns.append((kind, corrupted(name, kind)))
        columns.append((f"{kind}, strongest", corrupted(name, kind, STRONGEST)))
    return [*columns, (ALL, corrupted(name, ALL))]


def _scores(maker: Maker, dataset: str) -> Grid:
    kinds = _kinds(maker, dataset)
    rows = []
    for name in SHOWN:
        for model in maker.models(dataset, maker.split):
            key = Key(dataset, maker.split, model)
            cells = (maker.item(key, quantity) for _, quantity in _columns(name, kinds))
            rows.append((Item(metric(name).label), Item(LABELS[model]), *cells))
    header = ("Metric", "Model", *(heading for heading, _ in _columns(SHOWN[0], kinds)))
    return Grid(f"{maker.name(dataset)}, {maker.split}: clean and corrupted", header, tuple(rows), heads=2)


def _harms(maker: Maker, dataset: str) -> list[Grid]:
    kinds = (*_kinds(maker, dataset), ALL)
    rows = []
    for name in SHOWN:
        for model in maker.results.models(dataset, maker.split):
            key = Key(dataset, maker.split, model)
            cells = (maker.item(key, harm(name, kind)) for kind in kinds)
            rows.append((Item(metric(name).label), Item(LABELS[model]), *cells))
    title = f"{maker.name(dataset)}, {maker.split}: what corruption takes"
    return [Grid(title, ("Metric", "Model", *kinds), tuple(rows), heads=2, lead=HARM)] if rows else []


def _against(maker: Maker, dataset: str) -> list[Grid]:
    kinds = (*_kinds(maker, dataset), ALL)
    rows = []
    for name in SHOWN:
        for model in maker.results.models(dataset, maker.split):
            if model != REFERENCE and REFERENCE in maker.results.models(dataset, maker.split):
                weights = {model: 1, REFERENCE: -1}
                quantities = [harm(name, kind) for kind in kinds]
                cells = (maker.gap_item(maker.gap(dataset, maker.split, weights, q), q) for q in quantities)
                rows.append((Item(metric(name).label), Item(minus(LABELS[model], LABELS[REFERENCE])), *cells))
    title = f"{maker.name(dataset)}, {maker.split}: harm beside that of {LABELS[REFERENCE]}"
    return [Grid(title, ("Metric", "Difference", *kinds), tuple(rows), heads=2, lead=AGAINST)] if rows else []
