"""Pre-training curves: what the loss and the CKFI diagnostics do from epoch to epoch."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from kanrepro.core.errors import UserError
from kanrepro.core.history import read_history
from kanrepro.methods.folder import built_in
from kanrepro.report.layout import label_of
from kanrepro.report.results import CONTROLS, METHODS, READINGS
from kanrepro.report.style import COLOURS, nothing
from kanrepro.report.wording import short

# column of history.csv -> label, and whether a wide range calls for a logarithmic axis
QUANTITIES = {
    "loss": ("loss", False),
    "outside_grid": ("share of inputs\noutside the grid", False),
    "spline_share": ("share of splines\nin the variance", False),
    "delta_mean": ("mean δ", True),
    "rho_mean": ("mean ρ", True),
    "cos_hard": ("cos(v, v_hard)", False),
}
MASKING = "attr_masking"  # which learns something else than the variants of the ablation, on molecules
MASKING_QUANTITIES = {"loss": QUANTITIES["loss"], "accuracy": ("share of masked\natoms told", False)}
EVERY = {name: QUANTITIES[name] for name in ("loss", "outside_grid", "spline_share")}  # what all methods have
NAMES = METHODS | {MASKING: label_of(MASKING)}
HUES = COLOURS | {MASKING: "#cc79a7"}
FURTHER = ("#332288", "#117733", "#882255", "#999933", "#44aa99")
_RUN = re.compile(r"[a-z][a-z0-9_]*/[A-Za-z0-9_]+/\d+")  # method, reading, seed
STYLES = {"own": ":", "literal": (0, (1, 1)), "literal_silu": (0, (4, 1.5)), "repaired": "-"}
OTHER = "-."  # readings that a user defined


@dataclass(frozen=True)
class Curve:
    """One run's history: data set, method, reading, seed, and per quantity one value an epoch (NaN: not defined)."""

    dataset: str
    method: str
    reading: str
    seed: str
    values: Mapping[str, np.ndarray]


def read(path: Path) -> Curve:
    """Read `<data set>/<method>/<reading>/<seed>/history.csv`: columns epoch, loss, ..., empty where not defined.

    Which columns there are depends on what the method learns.

    Raises:
        UserError: the path is not of that form, or the file is not such a table.
    """
    parts = path.absolute().parts
    if len(parts) < 6 or not _RUN.fullmatch("/".join(parts[-4:-1])):
        raise UserError(f"{path}: expected a path <data set>/<method>/<reading>/<seed>/history.csv.")
    dataset, method, reading, seed = parts[-5:-1]
    contrast = method in METHODS | CONTROLS
    names = MASKING_QUANTITIES if method == MASKING else QUANTITIES if contrast else EVERY
    return Curve(dataset, method, reading, seed, read_history(path, names))


def read_all(paths: Iterable[Path]) -> list[Curve]:
    """The histories at `paths`, in any order and each once. Raises UserError as `read`."""
    return [read(path) for path in sorted(set(paths))]


def draw(curves: Iterable[Curve], datasets: Sequence[str]) -> Figure:
    """One column a data set, one row a quantity, a line a method and reading: the mean over seeds, its range shaded."""
    groups: dict[tuple[str, str, str], list[Curve]] = {}
    trained = (curve for curve in curves if curve.method not in CONTROLS and len(curve.values["loss"]))
    for curve in sorted(trained, key=lambda c: (c.dataset, c.method, c.reading, c.seed)):
        groups.setdefault((curve.dataset, curve.method, curve.reading), []).append(curve)
    shown = [dataset for dataset in datasets if any(dataset == d for d, _, _ in groups)]
    if not shown:
        return nothing("Training curves: nothing was trained.")
    masking = any(method == MASKING for _, method, _ in groups)
    quantities = QUANTITIES | (MASKING_QUANTITIES if masking else {})
    size = (max(1.0 + 2.8 * len(shown), 7.0), 1.8 * len(quantities) + 1.0)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(quantities), len(shown), squeeze=False, sharex="col")
    for column, dataset in enumerate(shown):
        for row, (quantity, (label, log)) in enumerate(quantities.items()):
            axis = axes[row, column]
            drawn = [
                _line(axis, [curve.values[quantity] for curve in found], method, reading)
                for (name, method, reading), found in groups.items()
                if name == dataset and quantity in found[0].values
            ]
            _dress(axis, log and any(drawn), any(drawn))
            if column == 0:
                axis.set_ylabel(label)
        axes[0, column].set_title(short(dataset), fontsize=10)
        axes[-1, column].set_xlabel("epoch")
    drawn_methods = {method for _, method, _ in groups}
    methods = [*(m for m in NAMES if m in drawn_methods), *sorted(drawn_methods - NAMES.keys())]
    found = {reading for _, _, reading in groups}
    readings = [reading for reading in READINGS if reading in found] + sorted(found - set(READINGS))
    handles = [Line2D([], [], color=_hue(method), label=_name(method)) for method in methods]
    handles += [Line2D([], [], color="#444", ls=STYLES.get(reading, OTHER), label=reading) for reading in readings]
    columns = len(handles) if len(handles) < size[0] / 1.4 else (len(handles) + 1) // 2
    figure.legend(handles=handles, loc="outside upper center", ncols=columns, frameon=False, fontsize=8.5)
    figure.align_ylabels(list(axes[:, 0]))
    missing = [short(dataset) for dataset in datasets if dataset not in shown]
    if missing:
        figure.supxlabel(
            f"No training history here: {', '.join(missing)}.", x=0.01, ha="left", fontsize=7.5, color="#444"
        )
    return figure


def _name(method: str) -> str:
    """A method's name in the legend; a user's own is called as its file."""
    return built_in()[method].label if method in built_in() else method


def _hue(method: str) -> str:
    """Its colour, the same in every figure."""
    return HUES.get(method) or FURTHER[sum(method.encode()) % len(FURTHER)]


def _line(axis: Axes, runs: Sequence[np.ndarray], method: str, reading: str) -> bool:
    """Draw mean and range over the epochs that all runs have; False where the quantity is never defined."""
    epochs = min(map(len, runs))
    values = np.stack([run[:epochs] for run in runs])
    defined = np.flatnonzero(np.isfinite(values).all(axis=0))
    if not len(defined):
        return False
    x, values = defined + 1, values[:, defined]
    axis.plot(x, values.mean(axis=0), color=_hue(method), ls=STYLES.get(reading, OTHER), lw=1.2)
    axis.fill_between(x, values.min(axis=0), values.max(axis=0), color=_hue(method), alpha=0.15, lw=0)
    return True


def _dress(axis: Axes, log: bool, drawn: bool) -> None:
    heights = [y for line in axis.lines for y in np.asarray(line.get_ydata(), float)]
    if log and min(heights) > 0 and max(heights) > 20 * min(heights):
        axis.set_yscale("log")
    else:
        axis.ticklabel_format(axis="y", style="sci", scilimits=(-3, 4), useOffset=False)
        axis.yaxis.get_offset_text().set_fontsize(8)
    if not drawn:
        axis.set_yticks([])
        axis.text(0.5, 0.5, "not defined", transform=axis.transAxes, ha="center", va="center", color="#777", fontsize=8)
    axis.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axis.grid(color="#e3e3e3", lw=0.6)
    axis.tick_params(labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)
