"""Memory and time of a training step's solve against its iterations, from the file of kanrepro.images.memory."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Literal

import pydantic
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kanrepro.report.origin import About, read_document
from kanrepro.report.style import legend, note, nothing, plain

LINES = {"unrolled": ("unrolled", "#cc79a7", "s"), "implicit": ("implicit gradient", "#0072b2", "o")}
NOTE = (
    "One training step, each point in a process of its own. Memory: peak above what the process held before. Lines "
    "join medians. Machine: {machine}."
)


class Point(pydantic.BaseModel):
    """One measurement: MB at the peak and before, seconds of the step."""

    model_config = pydantic.ConfigDict(extra="ignore", allow_inf_nan=False)
    gradient: Literal["implicit", "unrolled"]
    steps: int
    width: int
    batch: int
    peak_mb: float
    base_mb: float
    seconds: float

    @property
    def above(self) -> float:
        return self.peak_mb - self.base_mb


class Measured(About):
    """A file of kanrepro.images.memory."""

    hardware: str
    points: list[Point]


def read(path: Path, preset: str) -> Measured:
    """Read the file. Raises UserError where it is corrupt, something else, or of another preset."""
    return read_document(path, Measured, "memory", preset)


def draw(measured: Measured | None) -> Figure:
    """The figure: memory at the left, seconds at the right. Where nothing was measured it says so."""
    if measured is None or not measured.points:
        return nothing("Memory: nothing was measured.")
    sizes = sorted({(point.width, point.batch) for point in measured.points})
    figure = Figure(figsize=(7.0, 0.8 + 2.7 * len(sizes)), layout="constrained")
    axes = figure.subplots(len(sizes), 2, squeeze=False, sharex=True)
    for (left, right), size in zip(axes, sizes, strict=True):
        for gradient, (label, colour, marker) in LINES.items():
            points = [p for p in measured.points if p.gradient == gradient and (p.width, p.batch) == size]
            if points:
                points = sorted(points, key=lambda p: (p.steps, p.above, p.seconds))
                _line(left, [(p.steps, p.above) for p in points], label, colour, marker)
                _line(right, [(p.steps, p.seconds) for p in points], label, colour, marker)
        left.set_title(f"width {size[0]}, batch {size[1]}", fontsize=9, loc="left")
        left.set_ylabel("peak memory of the step, MB", fontsize=9)
        right.set_ylabel("seconds of the step", fontsize=9)
        for axis in (left, right):
            axis.set_xlim(left=0)
            axis.set_ylim(bottom=0)
            plain(axis)
    for axis in axes[-1]:
        axis.set_xlabel("iterations")
    legend(figure, [Line2D([], [], color=c, marker=m, ms=4.5, lw=1.4, label=text) for text, c, m in LINES.values()])
    note(figure, NOTE.format(machine=measured.hardware))
    return figure


def _line(axis: Axes, points: Sequence[tuple[int, float]], label: str, colour: str, marker: str) -> None:
    steps = sorted({x for x, _ in points})
    middle = [median(y for x, y in points if x == step) for step in steps]
    axis.plot(*zip(*points, strict=True), ls="none", marker=marker, ms=4.5, color=colour, alpha=0.6)
    axis.plot(steps, middle, color=colour, lw=1.4, marker=marker, ms=4.5, label=label)
