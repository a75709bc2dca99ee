"""What the jobs of every family share: where results lie, which files are wanted, and options as text."""

import hashlib
import json
import os
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import pydantic

from kanrepro.core.catalog import Catalog, SetEntry
from kanrepro.core.files import atomic

Chosen = TypeVar("Chosen")
Entry = TypeVar("Entry", bound=SetEntry)

SAID = Path("resources/settings")  # what commands read in place of long arguments, of all presets
LONG = 160  # characters of a list that stands in a command itself

# paths are patterns: names in braces are wildcards of the rules


class Wildcards(Protocol):
    """The names that a rule's paths stand for, as Snakemake hands them over."""

    def __getattr__(self, name: str) -> str: ...


class Entries(dict[str, Entry]):
    """Catalogue entries of the sets that a run is about; those of other sets are looked up, for explicit targets.

    Raises:
        UserError: a data set that no catalogue knows.
    """

    def __init__(self, names: Iterable[str], find: Callable[[str], Entry]) -> None:
        super().__init__({name: find(name) for name in names})
        self._find = find

    def __missing__(self, name: str) -> Entry:
        return self._find(name)


@dataclass(frozen=True)
class Place:
    """What all jobs of a run have in common.

    Attributes:
        preset: names the folder of its results.
        gpu: how many GPUs a training job asks for.
        existing: take the records that are there, and make none.
    """

    preset: str
    gpu: int = 0
    existing: bool = False

    @property
    def results(self) -> str:
        """The folder of the preset's results."""
        return f"results/{self.preset}"

    def standing(self, kinds: Iterable[str]) -> str:
        """A digest of the names and sizes of the records of some kinds that lie there."""
        found = (path for kind in kinds for path in Path(self.results, "records", kind).rglob("*.json"))
        return _digest(found)

    def beside(self, kinds: Iterable[str], wanted: Iterable[str]) -> str:
        """A digest of the records of some kinds that lie there and are none of those wanted: tables show them too."""
        made = set(wanted)
        found = (path for kind in kinds for path in Path(self.results, "records", kind).rglob("*.json"))
        return _digest(path for path in found if str(path) not in made)

    def table_files(self, table: str) -> list[str]:
        """The four forms of a table."""
        return [f"{self.results}/tables/{table}.{form}" for form in ("md", "csv", "tex", "html")]

    def figure_files(self, figure: str) -> list[str]:
        """Both forms of a figure."""
        return [f"{self.results}/figures/{figure}.{form}" for form in ("png", "svg")]

    def wanted(self, paths: Iterable[str]) -> list[str]:
        """All of these files, or those that are there where none is to be made."""
        return [path for path in paths if not self.existing or os.path.exists(path)]

    def left(self, files: Iterable[tuple[str, str]]) -> list[str]:
        """Those of (file of a run, record of that run) to draw a figure of; none where that would mean to train anew.

        A run's folder does not travel with its record: where a record is there and its run is not, the figure of these
        runs stays as it is.
        """
        pairs = list(files)
        lost = any(os.path.exists(record) and not os.path.exists(file) for file, record in pairs)
        return [] if lost else self.wanted(file for file, _ in pairs)

    def described(self, pattern: str, datasets: Iterable[str]) -> list[str]:
        """The descriptions of these sets, or of all sets that have one where none is to be made."""
        if self.existing:
            return sorted(map(str, Path(pattern).parent.glob("*.json")))
        return [pattern.format(dataset=dataset) for dataset in datasets]


class FamilyJobs(Generic[Chosen, Entry]):
    """What the rules of a family read; each adds paths, wanted records, and what its jobs ask of the machine.

    Args:
        place: what all jobs of a run have in common.
        settings: of the family.
        names: the sets that the run is about.
        catalog: of the family.
        catalogs: the user's own catalogue files.

    Raises:
        UserError: a data set that no catalogue knows.
    """

    def __init__(
        self, place: Place, settings: Chosen, names: Iterable[str], catalog: Catalog[Entry], catalogs: Sequence[str]
    ) -> None:
        self.place, self.settings = place, settings
        self.entries = Entries(names, lambda name: catalog.entry(name, catalogs))
        self.catalogs = catalog_options(catalogs)


def _digest(files: Iterable[Path]) -> str:
    """A digest of names and sizes."""
    listed = sorted(f"{path} {path.stat().st_size}" for path in files)
    return hashlib.sha256("\n".join(listed).encode()).hexdigest()[:16]


def as_json(part: pydantic.BaseModel) -> str:
    """A slice of the settings as canonical JSON."""
    return json.dumps(part.model_dump(mode="json"), sort_keys=True)


def said(kind: str, lines: Iterable[str]) -> str:
    """`@PATH` of a file with these lines, which the stages' parser reads as an argument a line.

    The file is named by a digest of its content. So a rule that has the name among its params runs again when the
    content is another one and only then, as with the content itself; files that are there are never written twice, and
    jobs on other machines find those of the one that planned them.
    """
    text = "".join(f"{line}\n" for line in lines)
    path = SAID / f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.txt"
    if not path.is_file():
        with atomic(path) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")
    return f"@{path}"


def settings_file(part: pydantic.BaseModel) -> str:
    """`@PATH` of a file with a slice of the settings, as --settings takes it."""
    return said(type(part).__name__.removesuffix("Settings").lower(), [as_json(part)])


def option(name: str, values: Sequence[object]) -> str:
    """`--name VALUES`, by a file where they are long; nothing where there are none."""
    words = [str(value) for value in values]
    text = " ".join(words)
    return f"--{name} {text if len(text) <= LONG else said(name, words)}" if words else ""


def catalog_options(paths: Iterable[str]) -> str:
    """The options that name a user's own catalogue files."""
    return " ".join(f"--catalog {shlex.quote(path)}" for path in paths)
