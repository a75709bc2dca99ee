"""Figure 4, training curves, and what records say of splines, of looks at test folds and of hard negatives, on TU sets.

Reads: for figure4 the records and workflow/published, for history the files
`runs/tu/<data set>/<method>/<reading>/<seed>/history.csv`, for others the records. Writes PNG and SVG
(kanrepro.report.make_figure); accuracies in percent.
"""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from kanrepro.core.errors import cli, unknown
from kanrepro.core.parser import Parser
from kanrepro.report import curves, published
from kanrepro.report.inputs import add_inputs
from kanrepro.report.make_figure import FIXED, add_histories, figure_stage, histories
from kanrepro.report.wording import only
from kanrepro.tu.report import ablation, looks, negatives, shares
from kanrepro.tu.report.inputs import TuInputs

OF_RECORDS = {"shares": shares.draw, "looks": looks.draw, "hard-negatives": negatives.draw}
FIGURES = ("figure4", *OF_RECORDS, "history")


def build(figure: str, inputs: TuInputs, runs: Sequence[Path] = ()) -> Figure:
    """A figure, not yet written. `runs`: training histories.

    Raises:
        UserError: an unknown figure, a corrupt record or history, or records that do not belong together.
    """
    if figure not in FIGURES:
        raise unknown("figure", figure, FIGURES)
    with matplotlib.rc_context(FIXED):
        if figure != "history":
            found = inputs.results
            datasets = inputs.columns(found.datasets, list(published.DATASETS))
            if figure in OF_RECORDS:
                return OF_RECORDS[figure](found, datasets)
            scores = published.read_scores("table2", inputs.published)
            return ablation.draw(found, scores, datasets, only(inputs.stand_ins(datasets), datasets))
        drawn = curves.read_all(runs)
        return curves.draw(drawn, inputs.columns(sorted({run.dataset for run in drawn}), list(published.DATASETS)))


def _options(parser: Parser) -> None:
    add_inputs(parser)
    add_histories(parser, "history")


def main(argv: Sequence[str] | None = None) -> None:
    """Make one figure: see `python -m kanrepro.tu.report.figure --help`."""
    figure_stage(
        argv,
        "Draw Figure 4 (ablation bars), what records say of trainings, or their curves (from history.csv files).",
        FIGURES,
        _options,
        lambda figure, given: build(figure, TuInputs.of(given), histories(given)),
    )


if __name__ == "__main__":
    cli(main)
