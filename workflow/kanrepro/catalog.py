"""The catalogue: data set -> where it comes from, its checksums and licence, and the counts that it must show."""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from kanrepro.errors import UserError, shown, unknown
from kanrepro.yaml_file import read_yaml

BUILT_IN = Path(__file__).with_name("catalog.yaml")

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=1)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Expected(Strict):
    """What a prepared set must show.

    Attributes:
        graphs: number of graphs.
        classes: number of distinct graph labels.
        node_labels: number of distinct node labels, 0 where the set has none.
        mean_nodes: nodes per graph, to two decimals; not checked where it is left out.
        directed_edges: distinct directed edges over all graphs; not checked where it is left out.
    """

    graphs: Count
    classes: Count
    node_labels: Annotated[int, Field(ge=0)]
    mean_nodes: Annotated[float, Field(gt=0)] | None = None
    directed_edges: Annotated[int, Field(ge=0)] | None = None


class Mirror(Strict):
    """A copy in a mirror folder (KANREPRO_MIRROR).

    Attributes:
        path: below the mirror folder.
        sha256: of that copy; it may differ from the archive at the public address.
    """

    path: str
    sha256: Digest

    @field_validator("path")
    @classmethod
    def _below(cls, path: str) -> str:
        if Path(path).is_absolute() or ".." in Path(path).parts:
            raise ValueError("must lie below the mirror folder")
        return path


class Entry(Strict):
    """One data set.

    Attributes:
        name: as in paths and commands; in TU format also how the members of the archive begin (NAME_A.txt).
        printed: its name in the papers' tables.
        task, domain, licence: as shown in tables and in the report.
        format: `tu` (a zip archive in TU format) or `rdkit` (made from files that RDKit brings along).
        address: http(s) address, file URL or path of the archive; a relative path starts at the catalogue's folder.
        sha256: of the file at `address`; None where it is not known: the counts then decide.
        mirror: a copy in a mirror folder.
        demo: a stand-in set of the demo: no published number belongs beside it.
        expected: the counts that the prepared set must show.
        max_archive_mb, max_unzipped_mb: size bounds, in 10^6 bytes, of the download and of what it unzips to.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    printed: str = ""
    task: Literal["graph classification"] = "graph classification"
    domain: str = "Own"
    format: Literal["tu", "rdkit"] = "tu"
    licence: str = "not stated"
    address: str | None = None
    sha256: Digest | None = None
    mirror: Mirror | None = None
    demo: bool = False
    expected: Expected
    max_archive_mb: Count = 512
    max_unzipped_mb: Count = 1024

    @model_validator(mode="before")
    @classmethod
    def _printed(cls, values: Any) -> Any:
        return {"printed": values.get("name", ""), **values} if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _has_source(self) -> "Entry":
        if self.format == "tu" and not self.address:
            raise ValueError("a set in TU format needs an `address` (or a path) of its zip archive")
        if self.address and re.match(r"^\w+://", self.address) and not re.match(r"^(https?|file)://", self.address):
            raise ValueError(f"address {self.address!r} must be an http, https or file URL, or a path")
        return self


def load(extra: Sequence[Path | str] = ()) -> dict[str, Entry]:
    """The built-in catalogue together with the user's own catalogue files, by name.

    Args:
        extra: more files of the same form (setting `data.catalog`). They add sets; a name that is taken is refused.

    Raises:
        UserError: naming the file, the set and the key at fault.
    """
    entries = dict(_read(BUILT_IN))
    for path in map(Path, extra):
        for name, entry in _read(path).items():
            if name in entries:
                raise UserError(f"{path}: the name {name!r} is taken by another data set. Choose another name.")
            entries[name] = entry
    return entries


def entry(name: str, extra: Sequence[Path | str] = ()) -> Entry:
    """The entry of one data set.

    Raises:
        UserError: no such name (with the nearest one), or as in `load`.
    """
    entries = load(extra)
    if name not in entries:
        raise unknown("data set", name, entries)
    return entries[name]


@cache
def _read(path: Path) -> dict[str, Entry]:
    content = read_yaml(path, "names of data sets to their entries, as in docs/own-data.md")
    sets = {str(name): fields for name, fields in content.items() if not str(name).startswith(".")}  # .x: YAML anchors
    return {name: _entry(path, name, fields) for name, fields in sets.items()}


def _entry(path: Path, name: str, fields: Any) -> Entry:
    if not isinstance(fields, dict):
        raise UserError(f"{path}: {name}: expected fields such as `address` and `expected`, found {shown(fields)}.")
    address = fields.get("address")
    if isinstance(address, str) and "://" not in address:
        fields = {**fields, "address": str(path.parent.absolute() / address)}
    try:
        return Entry(name=name, **fields)
    except ValidationError as error:
        raise UserError(f"{path}: {name}: {_first(error)}") from None
    except TypeError:
        raise UserError(f"{path}: {name}: `name` is the key of the entry, not one of its fields.") from None


def _first(error: ValidationError) -> str:
    """The most telling thing that pydantic found wrong: a misspelt key rather than the one it leaves missing."""
    wrong = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    key = ".".join(map(str, wrong["loc"]))
    if wrong["type"] == "extra_forbidden":
        model = {"expected": Expected, "mirror": Mirror}.get(str(wrong["loc"][0]), Entry)
        return str(unknown("key", key.rsplit(".", 1)[-1], set(model.model_fields) - {"name"}))
    message = wrong["msg"].removeprefix("Value error, ")
    found = "" if wrong["type"] == "missing" else f" (found {shown(wrong['input'])})"
    return f"{key}: {message}{found}." if key else f"{message}."
