"""What looking at the test folds gains: the best of k evaluated epochs over one, as curves with 95 % intervals."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kanrepro.report.layout import label_of
from kanrepro.report.results import Cell, Results
from kanrepro.report.statistics import paired
from kanrepro.report.style import COLOURS, legend, missing, note, nothing, plain
from kanrepro.report.wording import short
from kanrepro.tu.report.epochs import best_by_seed, looks

SPARE = ("#7b4fa3", "#b07aa1", "#8c6d31", "#17becf", "#bcbd22", "#2f4b7c")  # for methods that have no colour


def draw(results: Results, datasets: Sequence[str]) -> Figure:
    """A panel a set and reading; lines are means over runs. Where no run was looked at twice it says so."""
    cells = {
        key: cell
        for key, cell in results.cells.items()
        if len(cell.runs) > 1 and all(len(looks(run)) > 1 for run in cell.runs)
    }
    sets = [d for d in datasets if any(key[0] == d for key in cells)]
    readings = [r for r in results.readings if any(key[2] == r for key in cells)]
    if not cells:
        return nothing("No encoder was evaluated at several epochs (optimiser.keep_every).")
    colours = colours_of([method for _, method, _ in cells])
    figure = Figure(figsize=(1.2 + 2.3 * len(sets), 1.5 + 1.7 * len(readings)), layout="constrained")
    axes = figure.subplots(len(readings), len(sets), squeeze=False, sharex=True, sharey="col")
    for row, reading in zip(axes, readings, strict=True):
        for axis, dataset in zip(row, sets, strict=True):
            drawn = {m: cell for (d, m, r), cell in cells.items() if (d, r) == (dataset, reading)}
            for place, (method, cell) in enumerate(drawn.items()):
                _curve(axis, cell, colours[method], (place - len(drawn) / 2) / 25)
            plain(axis)
            if not drawn:
                missing(axis)
            axis.set_title(f"{short(dataset)}, {reading}", fontsize=8.5, loc="left")
    for axis in axes[:, 0]:
        axis.set_ylabel("gain, points", fontsize=8)
    for axis in axes[-1]:
        axis.set_xlabel("looks k", fontsize=8)
    legend(figure, [Line2D([], [], color=colour, label=label_of(m), marker="o", ms=3) for m, colour in colours.items()])
    note(
        figure,
        "Test accuracy of the best of k epochs less that of one, in the mean over choices of k among a run's epochs; "
        "bars: 95 % intervals over runs.",
    )
    return figure


def colours_of(methods: Sequence[str]) -> dict[str, str]:
    """A colour a method, in their order: that of figures everywhere, or a spare one."""
    names = list(dict.fromkeys(methods))
    others = [name for name in names if name not in COLOURS]
    found = COLOURS | {name: SPARE[i % len(SPARE)] for i, name in enumerate(others)}
    return {name: found[name] for name in names}


def _curve(axis: Axes, cell: Cell, colour: str, beside: float) -> None:
    one, *more = best_by_seed(cell)
    gains = [gain for best in more if (gain := paired(one, best))]
    at = [k + beside for k in range(2, len(gains) + 2)]
    means = [gain.difference for gain in gains]
    error = [gain.difference - gain.low for gain in gains]
    axis.errorbar(at, means, yerr=error, color=colour, lw=1.2, elinewidth=0.6, marker="o", ms=2.5)
