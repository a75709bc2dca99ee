"""Figure 2b: trained splines with their coefficients, and the variance of all against its bounds."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydantic
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kanrepro.report.origin import Origin, read_document
from kanrepro.report.style import legend, missing, note, nothing, plain

CURVE, POINTS, CLOUD = "#c8401f", "#0072b2", "#8b93a1"
BOUNDS = {
    "corrected": ("corrected bound, h Σd²", "#222222", "-"),
    "sharp": ("sharp bound, λmax Σd²", "#222222", (0, (4, 1.6))),
    "printed": ("printed bound, M(0) Σd²", "#c8401f", (0, (1.2, 1.4))),
}
NOTE = (
    "Left: splines of the scored KAN layers without their SiLU branch (line), and their coefficients, each at the "
    "centre of its B-spline (dots); chosen by the variance of the coefficients. Right: variance of the spline over the "
    "grid against that of its coefficients. Proposition 1 as printed is crossed by {above} of the splines, as "
    "corrected by none."
)


class Spline(pydantic.BaseModel):
    """One spline: where it stands, coefficients (K,) with the centres of their bases, and its curve."""

    name: str
    block: int
    input: int
    output: int
    coefficients: list[float]
    centres: list[float]
    x: list[float]
    y: list[float]
    coefficient_variance: float
    spline_variance: float


class Splines(Origin):
    """A file of kanrepro.studies.splines."""

    splines: int
    bounds: dict[str, float]
    above: dict[str, float]
    rank_correlation: float
    cloud: dict[str, list[float]]
    shown: list[Spline]


def read(path: Path, preset: str) -> Splines:
    """Read one file. Raises UserError where it is corrupt, something else, or of another preset."""
    return read_document(path, Splines, "splines", preset)


def draw(found: Sequence[Splines]) -> Figure:
    """The figure: an encoder a row."""
    if not found:
        return nothing("Figure 2b: no trained encoder was looked into.")
    columns = max(len(each.shown) for each in found) + 1
    figure = Figure(figsize=(2.0 + 1.9 * columns, 1.3 + 2.3 * len(found)), layout="constrained")
    axes = figure.subplots(len(found), columns, squeeze=False, width_ratios=[1] * (columns - 1) + [1.5])
    for row, each in zip(axes, found, strict=True):
        for axis, spline in zip(row, each.shown, strict=False):
            _curve(axis, spline)
        for axis in row[len(each.shown) : -1]:
            missing(axis, "")
        row[0].set_ylabel(each.title, fontsize=8)
        _cloud(row[-1], each)
    legend(figure, axes[0, -1].get_legend_handles_labels()[0], width=2.2)
    shares = ", ".join(f"{100 * each.above['printed']:.1f} %" for each in found)
    note(figure, NOTE.format(above=shares))
    return figure


def _curve(axis: Axes, spline: Spline) -> None:
    plain(axis)
    axis.axvspan(min(spline.x), max(spline.x), color="#f3f3f3", lw=0)
    axis.vlines(spline.centres, 0, spline.coefficients, color=POINTS, lw=0.9, alpha=0.6)
    axis.plot(spline.centres, spline.coefficients, "o", color=POINTS, ms=3)
    axis.plot(spline.x, spline.y, color=CURVE, lw=1.6)
    axis.axhline(0, color="#999999", lw=0.6)
    axis.set_title(
        f"{spline.name}: block {spline.block + 1}, {spline.input}→{spline.output}\n"
        f"var c {spline.coefficient_variance:.1e}, var φ {spline.spline_variance:.1e}",
        fontsize=7,
    )


def _cloud(axis: Axes, found: Splines) -> None:
    plain(axis)
    x = np.array(found.cloud["coefficients"])
    axis.plot(x, found.cloud["spline"], ".", color=CLOUD, ms=2.5, mew=0)
    ends = np.array([x[x > 0].min(), x.max()])
    for name, (label, colour, dashes) in BOUNDS.items():
        axis.plot(ends, found.bounds[name] * ends, color=colour, ls=dashes, lw=1.2, label=label)
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel("variance of the coefficients", fontsize=8)
    axis.set_ylabel("variance of the spline", fontsize=8)
    axis.set_title(f"{found.splines} splines, rank correlation {found.rank_correlation:.2f}", fontsize=7)
