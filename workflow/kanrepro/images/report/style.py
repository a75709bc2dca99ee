"""How the figures of the image experiments look: a colour and a dash a model."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
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
    "deq_kan_shipped_rate": "#7a4a1f",
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
    "deq_kan_shipped_rate": DASHED,
    "deq_kan": SOLID,
    "deq_kan_certified": SOLID,
}


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


def stand_in_note(datasets: Iterable[str], demo: Iterable[str]) -> str:
    """What must be said where stand-in images are drawn."""
    return STAND_IN if set(datasets) & set(demo) else ""
