"""Tables 2, 3, 4 and 7 from records and the printed numbers alone.

Reads: records (`records/tu/<data set>/<method>-<reading>-<seed>.json`) for tables 2 and 3, those below
`records/superpixels` for table 7, descriptions (`records/data/<data set>.json`) for table 4, and workflow/published.
Writes `<stem>.md`, `.csv`, `.tex` and `.html`: accuracies in percent, each cell with the records behind it. The same
records give the same bytes, in any order.
"""

from collections.abc import Sequence
from pathlib import Path

from kanrepro.core.errors import UserError, cli, unknown
from kanrepro.core.files import atomic
from kanrepro.core.parser import stage_parser
from kanrepro.report import longform, published, render, results, statistics
from kanrepro.report.document import Document
from kanrepro.report.inputs import Inputs, add_inputs
from kanrepro.report.scores import Builder
from kanrepro.report.wording import only
from kanrepro.superpixels.report import scores as digit_scores
from kanrepro.tu.report import descriptions

TABLES = ("table2", "table3", "table4")  # of the page
ALL_TABLES = (*TABLES, "table7")


def build(table: str, inputs: Inputs, base: Path, margin: float = statistics.MARGIN) -> tuple[Document, str]:
    """A table as a document and as CSV text. `base`: the folder that record paths are written relative to.

    Raises:
        UserError: an unknown table, a corrupt record, or records that do not belong together.
    """
    if table not in ALL_TABLES:
        raise unknown("table", table, ALL_TABLES)
    if not margin > 0:
        raise UserError(f"--margin {margin:g}: give a positive number of percentage points.")
    if table == "table4":
        sources = inputs.described
        printed = published.read_descriptions(inputs.published)
        datasets = inputs.columns(list(sources), list(printed))
        stand_in = only(inputs.stand_ins(datasets), datasets)
        made = descriptions.document(sources, printed, datasets, inputs.preset, base, stand_in)
        rows = descriptions.lines(sources, printed, datasets, base, stand_in)
        return made, longform.to_csv(descriptions.COLUMNS, rows)
    made = builder(table, inputs, base, margin)
    return made.document(inputs.preset), longform.to_csv(longform.COLUMNS, longform.lines(made, inputs.preset))


def builder(table: str, inputs: Inputs, base: Path, margin: float = statistics.MARGIN) -> Builder:
    """Table 2, 3 or 7 with its numbers, before it is a document. Raises UserError as `build`."""
    if table == "table7":
        return digit_scores.builder(inputs, base, margin)
    found = results.read(inputs.record_files(), inputs.preset, inputs.labelled)
    scores = published.read_scores(table, inputs.published)
    datasets = inputs.columns(found.datasets, list(published.DATASETS))
    return Builder(table, found, scores, datasets, base, margin, inputs.stand_ins(datasets), inputs.described)


def write(document: Document, rows: str, stem: Path) -> list[Path]:
    """Write the four forms of a table, each atomically; returns their paths."""
    forms = {
        ".md": render.markdown(document),
        ".csv": rows,
        ".tex": render.latex(document),
        ".html": render.html_page(document),
    }
    for suffix, text in forms.items():
        with atomic(stem.with_name(stem.name + suffix)) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")
    return [stem.with_name(stem.name + suffix) for suffix in forms]


def main(argv: Sequence[str] | None = None) -> None:
    """Make one table: see `python -m kanrepro.report.table --help`."""
    parser = stage_parser("Make Table 2, 3, 4 or 7 in four forms from existing records; nothing is trained.")
    parser.add_argument("--table", required=True, help=", ".join(ALL_TABLES))
    add_inputs(parser)
    parser.add_argument("--output-stem", type=Path, required=True, help="where to write, without suffix")
    parser.add_argument(
        "--margin",
        type=float,
        default=statistics.MARGIN,
        help="percentage points within which two means count as equivalent (default %(default)s)",
    )
    arguments = parser.parse_args(argv)
    inputs = Inputs.of(arguments)
    document, rows = build(arguments.table, inputs, arguments.output_stem.parent, arguments.margin)
    for path in write(document, rows, arguments.output_stem):
        print(path)


if __name__ == "__main__":
    cli(main)
