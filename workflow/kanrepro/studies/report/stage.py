"""The command line of tables that are made of all records that lie in a folder, whoever made them."""

from collections.abc import Callable, Sequence
from pathlib import Path

from kanrepro.core.parser import stage_parser
from kanrepro.report.document import Document
from kanrepro.report.make_table import write_table


def table_stage(
    argv: Sequence[str] | None, description: str | None, build: Callable[[Path, str], tuple[Document, str]]
) -> None:
    """Make one table of a folder's records, in four forms, and print where they lie."""
    parser = stage_parser(description)
    parser.file("--records-from", "results/<preset>/records", metavar="FOLDER")
    parser.add_argument("--preset", required=True, help="preset of these records")
    parser.file("--output-stem", "where to write, without suffix")
    arguments = parser.parse_args(argv)
    for path in write_table(*build(arguments.records_from, arguments.preset), arguments.output_stem):
        print(path)
