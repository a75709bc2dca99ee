"""The stages that draw a figure: alike in all families but for what it is made of.

Writes `<stem>.png` (150 dots an inch) and `<stem>.svg`. The same input gives the same bytes (with the same matplotlib),
in any order.
"""

from argparse import Namespace
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from kanrepro.core.errors import UserError
from kanrepro.core.files import atomic
from kanrepro.core.parser import Parser, stage_parser

DOTS = 150  # an inch
FIXED: dict[Any, Any] = {
    "svg.hashsalt": "kanrepro",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "axes.linewidth": 0.7,
}


def figure_stage(
    argv: Sequence[str] | None,
    about: str,
    figures: Iterable[str],
    options: Callable[[Parser], None],
    build: Callable[[str, Namespace], Figure],
) -> None:
    """The `main` of a stage that draws one figure; `build` makes it, given its name and the options."""
    parser = stage_parser(about)
    parser.add_argument("--figure", required=True, help=", ".join(figures))
    options(parser)
    parser.file("--output-stem", "where to write, without suffix")
    given = parser.parse_args(argv)
    for path in write_figure(build(given.figure, given), given.output_stem):
        print(path)


def add_histories(parser: Parser, of: str = "") -> None:
    """Add the options that `histories` reads; `of`: the figure that they are for, for the help."""
    parser.files("--histories", "history.csv files" + (f" ({of})" if of else ""))
    parser.folder("--histories-from", "take FOLDER/*/*/*/*/history.csv as well")


def histories(given: Namespace) -> list[Path]:
    """The training histories that the options name. Raises UserError where there is no such folder."""
    if given.histories_from and not given.histories_from.is_dir():
        raise UserError(f"{given.histories_from} is not a folder with runs; run the workflow first.")
    below = sorted(given.histories_from.glob("*/*/*/*/history.csv")) if given.histories_from else []
    return [*given.histories, *below]


def write_figure(figure: Figure, stem: Path) -> list[Path]:
    """Write PNG and SVG, each atomically and without a date; returns their paths."""
    FigureCanvasAgg(figure)
    paths = []
    for kind, metadata in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
        path = stem.with_name(f"{stem.name}.{kind}")
        with matplotlib.rc_context(FIXED), atomic(path) as temporary:
            figure.savefig(temporary, format=kind, dpi=DOTS, metadata=metadata, facecolor="white")
        paths.append(path)
    return paths
