"""Tables of the image experiments from their records alone.

Reads: records (`records/images/<data set>/<split>/<model>-<seed>.json`). Writes `<stem>.md`, `.csv`, `.tex` and
`.html`: scores in percent, each cell with the records behind it. The same records give the same bytes, in any order.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from kanrepro.core.errors import cli, unknown
from kanrepro.core.parser import stage_parser
from kanrepro.images.report import ablation as image_ablation
from kanrepro.images.report import leaks as image_leaks
from kanrepro.images.report import longform as image_longform
from kanrepro.images.report import robustness as image_robustness
from kanrepro.images.report import scores as image_scores
from kanrepro.images.report.inputs import ImageInputs, add_image_inputs
from kanrepro.images.report.longform import Line
from kanrepro.images.report.maker import Maker
from kanrepro.report.document import Document
from kanrepro.report.table import write

# name -> what makes the document and the lines of the CSV
TABLES: dict[str, tuple[Callable[[Maker], Document], Callable[[Maker], Iterable[Line]]]] = {
    module.NAME: (module.document, module.lines)
    for module in (image_scores, image_ablation, image_leaks, image_robustness)
}


def build(table: str, inputs: ImageInputs, base: Path) -> tuple[Document, str]:
    """A table as a document and as CSV text. `base`: the folder that record paths are written relative to.

    Raises:
        UserError: an unknown table, a corrupt record, or records that do not belong together.
    """
    if table not in TABLES:
        raise unknown("table", table, TABLES)
    document, lines = TABLES[table]
    return document(inputs.maker(base)), image_longform.text(lines(inputs.maker(base)))


def main(argv: Sequence[str] | None = None) -> None:
    """Make one table: see `python -m kanrepro.images.report.table --help`."""
    parser = stage_parser("Make a table of the image experiments as Markdown, CSV, LaTeX and HTML; nothing is trained.")
    parser.add_argument("--table", required=True, help=", ".join(TABLES))
    add_image_inputs(parser)
    parser.add_argument("--output-stem", type=Path, required=True, help="where to write, without suffix")
    arguments = parser.parse_args(argv)
    document, rows = build(arguments.table, ImageInputs.of(arguments), arguments.output_stem.parent)
    for path in write(document, rows, arguments.output_stem):
        print(path)


if __name__ == "__main__":
    cli(main)
