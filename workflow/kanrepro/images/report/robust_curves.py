"""Accuracy against the strength of each corruption."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kanrepro.images.report.quantities import CORRUPTIONS, STRENGTHS, corrupted, metric
from kanrepro.images.report.results import ImageCell, ImageResults
from kanrepro.images.report.style import handles, line, stand_in_note
from kanrepro.report.style import legend, missing, note, nothing, plain

NOTE = "Lines: mean over seeds; shades: range over seeds. Strength 0: clean images. Axes need not start at zero."


def draw(results: ImageResults, datasets: Sequence[str], split: str, models: Sequence[str]) -> Figure:
    """The figure: data sets down, corruptions across. Where nothing was measured it says so."""
    cells = {
        (d, m): cell for d in datasets for m in models if (cell := results.cell(d, split, m)) and _measured([cell])
    }
    rows = [dataset for dataset in datasets if any(dataset == d for d, _ in cells)]
    kinds = [kind for kind in CORRUPTIONS if kind in _measured(cells.values())]
    if not cells:
        return nothing("Robustness: nothing was measured.")
    figure = Figure(figsize=(max(7.0, 0.8 + 2.6 * len(kinds)), 1.2 + 2.3 * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), len(kinds), squeeze=False, sharex=True, sharey="row")
    for row, dataset in enumerate(rows):
        here = {model: cell for (d, model), cell in cells.items() if d == dataset}
        for column, kind in enumerate(kinds):
            _panel(axes[row, column], here, kind)
        axes[row, 0].set_ylabel(f"{results.title(dataset)}\naccuracy, %", fontsize=9)
    for column, kind in enumerate(kinds):
        axes[0, column].set_title(kind, fontsize=10)
        axes[-1, column].set_xlabel("strength")
    legend(figure, handles(model for model in models if any(model == m for _, m in cells)))
    note(figure, f"{NOTE} {stand_in_note(rows, results.demo)}")
    return figure


def _measured(cells) -> set[str]:
    return {kind for cell in cells for record in cell.records for kind in record.robustness}


def _panel(axis: Axes, cells: dict[str, ImageCell], kind: str) -> None:
    strengths = np.array([0, *STRENGTHS])
    quantities = [metric("accuracy"), *(corrupted("accuracy", kind, strength) for strength in STRENGTHS)]
    plain(axis)
    drawn = 0
    for model, cell in cells.items():
        rows = [[quantity.of(record) for quantity in quantities] for record in cell.records]
        whole = [[value for value in row if value is not None] for row in rows if None not in row]
        if whole:
            line(axis, strengths, np.array(whole), model)
            drawn += 1
    if not drawn:
        missing(axis, "not measured")
