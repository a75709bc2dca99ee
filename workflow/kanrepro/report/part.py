"""What a family puts on the page: tables, provenance and cost, and how to read them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kanrepro.report.document import Document


@dataclass(frozen=True)
class Part:
    """A family's part of the page.

    Attributes:
        name: of its place on the page, for links.
        title: of its chapter; none: its tables stand before all chapters.
        subject: what the page is about because of it, for the title of the page.
        said: what it is made from, in words, for the first paragraph.
        records, counted: how many, and what they are called beside their number.
        seconds: of computing behind them.
        tables: by name, in their order.
        provenance: machines, code, data, settings and cost.
        verdicts: verdict -> how many numbers have it.
        printed: whether printed numbers stand beside its own.
        warning: what must be said where its data are stand-ins.
        reading: how to read it, items of a list as HTML.
    """

    name: str
    title: str = ""
    subject: str = ""
    said: str = ""
    records: int = 0
    counted: str = "records"
    seconds: float = 0.0
    tables: Mapping[str, Document] = field(default_factory=dict)
    provenance: Document | None = None
    verdicts: Mapping[str, int] = field(default_factory=dict)
    printed: bool = False
    warning: str = ""
    reading: tuple[str, ...] = ()
