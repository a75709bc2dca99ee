"""Figures of the image experiments as PNG and SVG.

Reads: records (`records/images/<data set>/<split>/<model>-<seed>.json`) for images-confusion, images-roc,
images-robustness and images-examples (with the prepared sets, `--stores`); `runs/images/.../history.csv` for
images-curves; the files of kanrepro.images.trace and kanrepro.images.memory for images-residuals and images-memory.
Writes `<stem>.png` (150 dots an inch) and `<stem>.svg`. The same input gives the same bytes (with the same matplotlib),
in any order.
"""

from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from kanrepro.core.errors import cli, unknown
from kanrepro.core.parser import Parser
from kanrepro.images.report import confusion as image_confusion
from kanrepro.images.report import curves as image_curves
from kanrepro.images.report import examples as image_examples
from kanrepro.images.report import memory as image_memory
from kanrepro.images.report import robust_curves as image_robust_curves
from kanrepro.images.report import roc as image_roc
from kanrepro.images.report import traces as image_traces
from kanrepro.images.report.inputs import ImageInputs, add_image_inputs
from kanrepro.images.report.results import ImageResults
from kanrepro.report.make_figure import FIXED, add_histories, figure_stage, histories

# results, data sets, the comparison's split, models -> figure
FromRecords = Callable[[ImageResults, Sequence[str], str, Sequence[str]], Figure]


@dataclass(frozen=True)
class Given:
    """What figures are made of besides records."""

    histories: tuple[Path, ...] = ()
    traces: tuple[Path, ...] = ()
    memory: Path | None = None
    stores: tuple[Path, ...] = ()


def _of_records(draw: FromRecords) -> Callable[[ImageInputs, Given], Figure]:
    return lambda inputs, _: draw(inputs.results, inputs.shown, inputs.split, inputs.models)


def _residuals(inputs: ImageInputs, given: Given) -> Figure:
    files = [image_traces.read(path, inputs.preset) for path in sorted(set(given.traces))]
    datasets = list(dict.fromkeys([*inputs.shown, *sorted({file.dataset for file in files})]))
    return image_traces.draw(files, datasets, inputs.demo(datasets))


def _memory(inputs: ImageInputs, given: Given) -> Figure:
    return image_memory.draw(image_memory.read(given.memory, inputs.preset) if given.memory else None)


def _curves(inputs: ImageInputs, given: Given) -> Figure:
    curves = [image_curves.read(path) for path in sorted(set(given.histories))]
    datasets = inputs.shown or sorted({curve.dataset for curve in curves})
    return image_curves.draw(curves, datasets, inputs.split, inputs.models, inputs.demo(datasets))


def _examples(inputs: ImageInputs, given: Given) -> Figure:
    return image_examples.draw(inputs.results, inputs.shown, inputs.split, image_examples.stores(given.stores))


FIGURES: dict[str, Callable[[ImageInputs, Given], Figure]] = {
    "images-confusion": _of_records(image_confusion.draw),
    "images-roc": _of_records(image_roc.draw),
    "images-residuals": _residuals,
    "images-memory": _memory,
    "images-curves": _curves,
    "images-robustness": _of_records(image_robust_curves.draw),
    "images-examples": _examples,
}


def build(figure: str, inputs: ImageInputs, given: Given = Given()) -> Figure:
    """A figure, not yet written.

    Raises:
        UserError: an unknown figure, a corrupt file, or files that do not belong together.
    """
    if figure not in FIGURES:
        raise unknown("figure", figure, FIGURES)
    with matplotlib.rc_context(FIXED):
        return FIGURES[figure](inputs, given)


def _options(parser: Parser) -> None:
    add_image_inputs(parser)
    add_histories(parser, "images-curves")
    parser.files("--traces", "files of kanrepro.images.trace (images-residuals)")
    parser.add_argument("--memory", type=Path, metavar="FILE", help="file of kanrepro.images.memory (images-memory)")
    parser.files("--stores", "prepared image sets (images-examples)")


def _build(figure: str, given: Namespace) -> Figure:
    beside = Given(tuple(histories(given)), tuple(given.traces), given.memory, tuple(given.stores))
    return build(figure, ImageInputs.of(given), beside)


def main(argv: Sequence[str] | None = None) -> None:
    """Make one figure: see `python -m kanrepro.images.report.figure --help`."""
    about = "Draw a figure of the image experiments from records and the like; nothing is trained."
    figure_stage(argv, about, FIGURES, _options, _build)


if __name__ == "__main__":
    cli(main)
