"""What CKFI picks: scores of components beside their variance on data, and beside what removing them costs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kanrepro.report.origin import Origin, read_document
from kanrepro.report.style import legend, note, nothing, plain

DELTA, RHO, VARIANCE, RANDOM = "#0072b2", "#c8401f", "#009e73", "#8b93a1"
ORDERS = {
    "delta": ("highest δ first", DELTA, "-"),
    "delta-least": ("lowest δ first", DELTA, (0, (1.2, 1.4))),
    "rho": ("highest ρ first", RHO, "-"),
    "rho-least": ("lowest ρ first", RHO, (0, (1.2, 1.4))),
    "variance": ("largest variance first", VARIANCE, "-"),
}
NOTE = (
    "Each dot is a component of z. Scores are over their mean; variances are those of the component over all graphs. "
    "Accuracy lost: of a linear classifier (ridge regression, the folds of Table 2) trained without the component, in "
    "percentage points, with the standard error over folds. Right: accuracy as more and more components are removed; "
    "shaded: the range of 20 random orders. If the scores found what matters, the solid lines would fall first."
)


class Criticality(Origin):
    """A file of kanrepro.studies.criticality: values (D,) of each component, and what removal leaves."""

    graphs: int
    components: int
    accuracy: float
    chance: float
    delta: list[float]
    rho: list[float]
    variance: list[float]
    lost: list[float]
    lost_error: list[float]
    correlations: dict[str, float | None]
    removal: dict[str, list[float]]


def read(path: Path, preset: str) -> Criticality:
    """Read one file. Raises UserError where it is corrupt, something else, or of another preset."""
    return read_document(path, Criticality, "criticality", preset)


def draw(found: Sequence[Criticality]) -> Figure:
    """The figure: an encoder a row."""
    if not found:
        return nothing("What CKFI picks: no trained encoder was looked into.")
    figure = Figure(figsize=(11, 1.5 + 2.5 * len(found)), layout="constrained")
    axes = figure.subplots(len(found), 3, squeeze=False)
    for row, each in zip(axes, found, strict=True):
        _variance(row[0], each)
        _lost(row[1], each)
        _removal(row[2], each)
        row[0].set_ylabel(f"{each.title}\nvariance over graphs", fontsize=8)
    dots = [Line2D([], [], color=c, marker="o", ls="", ms=4, label=n) for n, c in (("δ", DELTA), ("ρ", RHO))]
    lines = [Line2D([], [], color=colour, ls=dashes, lw=1.5, label=n) for n, colour, dashes in ORDERS.values()]
    legend(figure, [*dots, *lines, Line2D([], [], color=RANDOM, lw=1.5, label="random order")], width=1.35)
    note(figure, NOTE)
    return figure


def _scores(found: Criticality) -> list[tuple[str, str, str, np.ndarray]]:
    """(key, sign, colour, values over their mean) of both scores."""
    values = (("delta", "δ", DELTA, found.delta), ("rho", "ρ", RHO, found.rho))
    return [(key, sign, colour, np.array(v) / max(float(np.mean(v)), 1e-300)) for key, sign, colour, v in values]


def _title(axis: Axes, found: Criticality, other: str) -> None:
    """Spearman's correlation of both scores with `other`."""
    parts = []
    for key, sign, _, _ in _scores(found):
        value = found.correlations.get(f"{key}, {other}")
        parts.append(f"{sign}: " + ("not defined" if value is None else f"{value:+.2f}"))
    axis.set_title(f"rank correlation {', '.join(parts)}", fontsize=8)


def _variance(axis: Axes, found: Criticality) -> None:
    plain(axis)
    for _, _, colour, score in _scores(found):
        axis.plot(score, found.variance, "o", color=colour, ms=3, mew=0, alpha=0.7)
    axis.set_yscale("log")
    axis.set_xlabel("score / mean score", fontsize=8)
    _title(axis, found, "variance")


def _lost(axis: Axes, found: Criticality) -> None:
    plain(axis)
    lost, error = 100 * np.array(found.lost), 100 * np.array(found.lost_error)
    for _, _, colour, score in _scores(found):
        axis.errorbar(score, lost, yerr=error, fmt="o", color=colour, ms=3, mew=0, elinewidth=0.4, alpha=0.7)
    axis.axhline(0, color="#999999", lw=0.7)
    axis.set_xlabel("score / mean score", fontsize=8)
    axis.set_ylabel("accuracy lost without it (points)", fontsize=8)
    _title(axis, found, "lost")


def _removal(axis: Axes, found: Criticality) -> None:
    plain(axis)
    removed = found.removal["removed"]
    low, high, mean = (100 * np.array(found.removal[key]) for key in ("random_low", "random_high", "random"))
    axis.fill_between(removed, low, high, color=RANDOM, alpha=0.25, lw=0)
    axis.plot(removed, mean, color=RANDOM, lw=1.4)
    for key, (_, colour, dashes) in ORDERS.items():
        axis.plot(removed, 100 * np.array(found.removal[key]), color=colour, ls=dashes, lw=1.3)
    axis.set_xlabel(f"components removed, of {found.components}", fontsize=8)
    axis.set_ylabel("accuracy left (%)", fontsize=8)
    axis.set_title(f"all: {100 * found.accuracy:.1f} %, largest class: {100 * found.chance:.1f} %", fontsize=8)
