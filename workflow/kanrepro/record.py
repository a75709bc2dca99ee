"""The record: one JSON document a result, with everything that made it. Tables are functions of records alone."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import pydantic

from kanrepro.errors import UserError
from kanrepro.files import read_json, write_json

EXPERIMENTS = ("tu", "sensitivity")  # on TU sets: tables 2 and 3, figure 5


class _Part(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", allow_inf_nan=False)


class Metric(_Part):
    """A score as a fraction; `value` is the mean of `folds`."""

    value: float
    folds: list[float] = []


class Data(_Part):
    """The prepared set that was used."""

    path: str
    sha256: str
    source_sha256: str | None = None  # of the archive that it was prepared from
    graphs: int


class Artefact(_Part):
    """A file and what it held when it was used."""

    path: str
    sha256: str


class Code(_Part):
    """The code that ran: digests of the stages' import closures, and the checkout's commit."""

    pretrain: str
    probe: str
    commit: str | None = None
    dirty: bool = False


class Cost(_Part):
    """What the result took, in seconds and MB."""

    hardware: str
    device: str
    pretrain_seconds: float
    probe_seconds: float
    peak_memory_mb: float


class Record(_Part):
    """One evaluated encoder: what, from what, by what code, at what cost, and the commands that make it again."""

    schema_version: Literal[1] = pydantic.Field(1, alias="schema")
    model_config = pydantic.ConfigDict(extra="forbid", allow_inf_nan=False, populate_by_name=True)
    experiment: str
    dataset: str
    method: str
    encoder: Literal["mlp", "kan"]
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

    @classmethod
    def read(cls, path: Path | str) -> "Record":
        """Read and validate a record.

        Raises:
            UserError: the file is missing, truncated, or not a record of this schema.
        """
        content = read_json(path)
        try:
            return cls.model_validate(content)
        except pydantic.ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "document"
            raise UserError(f"{path} is not a record: {where}: {first['msg']}. Delete it and make it again.") from error

    def write(self, path: Path | str) -> None:
        """Write the record atomically."""
        write_json(path, self.model_dump(by_alias=True))


def read_all(paths: Iterable[Path | str]) -> list[Record]:
    """Read records in the order of their paths, so that what is made of them does not depend on the order given."""
    return [Record.read(path) for path in sorted(map(str, paths))]
