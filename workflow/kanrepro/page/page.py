"""One self-contained HTML report: tables, figures, how to read them, provenance and cost.

Reads: records, descriptions of data sets, workflow/published, and figures that were drawn already (PNG or SVG). Writes
one HTML file that refers to nothing outside itself but the records it links to. The same input gives the same bytes.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from kanrepro.core.errors import UserError, cli
from kanrepro.core.family import load
from kanrepro.core.files import atomic
from kanrepro.core.parser import stage_parser
from kanrepro.families import FAMILIES
from kanrepro.report import render, summary
from kanrepro.report.document import Document
from kanrepro.report.make_table import add_margin
from kanrepro.report.part import Part
from kanrepro.report.wording import points

KINDS = {".png": "image/png", ".svg": "image/svg+xml"}


def modules() -> list[Any]:
    """The families' modules of the page."""
    return [load(family.page) for family in FAMILIES if family.page]


def captions() -> dict[str, tuple[str, str]]:
    """Figure -> its title and caption."""
    return {name: said for module in modules() for name, said in module.CAPTIONS.items()}


@dataclass(frozen=True)
class Picture:
    """A figure as the page holds it: `source` is a data URI."""

    name: str
    title: str
    caption: str
    source: str

    @classmethod
    def read(cls, path: Path) -> "Picture":
        """Read a PNG or SVG. Raises UserError where it is neither, or cannot be read."""
        if path.suffix not in KINDS:
            raise UserError(f"{path}: a figure must be a .png or .svg file.")
        try:
            data = base64.b64encode(path.read_bytes()).decode("ascii")
        except OSError as error:
            raise UserError(f"cannot read the figure {path}: {error.strerror}; draw it first.") from None
        title, caption = captions().get(path.stem, (path.stem, path.stem))
        return cls(path.stem, title, caption, f"data:{KINDS[path.suffix]};base64,{data}")


@dataclass(frozen=True)
class Section:
    """A table as the page holds it."""

    name: str
    title: str
    body: str

    @classmethod
    def of(cls, name: str, document: Document, level: int) -> "Section":
        """A document, its headings of a level."""
        return cls(name, document.title, render.html_body(document, level, f"{name}-"))

    @property
    def short(self) -> str:
        return self.title.partition(":")[0]


@dataclass(frozen=True)
class Chapter:
    """A family's part as the page holds it."""

    part: Part
    figures: list[Picture]
    tables: list[Section]
    provenance: Section | None

    @classmethod
    def of(cls, part: Part, figures: list[Picture]) -> "Chapter":
        level = 4 if part.title else 3
        tables = [Section.of(name, document, level) for name, document in part.tables.items()]
        origin = Section.of(f"{part.name}-provenance", part.provenance, 4) if part.provenance else None
        return cls(part, figures if part.title else [], tables, origin)


def build(preset: str, parts: Sequence[tuple[Part, Sequence[str]]], figures: Sequence[Path], margin: float) -> str:
    """The page as HTML text.

    Args:
        parts: those of the families, each with the names of the figures that belong to it.
        figures: PNG or SVG files, in their order; those of a family with a chapter stand there.
        margin: percentage points within which two means count as equivalent.

    Raises:
        UserError: a figure that cannot be read.
    """
    pictures = [Picture.read(path) for path in figures]
    chapters = [Chapter.of(part, [p for p in pictures if p.name in names]) for part, names in parts]
    placed = [picture for chapter in chapters for picture in chapter.figures]
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    template = environment.from_string(Path(__file__).with_name("page.html.j2").read_text(encoding="utf-8"))
    return template.render(
        preset=preset,
        style=render.STYLE,
        subjects=[chapter.part.subject for chapter in chapters if chapter.part.subject],
        said=[chapter.part.said for chapter in chapters if chapter.part.said],
        printed=any(chapter.part.printed for chapter in chapters),
        duration=summary.duration(sum(chapter.part.seconds for chapter in chapters)),
        margin=points(margin),
        figures=[picture for picture in pictures if picture not in placed],
        every=chapters,
        first=[chapter for chapter in chapters if not chapter.part.title],
        chapters=[chapter for chapter in chapters if chapter.part.title],
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Make the page: see `python -m kanrepro.page.page --help`."""
    parser = stage_parser("Make one self-contained HTML report from existing records and figures; nothing is trained.")
    for module in modules():
        module.add_options(parser)
    parser.files("--figures", "PNG or SVG, in this order")
    parser.file("--output", "the HTML file to write")
    add_margin(parser)
    arguments = parser.parse_args(argv)
    found = [(module.of(arguments, arguments.output.parent), module.CAPTIONS) for module in modules()]
    parts = [(part, tuple(names)) for part, names in found if part]
    text = build(arguments.preset, parts, arguments.figures, arguments.margin)
    with atomic(arguments.output) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    print(arguments.output)


if __name__ == "__main__":
    cli(main)
