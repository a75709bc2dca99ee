"""The record: one JSON document a result, with everything that made it. Tables are functions of records alone."""

from pathlib import Path
from typing import Any, Literal, Self

import pydantic

from kanrepro.core.files import content_digest, sha256, write_json
from kanrepro.core.parts import Part, read_as

EXPERIMENTS = ("tu", "sensitivity")  # on TU sets: tables 2 and 3, figure 5


class Document(Part):
    """A record that can be read and written; each kind adds its fields."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)
    schema_version: Literal[1] = pydantic.Field(1, alias="schema")

    @classmethod
    def read(cls, path: Path | str) -> Self:
        """Read and validate a record.

        Raises:
            UserError: the file is missing, truncated, or not a record of this schema.
        """
        return read_as(cls, path, "is not a record")

    def write(self, path: Path | str) -> None:
        """Write the record atomically."""
        write_json(path, self.model_dump(by_alias=True))


class Metric(Part):
    """A score as a fraction; `value` is the mean of `folds`."""

    value: float
    folds: list[float] = []


class Artefact(Part):
    """A file and what it held when it was used; `content`: its digest apart from what it says of its making."""

    path: str
    sha256: str
    content: str | None = None

    @classmethod
    def of(cls, path: Path | str, digest: str | None = None) -> Self:
        """The file as it is; `digest`: its SHA-256 where that is known. Raises UserError where it cannot be read."""
        return cls(path=str(path), sha256=digest or sha256(path), content=content_digest(path))


class Prepared(Artefact):
    """A prepared set that was used."""

    source_sha256: str | None = None  # of the archive that it was prepared from


class Data(Prepared):
    """A set of graphs."""

    graphs: int


class Code(Part):
    """The code that ran: digests of the stages' import closures, and the checkout's commit."""

    pretrain: str
    probe: str
    commit: str | None = None
    dirty: bool = False


class Cost(Part):
    """What the result took, in seconds and MB."""

    hardware: str
    device: str
    pretrain_seconds: float
    probe_seconds: float
    peak_memory_mb: float


class OwnMethod(Part):
    """A method from a user's own file: its name in tables, and the file as it was."""

    label: str
    file: str
    sha256: str


class Record(Document):
    """One evaluated encoder: what, from what, by what code, at what cost, and the commands that make it again."""

    experiment: str
    dataset: str
    method: str
    encoder: Literal["mlp", "kan", "histogram", "statistics"]
    reading: str
    seed: int
    preset: str
    metrics: dict[str, Metric]
    details: dict[str, Any] = {}
    history: dict[str, float | int | None] = {}
    settings: dict[str, Any]
    data: Data
    checkpoint: Artefact
    folds: Artefact | None = None
    code: Code
    versions: dict[str, str]
    cost: Cost
    commands: list[str]
    own_method: OwnMethod | None = None
