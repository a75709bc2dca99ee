"""What hard negatives do at the last epoch: a row of panels a quantity, a column a set, readings along each axis."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kanrepro.report.layout import label_of
from kanrepro.report.results import Results
from kanrepro.report.style import legend, note, nothing, plain
from kanrepro.report.wording import short
from kanrepro.tu.report.epochs import EFFECTS, effects
from kanrepro.tu.report.looks import colours_of


def draw(results: Results, datasets: Sequence[str]) -> Figure:
    """Points are runs. Where no record says what hard negatives do it says so."""
    cells = {key: effects(cell, tuple(EFFECTS)) for key, cell in results.cells.items()}
    cells = {key: found for key, found in cells.items() if "hn_cosine" in found}
    if not cells:
        return nothing("No record says what hard negatives do: runs of before November 29 do not.")
    sets = [d for d in datasets if any(key[0] == d for key in cells)]
    readings = [r for r in results.readings if any(key[2] == r for key in cells)]
    colours = colours_of([method for _, method, _ in cells])
    methods = list(colours)
    figure = Figure(figsize=(1.2 + 2.3 * len(sets), 1.8 + 1.4 * len(EFFECTS)), layout="constrained")
    axes = figure.subplots(len(EFFECTS), len(sets), squeeze=False, sharex=True, sharey="row")
    for row, (name, label) in zip(axes, EFFECTS.items(), strict=True):
        row[0].set_ylabel(label.lower(), fontsize=8)
        for axis, dataset in zip(row, sets, strict=True):
            for (d, method, reading), found in cells.items():
                if d == dataset and name in found:
                    at = readings.index(reading) + 0.6 * ((methods.index(method) + 0.5) / len(methods) - 0.5)
                    values = list(found[name].values())
                    axis.plot([at] * len(values), values, "o", ms=3, alpha=0.7, color=colours[method])
            plain(axis)
            axis.set_xticks(range(len(readings)), readings, rotation=30, ha="right", fontsize=7.5)
    for axis, dataset in zip(axes[0], sets, strict=True):
        axis.set_title(short(dataset), fontsize=8.5, loc="left")
    legend(figure, [Line2D([], [], color=c, label=label_of(m), marker="o", ls="", ms=4) for m, c in colours.items()])
    note(
        figure,
        "Of one batch at the last epoch; a point a run. Alignment: cosine of the gradient of L_HN on the encoder with "
        "that of the same term without perturbation. Strength: its norm beside that of what is learned otherwise. "
        "Step: |p| beside |z|. Cosine: of z and its hard negative.",
    )
    return figure
