"""The training curves of pre-training on molecules.

Reads `runs/molecules/<data set>/<method>/<reading>/<seed>/history.csv`. Writes PNG and SVG
(kanrepro.report.make_figure).
"""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from kanrepro.core.errors import cli, unknown
from kanrepro.core.parser import Parser
from kanrepro.report import curves
from kanrepro.report.make_figure import FIXED, add_histories, figure_stage, histories

FIGURES = ("history-molecules",)


def build(figure: str, runs: Sequence[Path]) -> Figure:
    """A figure, not yet written. Raises UserError for an unknown figure or a corrupt history."""
    if figure not in FIGURES:
        raise unknown("figure", figure, FIGURES)
    with matplotlib.rc_context(FIXED):
        drawn = curves.read_all(runs)
        return curves.draw(drawn, sorted({run.dataset for run in drawn}))


def _options(parser: Parser) -> None:
    parser.add_argument("--preset", required=True, help="preset of these runs")
    add_histories(parser)


def main(argv: Sequence[str] | None = None) -> None:
    """Make one figure: see `python -m kanrepro.molecules.report.figure --help`."""
    figure_stage(
        argv,
        "Draw the training curves of pre-training on molecules from history.csv files.",
        FIGURES,
        _options,
        lambda figure, given: build(figure, histories(given)),
    )


if __name__ == "__main__":
    cli(main)
