"""Figures about trained encoders as PNG and SVG: figure2b (splines), ckfi (what its scores pick), figure3 (retrieval).

Reads the documents of kanrepro.studies.splines, kanrepro.studies.criticality or kanrepro.superpixels.retrieve. Writes
`<stem>.png` (150 dots an inch) and `<stem>.svg`. The same input gives the same bytes (with the same matplotlib), in any
order.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from kanrepro.core.errors import cli, unknown
from kanrepro.core.parser import Parser
from kanrepro.report.make_figure import FIXED, figure_stage
from kanrepro.studies.report import criticality, splines
from kanrepro.superpixels.report import retrieval


def _figure2b(paths: Sequence[Path], preset: str) -> Figure:
    return splines.draw([splines.read(path, preset) for path in paths])


def _ckfi(paths: Sequence[Path], preset: str) -> Figure:
    return criticality.draw([criticality.read(path, preset) for path in paths])


def _figure3(paths: Sequence[Path], preset: str) -> Figure:
    return retrieval.draw([retrieval.read(path, preset) for path in paths])


FIGURES: dict[str, Callable[[Sequence[Path], str], Figure]] = {
    "figure2b": _figure2b,
    "ckfi": _ckfi,
    "figure3": _figure3,
}


def build(figure: str, documents: Sequence[Path], preset: str) -> Figure:
    """A figure, not yet written.

    Raises:
        UserError: an unknown figure, or a document that is corrupt or does not belong here.
    """
    if figure not in FIGURES:
        raise unknown("figure", figure, FIGURES)
    with matplotlib.rc_context(FIXED):
        return FIGURES[figure](sorted(set(documents)), preset)


def _options(parser: Parser) -> None:
    parser.add_argument("--documents", type=Path, nargs="*", default=[], metavar="FILE", help="in any order")
    parser.add_argument("--preset", required=True, help="preset of these documents")


def main(argv: Sequence[str] | None = None) -> None:
    """Make one figure: see `python -m kanrepro.studies.report.analysis_figure --help`."""
    figure_stage(
        argv,
        "Draw a figure about trained encoders from the documents of the studies and of retrieval.",
        FIGURES,
        _options,
        lambda figure, given: build(figure, given.documents, given.preset),
    )


if __name__ == "__main__":
    cli(main)
