"""What a table says, before it is Markdown, HTML or LaTeX: blocks of text, grids of cells, and lists of records.

Text may hold `code` between backticks and nothing else that is special.
"""

from dataclasses import dataclass, field

SIGNS = {"reproduced": "=", "differs": "≠", "inconclusive": "?"}


@dataclass(frozen=True)
class Item:
    """One cell: its text, a tone (a verdict or `missing`, for colour), footnote letters, and its records' paths."""

    text: str
    tone: str = ""
    mark: str = ""
    records: tuple[str, ...] = ()


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Grid:
    """A table; the first `heads` columns name the row and are left-aligned."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Item, ...], ...]
    heads: int = 1
    lead: str = ""  # a paragraph between title and table

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(f"{self.title}: a row has {len(row)} cells, the header {len(self.header)}")


@dataclass(frozen=True)
class Records:
    """Which records stand behind which number: (name of the cell, ((short name, path), ...))."""

    title: str
    cells: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


Block = Text | Grid | Records


@dataclass(frozen=True)
class Document:
    """A title and its blocks; footnotes as (letter, text)."""

    title: str
    blocks: tuple[Block, ...]
    footnotes: tuple[tuple[str, str], ...] = ()


@dataclass
class Footnotes:
    """Gives each distinct note a letter, in order of first appearance."""

    letters: dict[str, str] = field(default_factory=dict)

    def mark(self, notes: tuple[str, ...]) -> str:
        """The letters of `notes`, joined by commas."""
        return ",".join(self.letters.setdefault(note, _letter(len(self.letters))) for note in notes)

    @property
    def listed(self) -> tuple[tuple[str, str], ...]:
        return tuple((letter, note) for note, letter in self.letters.items())


def _letter(index: int) -> str:
    """a ... z, aa, ab, ..."""
    letter = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letter = chr(ord("a") + rest) + letter
    return letter
