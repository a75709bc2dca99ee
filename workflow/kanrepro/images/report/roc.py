"""ROC curves from the probabilities that records keep: macro one-vs-rest over classes, mean over seeds."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kanrepro.images.record import ImageRecord
from kanrepro.images.report.quantities import metric
from kanrepro.images.report.results import ImageCell, ImageResults
from kanrepro.images.report.style import handles, line, stand_in_note
from kanrepro.images.variants import LABELS
from kanrepro.report.style import FAINT, legend, note, nothing, plain

FALSE = np.linspace(0, 1, 201)  # the false positive rates at which curves are averaged
CORNER = 0.25  # of the axes that the lower panels show
NOTE = (
    "Lines: mean over seeds of the true positive rate at each false positive rate, averaged over classes, each against "
    "the others (of two classes: the positive one); shades: range over seeds. Below: the upper left corner. Grey: mean "
    "AUC in %, from the records."
)


def roc(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rates (T + 1,) of the thresholds from above the largest score down; ties move together.

    Args:
        scores: (N,) of each image; more means more likely positive.
        positive: (N,) bool; at least one of each kind.
    """
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(positive[order])
    last = np.flatnonzero(np.append(np.diff(scores[order]), 1))  # the last image of each group of equal scores
    true = np.concatenate([[0], hits[last]]) / hits[-1]
    false = np.concatenate([[0], last + 1 - hits[last]]) / (len(scores) - hits[-1])
    return false, true


def at(false: np.ndarray, true: np.ndarray, where: np.ndarray) -> np.ndarray:
    """The curve's height at each of `where`: on a vertical piece its upper end, between points the straight line."""
    upper = np.append(np.diff(false) > 0, True)
    return np.interp(where, false[upper], true[upper])


def curve(record: ImageRecord) -> np.ndarray | None:
    """True positive rates at `FALSE` (F,), the mean over classes; None where a class has no test image."""
    truth, scores = np.array(record.test.y), np.array(record.test.p, float)
    classes = len(record.classes)
    if len(set(record.test.y)) < (2 if classes == 2 else classes):
        return None
    which = [1] if classes == 2 else range(classes)
    return np.mean([at(*roc(scores[:, label], truth == label), FALSE) for label in which], axis=0)


def draw(results: ImageResults, datasets: Sequence[str], split: str, models: Sequence[str]) -> Figure:
    """The figure: a data set a column, the whole curve and its corner. Where nothing was run it says so."""
    columns = [dataset for dataset in datasets if any(results.cell(dataset, split, m) for m in models)]
    if not columns:
        return nothing("ROC curves: nothing was run.")
    figure = Figure(figsize=(max(7.0, 0.6 + 3.5 * len(columns)), 7.6), layout="constrained")
    axes = figure.subplots(2, len(columns), squeeze=False)
    for column, dataset in enumerate(columns):
        cells = {m: cell for m in models if (cell := results.cell(dataset, split, m))}
        for axis in axes[:, column]:
            _panel(axis, cells)
        axes[1, column].set(xlim=(0, CORNER), ylim=(1 - CORNER, 1), xlabel="false positive rate")
        axes[0, column].set(xlim=(0, 1), ylim=(0, 1))
        axes[0, column].set_title(results.title(dataset), fontsize=10)
        _areas(axes[0, column], cells)
    for axis in axes[:, 0]:
        axis.set_ylabel("true positive rate")
    drawn = [model for model in models if any(results.cell(d, split, model) for d in columns)]
    legend(figure, handles(drawn))
    note(figure, f"{NOTE} {stand_in_note(columns, results.demo)}")
    return figure


def _panel(axis: Axes, cells: dict[str, ImageCell]) -> None:
    axis.plot([0, 1], [0, 1], color="#bbbbbb", lw=0.8)
    for model, cell in cells.items():
        found = [height for record in cell.records if (height := curve(record)) is not None]
        if found:
            line(axis, FALSE, np.stack(found), model)
    plain(axis)


def _areas(axis: Axes, cells: dict[str, ImageCell]) -> None:
    """The areas as the records have them, in the empty lower right."""
    rows = []
    for model, cell in cells.items():
        summary = cell.summary(metric("auc"))
        rows.append(f"{LABELS[model]}  {summary.mean:.1f}" if summary else f"{LABELS[model]}  not defined")
    axis.text(0.98, 0.03, "\n".join(rows), transform=axis.transAxes, ha="right", va="bottom", fontsize=6.8, color=FAINT)
