"""The share of the splines in the variance of each KAN layer's output: of encoders before training and after it.

The rest is the SiLU branch; readings without one have nothing to show. Records of before November 28 hold no shares.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kanrepro.report.results import METHODS, Results
from kanrepro.report.style import COLOURS, legend, note, nothing, plain
from kanrepro.report.wording import short

CONTROL = "calibrated_kan"
COLUMN = "spline_share_"


def shares(results: Results, dataset: str, method: str, reading: str) -> np.ndarray:
    """(R, L): the shares in the L layers of R runs, from 0 to 1; empty where no record has them all."""
    cell = results.cell(dataset, method, reading)
    rows = []
    for run in cell.runs if cell else ():
        found = {key: value for key, value in run.record.history.items() if key.startswith(COLUMN)}
        row = [found[f"{COLUMN}{i}"] for i in range(1, len(found) + 1)]
        if row and None not in row:
            rows.append(row)
    return np.array(rows, dtype=float)


def draw(results: Results, datasets: Sequence[str]) -> Figure:
    """One panel a set and reading; lines are means over runs. Where nothing was run it says so."""
    methods = [CONTROL, *METHODS]
    readings = [r for r in results.readings if any(_has_base(results, d, m, r) for d in datasets for m in methods)]
    sets = [d for d in datasets if any(_has_base(results, d, m, r) for m in methods for r in readings)]
    if not readings:
        return nothing("No record holds shares of splines beside a SiLU branch.")
    figure = Figure(figsize=(1.2 + 1.9 * len(sets), 1.3 + 1.7 * len(readings)), layout="constrained")
    axes = figure.subplots(len(readings), len(sets), squeeze=False, sharex=True, sharey=True)
    drawn: set[str] = set()
    for row, reading in zip(axes, readings, strict=True):
        for axis, dataset in zip(row, sets, strict=True):
            drawn |= {method for method in methods if _line(axis, results, dataset, method, reading)}
            plain(axis)
            axis.set_title(f"{short(dataset)}, {reading}", fontsize=8.5, loc="left")
    axes[0, 0].set_ylim(0, None)
    for axis in axes[:, 0]:
        axis.set_ylabel("share of splines, %", fontsize=8)
    for axis in axes[-1]:
        axis.set_xlabel("KAN layer", fontsize=8)
    styles = {CONTROL: ("black", "not trained"), **{m: (COLOURS[m], label) for m, label in METHODS.items()}}
    legend(
        figure,
        [Line2D([], [], color=styles[m][0], label=styles[m][1], marker="o", ms=3) for m in methods if m in drawn],
    )
    note(
        figure, "Variance of the spline part over that of spline and SiLU part, on the first untouched graphs of a set."
    )
    return figure


def _has_base(results: Results, dataset: str, method: str, reading: str) -> bool:
    found = shares(results, dataset, method, reading)
    return bool(found.size) and bool((found < 1).any())


def _line(axis: Axes, results: Results, dataset: str, method: str, reading: str) -> bool:
    if not _has_base(results, dataset, method, reading):
        return False
    mean = 100 * shares(results, dataset, method, reading).mean(axis=0)
    axis.plot(range(1, len(mean) + 1), mean, marker="o", ms=3, lw=1.2, color=COLOURS.get(method, "black"))
    return True
