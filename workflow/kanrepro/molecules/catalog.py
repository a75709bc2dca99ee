"""The catalogue of molecule sets: their files, which column is what, what is done with odd molecules, counts."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from kanrepro.core.catalog import Address, Catalog, Count, Digest, Mirror, SetEntry, Strict

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

    address: Address | None = None
    sha256: Digest | None = None
    mirror: Mirror | None = None
    format: Literal["csv", "smi"] = "csv"
    smiles: str = "smiles"
    member: str | None = None

    @model_validator(mode="after")
    def _known(self) -> "MoleculeFile":
        if not (self.address or self.mirror):
            raise ValueError("needs an `address` (or a path) of its file")
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


class MoleculeEntry(SetEntry):
    """One set of molecules.

    Attributes:
        name, printed, licence, demo: as in `SetEntry`.
        task, source: as shown in reports.
        files: where its SMILES are, read one after the other; a set of one file may have the fields of
            `MoleculeFile` itself.
        rdkit: instead of files: `nci` or `chembl`, the molecules that RDKit brings along.
        tasks: label columns (1, 0, empty for not known), or `others`: all columns but that of the SMILES; none for a
            set to pre-train on.
        canonical: keep RDKit's canonical SMILES rather than what the file says; scaffolds are made of what is kept.
        fragments: what becomes of molecules of several fragments: `all` are kept as one graph, or the `largest` alone,
            or the molecule is left out (`exclude`). Counted in any case.
        duplicates: `keep` or `drop` all but the first of equal SMILES. Counted in any case.
        expected: the counts that the prepared set must show.
        max_file_mb: bound of each file's download, in 10^6 bytes.
    """

    task: str = "graph classification"
    source: str = ""
    files: list[MoleculeFile] = []
    rdkit: Literal["nci", "chembl"] | None = None
    tasks: list[str] | Literal["others"] = []
    canonical: bool = False
    fragments: Literal["all", "largest", "exclude"] = "all"
    duplicates: Literal["keep", "drop"] = "keep"
    expected: MoleculeCounts = MoleculeCounts()
    max_file_mb: Count = 2048

    @property
    def origins(self) -> tuple[str | None, ...]:
        return tuple(file.address for file in self.files)

    @model_validator(mode="before")
    @classmethod
    def _one_file(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        made = dict(values)
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


CATALOG = Catalog(
    MoleculeEntry, "molecule set", "`address` and `tasks`", "docs/molecules.md", frozenset(MoleculeFile.model_fields)
)
load, entry = CATALOG.load, CATALOG.entry
