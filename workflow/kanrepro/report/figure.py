"""Figure 4 and the training curves as PNG and SVG.

Reads: for figure4 the records and workflow/published, for history and history-molecules the files
`runs/<family>/<data set>/<method>/<reading>/<seed>/history.csv`. Writes `<stem>.png` (150 dots an inch) and
`<stem>.svg`. Accuracies in percent. The same input gives the same bytes (with the same matplotlib), in any order.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from kanrepro.core.errors import UserError, cli, unknown
from kanrepro.core.files import atomic
from kanrepro.core.parser import stage_parser
from kanrepro.report import curves, published, results
from kanrepro.report.arguments import add_files
from kanrepro.report.inputs import Inputs, add_inputs
from kanrepro.report.wording import only
from kanrepro.tu.report import ablation

FIGURES = ("figure4", "history", "history-molecules")
DOTS = 150  # an inch
FIXED: dict[Any, Any] = {
    "svg.hashsalt": "kanrepro",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "axes.linewidth": 0.7,
}


def build(figure: str, inputs: Inputs, histories: Sequence[Path] = ()) -> Figure:
    """A figure, not yet written.

    Raises:
        UserError: an unknown figure, a corrupt record or history, or records that do not belong together.
    """
    if figure not in FIGURES:
        raise unknown("figure", figure, FIGURES)
    with matplotlib.rc_context(FIXED):
        if figure == "figure4":
            found = results.read(inputs.record_files(), inputs.preset, inputs.labelled)
            datasets = inputs.columns(found.datasets, list(published.DATASETS))
            scores = published.read_scores("table2", inputs.published)
            return ablation.draw(found, scores, datasets, only(inputs.stand_ins(datasets), datasets))
        runs = [curves.read(path) for path in sorted(set(histories))]
        found = sorted({run.dataset for run in runs})
        datasets = inputs.columns(found, list(published.DATASETS)) if figure == "history" else found
        return curves.draw(runs, datasets)


def write(figure: Figure, stem: Path) -> list[Path]:
    """Write PNG and SVG, each atomically and without a date; returns their paths."""
    FigureCanvasAgg(figure)
    paths = []
    for kind, metadata in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
        path = stem.with_name(f"{stem.name}.{kind}")
        with matplotlib.rc_context(FIXED), atomic(path) as temporary:
            figure.savefig(temporary, format=kind, dpi=DOTS, metadata=metadata, facecolor="white")
        paths.append(path)
    return paths


def main(argv: Sequence[str] | None = None) -> None:
    """Make one figure: see `python -m kanrepro.report.figure --help`."""
    parser = stage_parser(
        "Draw Figure 4 (ablation bars, from records) or the training curves (from history.csv files)."
    )
    parser.add_argument("--figure", required=True, help=" or ".join(FIGURES))
    add_inputs(parser)
    add_files(parser, "--histories", "history.csv files")
    parser.add_argument("--histories-from", type=Path, metavar="FOLDER", help="take FOLDER/*/*/*/*/history.csv")
    parser.add_argument("--output-stem", type=Path, required=True, help="where to write, without suffix")
    arguments = parser.parse_args(argv)
    histories = list(arguments.histories)
    if arguments.histories_from:
        if not arguments.histories_from.is_dir():
            raise UserError(f"{arguments.histories_from} is not a folder with runs; run the workflow first.")
        histories += sorted(arguments.histories_from.glob("*/*/*/*/history.csv"))
    for path in write(build(arguments.figure, Inputs.of(arguments), histories), arguments.output_stem):
        print(path)


if __name__ == "__main__":
    cli(main)
