"""The comparison table: every model on every data set and split, and its differences from two of them."""

from collections.abc import Iterator

from kanrepro.images.report.longform import Line, Long
from kanrepro.images.report.maker import UNDEFINED, Maker, minus
from kanrepro.images.report.quantities import (
    BOUND,
    CONVERGED,
    METRICS,
    MFLOPS,
    PARAMETERS,
    RATE,
    STEPS,
    metric,
    of_class,
)
from kanrepro.images.report.results import ImageCell, Key
from kanrepro.images.report.wording import MEASURED, PAIRED, SPLITS, introduction, setting
from kanrepro.images.variants import LABELS
from kanrepro.report.document import Block, Document, Grid, Item, Text
from kanrepro.report.statistics import Summary
from kanrepro.report.wording import NOT_RUN, number

NAME = "images"
TITLE = "Image classification: DEQ-KAN and what it is compared with"
REFERENCES = ("cnn", "deq_kan")
TESTED = ("accuracy", "f1", "auc", "ece")  # the metrics whose differences and intervals are shown
OF_CLASS = ("precision", "recall", "specificity", "f1", "auc")
SOLVER = {STEPS: UNDEFINED, CONVERGED: UNDEFINED, RATE: UNDEFINED, BOUND: "no bound"}  # what a run without it says
NO_SOLVER = "no solver"
WHAT = (
    f"{MEASURED} in %, macro averages over classes (of two classes: of the positive one). ECE: calibration error, less "
    "is better. Parameters and MFLOPs (10^6 operations of one image forward in convolutions and matrix products, a "
    "multiply-add counts two). Steps: mean evaluations of the map an image until the solver stops; Converged: share of "
    "images that reach its tolerance; Rate: factor by which a plain step changes |F(z) − z| (above 1 it runs away); "
    "Bound: what the certified form promises."
)


def document(maker: Maker) -> Document:
    """The whole table."""
    blocks: list[Block] = [Text(introduction(maker.preset, maker.stand_in, WHAT))]
    for dataset, split in _tasks(maker):
        blocks.append(_comparison(maker, dataset, split))
        if maker.results.models(dataset, split):
            blocks += [_intervals(maker, dataset, split), _classes(maker, dataset, split)]
            blocks += _differences(maker, dataset, split)
    keys = [Key(dataset, split, model) for dataset, split in _tasks(maker) for model in maker.models(dataset, split)]
    blocks.append(maker.behind(keys))
    title = TITLE + (" (stand-in data sets)" if maker.stand_in else "")
    return Document(title, tuple(blocks), maker.footnotes.listed)


def lines(maker: Maker) -> Iterator[Line]:
    """The lines of the CSV: values, those of single classes, differences."""
    long = Long(NAME, maker)
    for dataset, split in _tasks(maker):
        keys = [Key(dataset, split, model) for model in maker.models(dataset, split)]
        for key in keys:
            yield from (long.value(key, quantity) for quantity in (*map(metric, METRICS), PARAMETERS, MFLOPS, *SOLVER))
        for key in keys:
            for label in _class_names(maker, dataset):
                yield from (long.value(key, of_class(name, label)) for name in OF_CLASS)
        for reference in _references(maker, dataset, split):
            for key in keys:
                if _differs(key.model, reference):
                    for quantity in map(metric, TESTED):
                        gap = maker.gap(dataset, split, {key.model: 1, reference: -1}, quantity)
                        yield long.gap(key, reference, gap, quantity)


def _tasks(maker: Maker) -> list[tuple[str, str]]:
    return [(dataset, split) for dataset in maker.datasets for split in maker.splits(dataset)]


