"""The stages that make a table: alike in all families but for what it is made of.

Writes `<stem>.md`, `.csv`, `.tex` and `.html`. The same input gives the same bytes, in any order.
"""

from argparse import Namespace
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from kanrepro.core.errors import UserError, unknown
from kanrepro.core.files import atomic
from kanrepro.core.parser import Parser, stage_parser
from kanrepro.report import render, statistics
from kanrepro.report.document import Document


def table_stage(
    argv: Sequence[str] | None,
    about: str,
    tables: Collection[str],
    options: Callable[[Parser], None],
    build: Callable[[str, Namespace, Path], tuple[Document, str]],
) -> None:
    """The `main` of a stage that makes one table.

    Args:
        about: what the help says of it.
        options: adds what `build` reads.
        build: document and CSV text, given the table, the options and the folder that record paths start from.
    """
    parser = stage_parser(about)
    parser.add_argument("--table", required=True, help=", ".join(tables))
    options(parser)
    parser.file("--output-stem", "where to write, without suffix")
    given = parser.parse_args(argv)
    if given.table not in tables:
        raise unknown("table", given.table, tables)
    document, rows = build(given.table, given, given.output_stem.parent)
    for path in write_table(document, rows, given.output_stem):
        print(path)


def add_margin(parser: Parser) -> None:
    """Add --margin."""
    parser.add_argument(
        "--margin",
        type=float,
        default=statistics.MARGIN,
        help="percentage points within which two means count as equivalent (default %(default)s)",
    )


def check_margin(margin: float) -> None:
    """Raise a UserError unless a margin is positive."""
    if not margin > 0:
        raise UserError(f"--margin {margin:g}: give a positive number of percentage points.")


def write_table(document: Document, rows: str, stem: Path) -> list[Path]:
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
