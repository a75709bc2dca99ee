"""Figure 3: hard negatives of digits and their nearest neighbours, and how often these are of another class."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydantic
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from PIL import Image

from kanrepro.report.origin import Origin, read_document
from kanrepro.report.style import FAINT, note, nothing, plain

KINDS = {"none": ("as it is", "#222222"), "ckfi": ("CKFI", "#c8401f"), "random": ("random", "#0072b2")}
OTHER = "#c8401f"
NOTE = (
    "Left: an image of each class, and the nearest neighbours, by cosine in the whole set, of its embedding as it is, "
    "of its hard negative by CKFI, and of one perturbed at random by the same angle; red: of another class. Right: the "
    "share of neighbours of another class, with the standard error over {queries} images, against the cosine distance "
    "that the embedding is turned by; circles: CKFI's own distance; {stand_in}dashed: any two images at random."
)


class Share(pydantic.BaseModel):
    """A share and its standard error."""

    share: float
    error: float


class Retrieval(Origin):
    """A file of kanrepro.superpixels.retrieve."""

    demo: bool
    graphs: int
    queries: int
    chance: float
    own_distance: dict[str, float]
    other_class: dict[str, dict[str, Share]]
    examples: list[dict[str, int | list[int]]]
    labels: dict[str, int]
    pictures: dict[str, str]


def read(path: Path, preset: str) -> Retrieval:
    """Read one file. Raises UserError where it is corrupt, something else, or of another preset."""
    return read_document(path, Retrieval, "retrieval", preset)


def draw(found: Sequence[Retrieval]) -> Figure:
    """The figure: an encoder a row, its examples beside its shares."""
    if not found:
        return nothing("Figure 3: no encoder was asked for neighbours.")
    rows = max(len(each.examples) for each in found)
    figure = Figure(figsize=(13, 0.8 + (0.9 + 0.5 * rows) * len(found)), layout="constrained")
    parts = figure.subfigures(len(found), 2, squeeze=False, width_ratios=[2.2, 1])
    for row, each in zip(parts, found, strict=True):
        _examples(row[0], each)
        _shares(row[1].subplots(), each)
    stand_in = "stand-in images; " if any(each.demo for each in found) else ""
    note(figure, NOTE.format(queries=found[0].queries, stand_in=stand_in))
    return figure


def _examples(part: SubFigure, found: Retrieval) -> None:
    kinds = [kind for kind in KINDS if kind in found.examples[0]]
    many = len(np.atleast_1d(found.examples[0][kinds[0]]))
    axes = part.subplots(len(found.examples), 1 + len(kinds) * (many + 1), squeeze=False)
    part.suptitle(f"{found.title}: {found.graphs:,} graphs", fontsize=9)
    for axis in axes.flat:
        axis.axis("off")
    for row, example in zip(axes, found.examples, strict=True):
        query = int(np.atleast_1d(example["query"])[0])
        _digit(row[0], found, query, "#222222")
        for group, kind in enumerate(kinds):
            for place, number in enumerate(np.atleast_1d(example[kind]).tolist()):
                same = found.labels[str(number)] == found.labels[str(query)]
                _digit(row[2 + group * (many + 1) + place], found, number, FAINT if same else OTHER)
    for group, kind in enumerate(kinds):
        axes[0, 2 + group * (many + 1) + many // 2].set_title(KINDS[kind][0], fontsize=8)


def _digit(axis: Axes, found: Retrieval, number: int, colour: str) -> None:
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(found.pictures[str(number)]))))
    axis.imshow(pixels, cmap="gray_r", interpolation="nearest")
    axis.text(
        1.04, 0.5, str(found.labels[str(number)]), transform=axis.transAxes, color=colour, fontsize=7, va="center",
        fontweight="bold" if colour == OTHER else "normal",
    )  # fmt: skip


def _shares(axis: Axes, found: Retrieval) -> None:
    plain(axis)
    own = max(found.own_distance["mean"], 1e-9)
    for kind, (_, colour) in KINDS.items():
        by = found.other_class.get(kind, {})
        if kind == "none":
            axis.axhline(100 * by["own"].share, color=colour, lw=1.0)
            continue
        places = sorted((float(name), each) for name, each in by.items() if name != "own")
        x = [distance for distance, _ in places]
        y, error = (np.array([100 * getattr(each, key) for _, each in places]) for key in ("share", "error"))
        axis.errorbar(x, y, yerr=error, color=colour, lw=1.3, marker=".", ms=4, elinewidth=0.8)
        axis.errorbar([own], [100 * by["own"].share], yerr=[100 * by["own"].error], fmt="o", color=colour, mfc="white")
    axis.axhline(100 * found.chance, color=FAINT, lw=0.9, ls=(0, (4, 2)))
    axis.set_xscale("log")
    axis.set_xlabel("cosine distance", fontsize=8)
    axis.set_ylabel("neighbours of another class (%)", fontsize=8)
    axis.set_ylim(bottom=0)
    axis.legend(
        handles=[Line2D([], [], color=colour, lw=1.5, label=label) for label, colour in KINDS.values()],
        fontsize=7, frameon=False, loc="lower right",
    )  # fmt: skip
