"""What tables and figures of graph sets are given: records, a preset, data sets; and the options that say so."""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

from kanrepro.core.catalog import Catalog
from kanrepro.core.errors import unknown
from kanrepro.core.parser import Parser
from kanrepro.report import described, published
from kanrepro.report.results import record_paths


@dataclass(frozen=True)
class Inputs:
    """Where records and printed numbers are, and which data sets to show. Each family has its own.

    Attributes:
        catalog: of the family's data sets.
        kind: where its records lie below `folder`.
        descriptions_of: the folders of descriptions that it reads.
        stand_in: take every data set for a stand-in, beside which no published number belongs.
    """

    catalog: ClassVar[Catalog[Any]]
    kind: ClassVar[str]
    descriptions_of: ClassVar[tuple[str, ...]] = ("data",)

    preset: str
    records: tuple[Path, ...] = ()
    descriptions: tuple[Path, ...] = ()
    folder: Path | None = None  # records and descriptions are looked for below it
    datasets: tuple[str, ...] = ()
    catalogs: tuple[Path, ...] = ()
    published: Path = published.FOLDER
    stand_in: bool = False

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> Self:
        """The inputs that the options of `add_inputs` name."""
        return cls(
            arguments.preset,
            tuple(arguments.records),
            tuple(arguments.descriptions),
            arguments.records_from,
            tuple(arguments.datasets),
            tuple(arguments.catalog),
            arguments.published,
            arguments.stand_in,
        )

    def record_files(self) -> list[Path]:
        """The records. Raises UserError where the folder is missing."""
        return [*self.records, *(record_paths(self.folder, self.kind) if self.folder else [])]

    def description_files(self) -> list[Path]:
        """The descriptions of data sets. Raises UserError where the folder is missing."""
        below = [record_paths(self.folder, kind) for kind in self.descriptions_of if self.folder]
        return [*self.descriptions, *(path for paths in below for path in paths)]

    @cached_property
    def entries(self) -> dict[str, Any]:
        """The catalogue, with the user's own files."""
        return self.catalog.load(self.catalogs)

    @cached_property
    def described(self) -> dict[str, described.Source]:
        """The descriptions of data sets, by name. Raises UserError where one is corrupt."""
        return described.read(self.description_files())

    def stand_ins(self, datasets: Iterable[str]) -> frozenset[str]:
        """Those of `datasets` that stand in for the paper's, as the catalogue or their descriptions say."""
        demo = {name for name, entry in self.entries.items() if entry.demo}
        demo |= {name for name, source in self.described.items() if source.found.demo}
        return frozenset(name for name in datasets if self.stand_in or name in demo)

    def columns(self, found: Sequence[str], printed: Sequence[str]) -> list[str]:
        """The data sets to show: those asked for in their order, else the printed ones and whatever else was found.

        Raises:
            UserError: a name that neither the catalogue nor a table nor a record knows.
        """
        if not self.datasets:
            only_stand_ins = bool(found) and set(found) <= self.stand_ins(found)
            return list(found) if only_stand_ins else list(dict.fromkeys([*printed, *found]))
        known = {*found, *printed, *self.entries}
        return list(dict.fromkeys(catalogue_name(name, known) for name in self.datasets))


def catalogue_name(name: str, known: set[str]) -> str:
    """The catalogue's name of a data set that may be given as the papers print it.

    Raises:
        UserError: the name is unknown; the message holds the nearest one.
    """
    name = published.CATALOGUE_NAME.get(name, name)
    if name not in known:
        raise unknown("data set", name, known)
    return name


def add_inputs(parser: Parser) -> None:
    """Add the options that `Inputs.of` reads."""
    parser.add_argument("--preset", required=True, help="preset of these records")
    parser.files("--records", "records, in any order")
    parser.files("--descriptions", "descriptions of data sets (Table 4)")
    parser.folder("--records-from", "take records and descriptions from below FOLDER, a preset's records")
    parser.names("--datasets", "to show, in this order (default: all that the paper prints, then others found)")
    parser.files("--catalog", "own catalogue files")
    parser.folder("--published", "where the printed numbers are (default: workflow/published)", published.FOLDER)
    parser.add_argument("--stand-in", action="store_true", help="take every data set for a stand-in")
