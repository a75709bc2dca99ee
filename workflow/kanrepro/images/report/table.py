"""Tables of the image experiments from their records alone.

Reads: records (`records/images/<data set>/<split>/<model>-<seed>.json`). Writes the four forms of a table
(kanrepro.report.make_table): scores in percent, each cell with the records behind it.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from kanrepro.core.errors import cli
from kanrepro.core.family import Results
from kanrepro.images.report import ablation as image_ablation
from kanrepro.images.report import leaks as image_leaks
from kanrepro.images.report import longform as image_longform
from kanrepro.images.report import robustness as image_robustness
from kanrepro.images.report import scores as image_scores
from kanrepro.images.report.inputs import ImageInputs, add_image_inputs
from kanrepro.images.report.longform import Line
from kanrepro.images.report.maker import Maker
from kanrepro.report.document import Document
from kanrepro.report.make_table import table_stage

# name -> what makes the document and the lines of the CSV
TABLES: dict[str, tuple[Callable[[Maker], Document], Callable[[Maker], Iterable[Line]]]] = {
    module.NAME: (module.document, module.lines)
    for module in (image_scores, image_ablation, image_leaks, image_robustness)
}


def build(table: str, inputs: ImageInputs, base: Path) -> tuple[Document, str]:
    """A table as a document and as CSV text. `base`: the folder that record paths are written relative to.

    Raises:
        UserError: a corrupt record, or records that do not belong together.
    """
    document, lines = TABLES[table]
    return document(inputs.maker(base)), image_longform.text(lines(inputs.maker(base)))


def again(table: str, given: Results, base: Path) -> tuple[Document, str]:
    """A table of results as they lie there. Raises UserError as `build`."""
    asked = given.settings.images
    inputs = ImageInputs(given.preset, (), given.records, asked.datasets, asked.models, asked.split)
    return build(table, inputs, base)


def main(argv: Sequence[str] | None = None) -> None:
    """Make one table: see `python -m kanrepro.images.report.table --help`."""
    table_stage(
        argv,
        "Make a table of the image experiments as Markdown, CSV, LaTeX and HTML; nothing is trained.",
        TABLES,
        add_image_inputs,
        lambda table, given, base: build(table, ImageInputs.of(given), base),
    )


if __name__ == "__main__":
    cli(main)
