"""The catalogue of molecule sets: their files, which column is what, what is done with odd molecules, counts."""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from kanrepro.catalog import Count, Digest, Mirror, Strict
from kanrepro.errors import UserError, shown, unknown
from kanrepro.yaml_file import read_yaml

BUILT_IN = Path(__file__).with_name("molecules.yaml")
SLACK = 0.01  # share by which the number of molecules may differ: each RDKit version rejects a few others


class MoleculeFile(Strict):
    """A file of SMILES.

    Attributes:
        address: http(s) address, file URL or path; a relative path starts at the catalogue's folder.
        sha256: of the file at `address`; None where it is not known: the counts then decide.
        mirror: a copy in a mirror folder.
        format: `csv` (with a header; plain or gzip) or `smi` (SMILES first in each line, no header; plain or gzip).
        smiles: the column of the SMILES, of a CSV file.
        member: the file's path inside a zip archive, where `address` is one.
    """

    address: str | None = None
    sha256: Digest | None = None
    mirror: Mirror | None = None
    format: Literal["csv", "smi"] = "csv"
    smiles: str = "smiles"
    member: str | None = None

    @model_validator(mode="after")
    def _known(self) -> "MoleculeFile":
        if not (self.address or self.mirror):
            raise ValueError("needs an `address` (or a path) of its file")
        if self.address and re.match(r"^\w+://", self.address) and not re.match(r"^(https?|file)://", self.address):
            raise ValueError(f"address {self.address!r} must be an http, https or file URL, or a path")
        return self


class MoleculeCounts(Strict):
    """What a prepared set must show; what is left out is not checked.

    Attributes:
        rows: rows with a SMILES, over all files, before anything is left out.
        positives, negatives: labels of all rows and tasks.
        molecules: what is left, to one per cent (SLACK).
    """

    rows: Count | None = None
    positives: Annotated[int, Field(ge=0)] | None = None
    negatives: Annotated[int, Field(ge=0)] | None = None
    molecules: Count | None = None


class MoleculeEntry(Strict):
    """One set of molecules.

    Attributes:
        name: as in paths and commands.
        printed: its name in the papers' tables.
        task, licence, source: as shown in reports.
        files: where its SMILES are, read one after the other; a set of one file may have the fields of
            `MoleculeFile` itself.
        rdkit: instead of files: `nci` or `chembl`, the molecules that RDKit brings along.
        tasks: label columns (1, 0, empty for not known), or `others`: all columns but that of the SMILES; none for a
            set to pre-train on.
        canonical: keep RDKit's canonical SMILES rather than what the file says; scaffolds are made of what is kept.
        fragments: what becomes of molecules of several fragments: `all` are kept as one graph, or the `largest` alone,
            or the molecule is left out (`exclude`). Counted in any case.
        duplicates: `keep` or `drop` all but the first of equal SMILES. Counted in any case.
        demo: a stand-in set of the demo.
        expected: the counts that the prepared set must show.
        max_file_mb: bound of each file's download, in 10^6 bytes.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    printed: str = ""
    task: str = "graph classification"
    licence: str = "not stated"
    source: str = ""
    files: list[MoleculeFile] = []
    rdkit: Literal["nci", "chembl"] | None = None
    tasks: list[str] | Literal["others"] = []
    canonical: bool = False
    fragments: Literal["all", "largest", "exclude"] = "all"
    duplicates: Literal["keep", "drop"] = "keep"
    demo: bool = False
    expected: MoleculeCounts = MoleculeCounts()
    max_file_mb: Count = 2048

    @model_validator(mode="before")
    @classmethod
    def _one_file(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        made = {"printed": values.get("name", ""), **values}
        if own := {key: made.pop(key) for key in MoleculeFile.model_fields if key in made}:
            if "files" in made:
                raise ValueError(f"says `files` and `{next(iter(own))}`: put that into the list `files`")
            made["files"] = [own]
        return made

    @model_validator(mode="after")
    def _fits(self) -> "MoleculeEntry":
        if bool(self.files) == bool(self.rdkit):
            raise ValueError("needs an `address` (or a path) of its file, or a list `files` of several")
        if self.tasks and any(file.format == "smi" for file in self.files):
            raise ValueError("has `tasks`, but a file in format smi has no columns; use a CSV file")
        if self.tasks == "others" and len(self.files) > 1:
            raise ValueError("has several files: name the columns of `tasks`")
        if self.tasks != "others" and len(set(self.tasks)) < len(self.tasks):
            raise ValueError("names a column of `tasks` twice")
        return self


def load(extra: Sequence[Path | str] = ()) -> dict[str, MoleculeEntry]:
    """The built-in catalogue together with the user's own catalogue files, by name.

    Args:
        extra: more files of the same form. They add sets; a name that is taken is refused.

    Raises:
        UserError: naming the file, the set and the key at fault.
    """
    entries = dict(_read(BUILT_IN))
    for path in map(Path, extra):
        for name, entry in _read(path).items():
            if name in entries:
                raise UserError(f"{path}: the name {name!r} is taken by another molecule set. Choose another name.")
            entries[name] = entry
    return entries


def entry(name: str, extra: Sequence[Path | str] = ()) -> MoleculeEntry:
    """The entry of one molecule set.

    Raises:
        UserError: no such name (with the nearest one), or as in `load`.
    """
    entries = load(extra)
    if name not in entries:
        raise unknown("molecule set", name, entries)
    return entries[name]


@cache
def _read(path: Path) -> dict[str, MoleculeEntry]:
    content = read_yaml(path, "names of molecule sets to their entries, as in docs/molecules.md")
    return {str(name): _entry(path, str(name), fields) for name, fields in content.items()}


def _entry(path: Path, name: str, fields: Any) -> MoleculeEntry:
    if not isinstance(fields, dict):
        raise UserError(f"{path}: {name}: expected fields such as `address` and `tasks`, found {shown(fields)}.")
    fields = _placed(fields, path.parent)
    if isinstance(fields.get("files"), list):
        fields["files"] = [_placed(file, path.parent) if isinstance(file, dict) else file for file in fields["files"]]
    try:
        return MoleculeEntry(name=name, **fields)
    except ValidationError as error:
        raise UserError(f"{path}: {name}: {_first(error)}") from None
    except TypeError:
        raise UserError(f"{path}: {name}: `name` is the key of the entry, not one of its fields.") from None


def _placed(fields: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The fields with a relative path under `address` made absolute."""
    address = fields.get("address")
    if isinstance(address, str) and "://" not in address:
        return {**fields, "address": str(folder.absolute() / address)}
    return dict(fields)


def _first(error: ValidationError) -> str:
    """The most telling thing that pydantic found wrong: a misspelt key rather than the one it leaves missing."""
    wrong = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    parts = [str(part) for part in wrong["loc"]]
    if wrong["type"] == "extra_forbidden":
        model = {"expected": MoleculeCounts, "mirror": Mirror, "files": MoleculeFile}.get(parts[0])
        model = Mirror if "mirror" in parts[:-1] else model
        known = set((model or MoleculeEntry).model_fields) | (set() if model else set(MoleculeFile.model_fields))
        return str(unknown("key", parts[-1], known - {"name"}))
    key, message = ".".join(parts), wrong["msg"].removeprefix("Value error, ")
    found = "" if wrong["type"] == "missing" or not key or isinstance(wrong["input"], dict) else wrong["input"]
    return f"{key}: {message}{f' (found {shown(found)})' if found != '' else ''}." if key else f"{message}."
