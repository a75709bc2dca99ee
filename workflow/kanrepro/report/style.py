"""How the figures of the image experiments look: a colour and a dash a model, plain axes, words for what is missing."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from kanrepro.images.report.wording import STAND_IN
from kanrepro.images.variants import LABELS

# colours that most colour-blind readers tell apart; dashes tell the rest
COLOURS = {
    "cnn": "#8b93a1",
    "vit": "#222222",
    "cnn_mlp": "#e69f00",
    "cnn_kan": "#56b4e9",
    "deq_mlp": "#009e73",
    "unrolled_kan": "#cc79a7",
    "deq_kan_shipped": "#7a4a1f",
    "deq_kan": "#c8401f",
    "deq_kan_certified": "#0072b2",
}
SOLID, DASHED, DOTTED = "-", (0, (5, 1.6)), (0, (1.2, 1.4))
STYLES: dict[str, Any] = {
    "cnn": SOLID,
    "vit": DOTTED,
    "cnn_mlp": DASHED,
    "cnn_kan": DASHED,
    "deq_mlp": (0, (6, 1.5, 1.2, 1.5)),
    "unrolled_kan": (0, (6, 1.5, 1.2, 1.5)),
    "deq_kan_shipped": DOTTED,
    "deq_kan": SOLID,
    "deq_kan_certified": SOLID,
}
FAINT = "#777777"
LETTERS_AN_INCH = 16.5  # of a note at its size


def line(axis: Axes, x: np.ndarray, runs: np.ndarray, model: str, scale: float = 1.0) -> None:
    """Draw the mean of `runs` (R, X) over x (X,), with their range shaded."""
    colour = COLOURS[model]
    mean = runs.mean(axis=0)
    axis.plot(x, scale * mean, color=colour, ls=STYLES[model], lw=1.3)
    if len(runs) > 1:
        axis.fill_between(x, scale * runs.min(axis=0), scale * runs.max(axis=0), color=colour, alpha=0.13, lw=0)


def handles(models: Iterable[str]) -> list[Line2D]:
    """The models as entries of a legend."""
    return [Line2D([], [], color=COLOURS[model], ls=STYLES[model], lw=1.6, label=LABELS[model]) for model in models]


def plain(axis: Axes) -> None:
    """A light grid, small numbers, no box."""
    axis.grid(color="#e3e3e3", lw=0.6)
    axis.set_axisbelow(True)
    axis.tick_params(which="both", labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)


def legend(figure: Figure, entries: Sequence[Line2D], width: float = 1.75) -> None:
    """A legend over the panels, its entries `width` inches wide. For constrained layouts."""
    columns = max(1, min(len(entries), int(figure.get_size_inches()[0] / width)))
    figure.legend(handles=list(entries), loc="outside upper center", ncols=columns, frameon=False, fontsize=8.5)


def note(figure: Figure, text: str) -> None:
    """A paragraph under the panels. For constrained layouts."""
    figure.supxlabel(wrapped(figure, text), fontsize=7.5, color="#444", x=0.01, ha="left")


def wrapped(figure: Figure, text: str) -> str:
    """The text of a note in lines as long as the figure is wide."""
    return textwrap.fill(text, int(figure.get_size_inches()[0] * LETTERS_AN_INCH), break_on_hyphens=False)


def missing(axis: Axes, text: str = "not run") -> None:
    """Say in an empty panel why it is empty."""
    axis.set_xticks([])
    axis.set_yticks([])
    axis.text(0.5, 0.5, text, transform=axis.transAxes, ha="center", va="center", color=FAINT, fontsize=8)


def nothing(text: str) -> Figure:
    """A figure that says that there is nothing to draw."""
    figure = Figure(figsize=(6, 1.5))
    figure.text(0.5, 0.5, text, ha="center", va="center")
    return figure


def stand_in_note(datasets: Iterable[str], demo: Iterable[str]) -> str:
    """What must be said where stand-in images are drawn."""
    return STAND_IN if set(datasets) & set(demo) else ""