def _comparison(maker: Maker, dataset: str, split: str) -> Grid:
    cells = [cell for model in maker.models(dataset, split) if (cell := maker.results.cell(dataset, split, model))]
    metrics = [metric(name) for name in METRICS]
    rows = []
    for model in maker.models(dataset, split):
        key = Key(dataset, split, model)
        cell = maker.results.cells.get(key)
        solved = cell is not None and any(record.equilibrium for record in cell.records)
        rows.append(
            (
                Item(LABELS[model]),
                Item(str(len(cell.runs)) if cell else "0"),
                *(maker.item(key, quantity) for quantity in (*metrics, PARAMETERS, MFLOPS)),
                *(maker.item(key, quantity, nothing if solved else NO_SOLVER) for quantity, nothing in SOLVER.items()),
            )
        )
    if cells:
        unfit = (Item(UNDEFINED, "missing"),) * (len(metrics) - 1 + 2 + len(SOLVER))
        rows.append((Item("largest class"), Item(""), _chance(maker, cells), *unfit))
    header = ("Model", "Runs", *(q.label for q in (*metrics, PARAMETERS, MFLOPS, *SOLVER)))
    lead = f"Split `{split}`: {SPLITS[split]}. {setting([record for cell in cells for record in cell.records])}"
    return Grid(f"{maker.name(dataset)}, {split}", header, tuple(rows), lead=lead)


def _chance(maker: Maker, cells: list[ImageCell]) -> Item:
    """Accuracy of always naming the largest class of the test images, over the seeds of all models."""
    shares = {}
    for cell in cells:
        for run in cell.runs:
            truth = run.record.test.y
            if truth:
                shares.setdefault(run.seed, 100 * max(map(truth.count, set(truth))) / len(truth))
    if not shares:
        return Item(NOT_RUN, "missing")
    return Item(number(Summary.of(shares.values())), records=maker.paths(cells))


def _intervals(maker: Maker, dataset: str, split: str) -> Grid:
    rows = []
    for model in maker.results.models(dataset, split):
        cell = maker.results.cells[Key(dataset, split, model)]
        rows.append((Item(LABELS[model]), *(_ends(maker, cell, name) for name in TESTED)))
    lead = (
        "95 % intervals of one run by bootstrap over its test images, those of a patient, tile or picture together; "
        "both ends are means over runs. What other test images would change; the ± above is what another seed changes."
    )
    header = ("Model", *(METRICS[name] for name in TESTED))
    return Grid(f"{maker.name(dataset)}, {split}: what the test images leave open", header, tuple(rows), lead=lead)


def _ends(maker: Maker, cell: ImageCell, name: str) -> Item:
    ends = cell.ends(metric(name))
    if ends is None:
        return Item(UNDEFINED, "missing", records=maker.paths([cell]))
    return Item(f"{ends[0]:.1f} to {ends[1]:.1f}", records=maker.paths([cell]))


def _classes(maker: Maker, dataset: str, split: str) -> Grid:
    names = _class_names(maker, dataset)
    rows = []
    for model in maker.results.models(dataset, split):
        key = Key(dataset, split, model)
        rows.append((Item(LABELS[model]), *(maker.item(key, of_class("recall", label)) for label in names)))
    lead = "Share of the test images of a class that are called by its name, in %."
    return Grid(f"{maker.name(dataset)}, {split}: recall of each class", ("Model", *names), tuple(rows), lead=lead)


def _differences(maker: Maker, dataset: str, split: str) -> list[Block]:
    rows = []
    for reference in _references(maker, dataset, split):
        for model in maker.models(dataset, split):
            if _differs(model, reference):
                gaps = ((q, maker.gap(dataset, split, {model: 1, reference: -1}, q)) for q in map(metric, TESTED))
                cells = (maker.gap_item(gap, quantity) for quantity, gap in gaps)
                rows.append((Item(minus(LABELS[model], LABELS[reference])), *cells))
    if not rows:
        return []
    header = ("Difference", *(METRICS[name] for name in TESTED))
    title = f"{maker.name(dataset)}, {split}: differences from {' and '.join(LABELS[r] for r in REFERENCES)}"
    return [Grid(title, header, tuple(rows), lead=PAIRED)]


def _references(maker: Maker, dataset: str, split: str) -> list[str]:
    return [model for model in REFERENCES if model in maker.results.models(dataset, split)]


def _differs(model: str, reference: str) -> bool:
    """Whether the difference is shown: not from itself, and not both ways between the references."""
    return model != reference and not (model == REFERENCES[0] and reference == REFERENCES[1])


def _class_names(maker: Maker, dataset: str) -> list[str]:
    return next((record.classes for record in maker.results.records if record.dataset == dataset), [])
