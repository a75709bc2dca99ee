"""Figure 5 as drawn: a panel a parameter, a row of panels for each thing that is watched, a curve a reading."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from kanrepro.report.published import Printed
from kanrepro.report.style import legend, note, nothing, plain
from kanrepro.report.wording import STAND_IN, short
from kanrepro.studies.report.sensitivity_curves import AVERAGE, Target
from kanrepro.studies.sensitivity_settings import PARAMETERS

SYMBOLS = {
    "epsilon_delta": r"$\epsilon_\delta$",
    "epsilon_rho": r"$\epsilon_\rho$",
    "sigma_delta": r"$\sigma_\delta$",
    "sigma_rho": r"$\sigma_\rho$",
}
WORDS = {"epsilon_delta": "ε_δ", "epsilon_rho": "ε_ρ", "sigma_delta": "σ_δ", "sigma_rho": "σ_ρ"}
STYLES: dict[str, Any] = {"literal": ("#0072b2", (0, (4, 1.5)), "s"), "repaired": ("#c8401f", "-", "o")}
OTHERS = ("#009e73", "#e69f00", "#56b4e9", "#222222")  # readings that a user defined
ASIDE = 0.008  # of the axis: how far the curves of two readings are apart, so that error bars do not hide each other


def draw(targets: Sequence[Target], printed: Mapping[str, Printed], left_out: Sequence[str]) -> Figure:
    """The figure.

    Args:
        targets: what is watched, none without a curve.
        printed: target's name -> what the paper prints for the default.
        left_out: sentences on what was asked for and is not there.
    """
    if not targets:
        return nothing("Figure 5: no parameter was varied.")
    names = [name for name in PARAMETERS if any(name in target.parameters for target in targets)]
    size = (max(6.0, 0.8 + 2.45 * len(names)), 1.7 + 2.1 * len(targets))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(targets), len(names), squeeze=False, sharey="row", sharex="col")
    readings = list(dict.fromkeys(reading for target in targets for reading in target.readings))
    styles = STYLES | {
        reading: (OTHERS[i % len(OTHERS)], "-.", "^")
        for i, reading in enumerate(reading for reading in readings if reading not in STYLES)
    }
    for row, target in zip(axes, targets, strict=True):
        for axis, name in zip(row, names, strict=True):
            _panel(axis, target, name, [(reading, styles[reading]) for reading in target.readings])
            mark = printed.get(target.name)
            if mark and mark.mean:
                x = next(iter(target.centre.values()))[PARAMETERS.index(name)]
                axis.plot(x, float(mark.mean), "D", ms=4.5, mfc="white", mec="black", zorder=5)
        row[0].set_ylabel(_measured(target), fontsize=8)
    for axis, name in zip(axes[-1], names, strict=True):
        axis.set_xlabel(SYMBOLS[name], fontsize=10)
    entries = [
        Line2D([], [], color=colour, ls=dashes, marker=marker, ms=4, lw=1.3, label=reading)
        for reading, (colour, dashes, marker) in styles.items()
        if reading in readings
    ]
    entries.append(Line2D([], [], color="#888", ls=":", lw=1, label="default"))
    if any(mark.mean for mark in printed.values()):
        entries.append(Line2D([], [], marker="D", mfc="white", mec="black", ls="", ms=4.5, label="printed (default)"))
    legend(figure, entries, width=1.3)
    note(figure, _note(targets, names, left_out))
    return figure


def _measured(target: Target) -> str:
    """What the axis of a row says."""
    if target.name != AVERAGE:
        return f"{short(target.name)}\nSVM accuracy (%)"
    return f"mean of {len(target.sets)} set{'s' if len(target.sets) > 1 else ''}\ntest ROC-AUC (%)"


def _usual(target: Target) -> int:
    """The number of runs that most spots have, the smallest of equals."""
    counts = Counter(spot.summary.n for spots in target.spots.values() for spot in spots.values()).most_common()
    return min(count for count, times in counts if times == counts[0][1])


def _panel(axis: Axes, target: Target, name: str, readings: Sequence[tuple[str, Any]]) -> None:
    plain(axis)
    varied, usual = PARAMETERS.index(name), _usual(target)
    values = [spot.point[varied] for reading, _ in readings for spot in target.curve(reading, name)]
    width = max(values, default=0) - min(values, default=0) or 1.0
    for x in {target.centre[reading][varied] for reading, _ in readings}:
        axis.axvline(x, color="#888", ls=":", lw=1, zorder=1)
    for place, (reading, (colour, dashes, marker)) in enumerate(readings):
        spots = target.curve(reading, name)
        aside = (place - (len(readings) - 1) / 2) * ASIDE * width
        x = np.array([spot.point[varied] for spot in spots]) + aside
        mean = [spot.summary.mean for spot in spots]
        spread = [spot.summary.std or 0.0 for spot in spots]
        axis.errorbar(
            x,
            mean,
            spread,
            color=colour,
            ls=dashes,
            marker=marker,
            ms=3.5,
            lw=1.3,
            elinewidth=0.9,
            capsize=2,
            label=reading,
        )
        for left, height, spot in zip(x, mean, spots, strict=True):
            if spot.summary.n != usual:
                axis.annotate(f"n={spot.summary.n}", (left, height), (2, 2), textcoords="offset points", fontsize=6)
    axis.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))


def _note(targets: Sequence[Target], names: Sequence[str], left_out: Sequence[str]) -> str:
    """What a reader must know, and what is not there."""
    counts = ", ".join(f"{short(t.name) if t.name != AVERAGE else 'the average'} {_usual(t)}" for t in targets)
    parts = [
        "Khan-GCL, one parameter varied at a time, the others at the default. Means over runs "
        f"({counts}; a spot with another number says n=); error bars: ± one standard deviation (n − 1). "
        "The axes do not start at zero.",
    ]
    average = next((target for target in targets if target.name == AVERAGE), None)
    if average:
        parts.append(
            f"Mean ROC-AUC at the best validation epoch over {', '.join(short(name) for name in average.sets)}."
        )
    parts.append("The paper prints no numbers of Figure 5.")
    fixed = [WORDS[name] for name in PARAMETERS if name not in names]
    parts += [f"Not varied: {', '.join(fixed)}."] if fixed else []
    parts += left_out
    for target in targets:
        whose = short(target.name) if target.name != AVERAGE else "the average"
        missing = [WORDS[name] for name in names if name not in target.parameters]
        parts += [f"Not varied for {whose}: {', '.join(missing)}."] if missing else []
        parts += [f"Left out of {whose}: {target.incomplete} points without all sets."] if target.incomplete else []
        parts += [f"Left out of {whose}: {target.beside} points off the curves."] if target.beside else []
        parts += [f"The runs of {whose} differ in {', '.join(target.unlike)}."] if target.unlike else []
    if all(target.demo for target in targets):
        parts.append(STAND_IN)
    return " ".join(parts)
