"""Confusion matrices: a panel a model and data set; shares of each true class, mean over seeds."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kanrepro.images.report.results import ImageCell, ImageResults
from kanrepro.images.report.style import stand_in_note
from kanrepro.images.variants import LABELS
from kanrepro.report.style import missing, note, nothing

NOTE = (
    "Rows are the truth, columns what the model says. Percent of the images of a true class, mean over seeds; in "
    "brackets the mean number of images."
)
FEW = 6  # classes up to which a cell holds counts
DARK = 55  # percent from which letters are white


def shares(cell: ImageCell) -> tuple[np.ndarray, np.ndarray]:
    """Means over seeds: percent of each true class (K, K; NaN for a class without images), and numbers of images."""
    counts = np.array([record.confusion for record in cell.records], float)  # (R, K, K)
    totals = counts.sum(axis=2, keepdims=True)
    each = np.divide(100 * counts, totals, out=np.full_like(counts, np.nan), where=totals > 0)
    return each.mean(axis=0), counts.mean(axis=0)


def draw(results: ImageResults, datasets: Sequence[str], split: str, models: Sequence[str]) -> Figure:
    """The figure: models down, data sets across. Where nothing was run it says so."""
    rows = [model for model in models if any(results.cell(dataset, split, model) for dataset in datasets)]
    columns = [dataset for dataset in datasets if any(results.cell(dataset, split, model) for model in models)]
    if not rows:
        return nothing("Confusion matrices: nothing was run.")
    sizes = [len(_classes(results, dataset)) for dataset in columns]
    width = max(5.5, 1.0 + 1.1 * len(sizes) + sum(_cell(size)[0] * size for size in sizes))
    height = 1.5 + (0.25 + max(_cell(size)[1] * size for size in sizes)) * len(rows)
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(
        len(rows), len(columns), squeeze=False, width_ratios=[_cell(size)[0] * size for size in sizes]
    )
    for row, model in enumerate(rows):
        for column, dataset in enumerate(columns):
            _panel(axes[row, column], results.cell(dataset, split, model), _classes(results, dataset))
        axes[row, 0].set_ylabel(LABELS[model].replace(", ", ",\n").replace(" + ", " +\n"), fontsize=8.5)
    for column, dataset in enumerate(columns):
        axes[0, column].set_title(results.title(dataset), fontsize=10)
        names = _classes(results, dataset)
        axes[-1, column].set_xticks(range(len(names)), names, rotation=30, ha="right", fontsize=7.5)
    note(figure, f"{NOTE} {stand_in_note(columns, results.demo)}")
    return figure


def _cell(classes: int) -> tuple[float, float]:
    """Width and height in inches of a cell; with many classes it is small and holds no counts."""
    return (0.62, 0.32) if classes <= FEW else (0.4, 0.2)


def _classes(results: ImageResults, dataset: str) -> list[str]:
    return next(record.classes for record in results.records if record.dataset == dataset)


def _panel(axis: Axes, cell: ImageCell | None, classes: Sequence[str]) -> None:
    if cell is None:
        missing(axis)
        return
    percent, counts = shares(cell)
    axis.imshow(percent, cmap="Blues", vmin=0, vmax=100, aspect="auto")
    for truth in range(len(classes)):
        for said in range(len(classes)):
            value = percent[truth, said]
            text = f"{value:.1f}" + (f"\n({counts[truth, said]:.1f})" if len(classes) <= FEW else "")
            text = "no image" if np.isnan(value) else text
            colour = "white" if value > DARK else "black"
            axis.text(said, truth, text, ha="center", va="center", fontsize=7, color=colour)
    axis.set_xticks([])
    axis.set_yticks(range(len(classes)), classes, fontsize=7.5)
    axis.tick_params(length=0)
