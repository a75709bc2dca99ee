"""Training curves of image classifiers: losses and validation accuracy from epoch to epoch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from kanrepro.core.errors import UserError
from kanrepro.core.history import read_history
from kanrepro.images.report.style import handles, line, stand_in_note
from kanrepro.images.variants import IMAGE_MODELS, SPLITS
from kanrepro.report.style import legend, missing, note, nothing, plain

# column of history.csv -> label and factor
QUANTITIES = {
    "train_loss": ("training loss", 1.0),
    "validation_loss": ("validation loss", 1.0),
    "validation_accuracy": ("validation accuracy, %", 100.0),
}
WIDE = 20  # losses that range over more than this factor are drawn on a logarithmic axis
NOTE = "Lines: mean over seeds, as far as the shortest of their runs went; shades: range over seeds."


@dataclass(frozen=True)
class ImageCurve:
    """One run's history: per quantity one value an epoch."""

    dataset: str
    split: str
    model: str
    seed: str
    values: Mapping[str, np.ndarray]


def read(path: Path) -> ImageCurve:
    """Read `<data set>/<split>/<model>/<seed>/history.csv`.

    Raises:
        UserError: the path is not of that form, or the file is not such a table.
    """
    parts = path.absolute().parts
    if len(parts) < 6 or parts[-3] not in IMAGE_MODELS or parts[-4] not in SPLITS:
        raise UserError(f"{path}: expected a path <data set>/<split>/<model>/<seed>/history.csv.")
    dataset, split, model, seed = parts[-5:-1]
    return ImageCurve(dataset, split, model, seed, read_history(path, QUANTITIES))


def draw(
    curves: Iterable[ImageCurve],
    datasets: Sequence[str],
    split: str,
    models: Sequence[str],
    demo: Iterable[str] = (),
) -> Figure:
    """The figure: quantities down, data sets across, a line a model. `demo`: the data sets that are stand-ins."""
    groups: dict[tuple[str, str], list[ImageCurve]] = {}
    for curve in sorted(curves, key=lambda c: (c.dataset, c.model, c.seed)):
        if curve.split == split and len(curve.values["train_loss"]):
            groups.setdefault((curve.dataset, curve.model), []).append(curve)
    columns = [dataset for dataset in datasets if any(dataset == d for d, _ in groups)]
    drawn = [model for model in models if any((dataset, model) in groups for dataset in columns)]
    if not drawn:
        return nothing("Training curves: nothing was trained.")
    figure = Figure(figsize=(max(7.0, 0.8 + 3.3 * len(columns)), 1.2 + 2.2 * len(QUANTITIES)), layout="constrained")
    axes = figure.subplots(len(QUANTITIES), len(columns), squeeze=False, sharex="col")
    for column, dataset in enumerate(columns):
        for row, (quantity, (label, factor)) in enumerate(QUANTITIES.items()):
            axis = axes[row, column]
            runs = {m: [c.values[quantity] for c in groups[dataset, m]] for m in drawn if (dataset, m) in groups}
            _panel(axis, runs, factor, quantity.endswith("loss"))
            if column == 0:
                axis.set_ylabel(label)
        axes[0, column].set_title(f"{dataset} (stand-in)" if dataset in set(demo) else dataset, fontsize=10)
        axes[-1, column].set_xlabel("epoch")
    figure.align_ylabels(list(axes[:, 0]))
    legend(figure, handles(drawn))
    note(figure, f"{NOTE} {stand_in_note(columns, demo)}")
    return figure


def _panel(axis: Axes, runs: Mapping[str, Sequence[np.ndarray]], factor: float, log: bool) -> None:
    plain(axis)
    for model, found in runs.items():
        epochs = min(map(len, found))
        line(axis, np.arange(1, epochs + 1), np.stack([run[:epochs] for run in found]), model, factor)
    axis.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    if not axis.lines:
        missing(axis)
    elif log and 0 < axis.dataLim.ymin < axis.dataLim.ymax / WIDE:
        axis.set_yscale("log")
