"""Which records stand behind a number: those of a table's kinds, of one data set, method and reading."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kanrepro.core.errors import UserError, unknown
from kanrepro.core.family import Kind, Table
from kanrepro.core.files import read_json
from kanrepro.families import FAMILIES
from kanrepro.report.published import CATALOGUE_NAME

TABLES: dict[str, Table] = {name: table for family in FAMILIES for name, table in family.tables.items()}
KINDS: dict[str, Kind] = {name: kind for family in FAMILIES for name, kind in family.kinds.items()}
NAMED = ("method", "model")
READ = ("reading", "split")


@dataclass(frozen=True)
class Made:
    """A record as it lies there.

    Attributes:
        path: the record's.
        content: the JSON object.
        kind: what it is a record of.
    """

    path: Path
    content: Mapping[str, Any]
    kind: Kind

    @property
    def name(self) -> str:
        """Its method or model."""
        return next(str(self.content[key]) for key in NAMED if key in self.content)

    @property
    def reading(self) -> str:
        """Its reading or split."""
        return next((str(self.content[key]) for key in READ if key in self.content), "")

    @property
    def seed(self) -> int:
        return int(self.content["seed"])

    @property
    def score(self) -> float:
        """The number that tables show, in percent."""
        return 100 * float(at(self.content, self.kind.score))

    @property
    def seconds(self) -> float:
        """What it took, in seconds."""
        spent = {**self.content["cost"], "pretrained": (self.content.get("pretraining") or {}).get("seconds", 0.0)}
        return sum(value for key, value in spent.items() if key.endswith("seconds") or key == "pretrained")

    def code(self) -> dict[str, str]:
        """Stage -> the digest of its code in the record."""
        return {self._stage(module).rpartition(".")[2]: self._digest(place) for module, place in self._stages()}

    def _stages(self) -> list[tuple[str, str]]:
        return [(m, p) for m, p in self.kind.stages.items() if p.partition(".")[0] in self.content and self._digest(p)]

    def _stage(self, module: str) -> str:
        head, brace, rest = module.partition("{")
        return head + str(at(self.content, rest[:-1])) if brace else module

    def _digest(self, place: str) -> str:
        return str(at(self.content, place) or "")


def at(content: Mapping[str, Any], place: str) -> Any:
    """The value at `a.b.c`; None where there is none."""
    found: Any = content
    for key in place.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def records(table: str, dataset: str, method: str, reading: str | None, results: Path) -> dict[str, list[Made]]:
    """Reading -> the records behind a number, by seed.

    Raises:
        UserError: an unknown table, data set, method or reading, with the nearest that has records; a corrupt record.
    """
    if table not in TABLES:
        raise unknown("table", table, TABLES)
    dataset = CATALOGUE_NAME.get(dataset, dataset)
    folders = [results / "records" / kind for kind in TABLES[table].records if kind in KINDS]
    sets = {path.name for folder in folders for path in folder.glob("*") if path.is_dir()}
    if not sets:
        raise UserError(f"{results / 'records'} holds no record that {table} is made of and that can be made again.")
    if dataset not in sets:
        raise unknown("data set with records:", dataset, sets)
    found = [
        Made(path, read_json(path), KINDS[folder.relative_to(results / "records").as_posix()])
        for folder in folders
        for path in sorted((folder / dataset).rglob("*.json"))
    ]
    named = [one for one in found if one.name == method]
    if not named:
        raise unknown(f"method with records of {dataset}:", method, {one.name for one in found})
    readings = {one.reading for one in named}
    if reading is not None and reading not in readings:
        raise unknown(f"reading of {method}:", reading, readings)
    return {
        name: sorted((one for one in named if one.reading == name), key=lambda one: one.seed)
        for name in sorted(readings)
        if reading in (None, name)
    }


def chosen(made: Sequence[Made], seeds: Sequence[int] | None, most: int = 2) -> list[Made]:
    """The records of these seeds; the first `most` where none is named.

    Raises:
        UserError: a seed without a record.
    """
    if seeds is None:
        return list(made[:most])
    there = {one.seed: one for one in made}
    if missing := [seed for seed in seeds if seed not in there]:
        raise UserError(f"--seeds {missing[0]}: no record of that seed; there are {', '.join(map(str, there))}.")
    return [there[seed] for seed in seeds]
