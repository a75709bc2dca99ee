"""How figures look: a colour a method, plain axes, words for what is missing."""

import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

COLOURS = {
    "graphcl": "#8b93a1",
    "wo_hard_neg": "#0072b2",
    "rand_perturb": "#e69f00",
    "wo_d_dims": "#56b4e9",
    "wo_i_dims": "#009e73",
    "khan_gcl": "#c8401f",
}
FAINT = "#777777"
LETTERS_AN_INCH = 16.5  # of a note at its size


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
