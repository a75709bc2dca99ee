"""What a bundle knows of results: kinds of records, the stages that each came from, who makes which table."""

from collections.abc import Iterator
from functools import cache
from pathlib import PurePosixPath
from string import Formatter
from typing import Any

from kanrepro.core.catalog import Catalog
from kanrepro.core.family import Kind, load
from kanrepro.families import FAMILIES

# by folder below results/<preset>/records; what lies in other folders are documents without a schema
KINDS = {folder: kind for family in FAMILIES for folder, kind in family.kinds.items()}
TABLES = {name: table for family in FAMILIES for name, table in family.tables.items()}
STAGES = sorted({module for family in FAMILIES for module in family.stages.values()})


def kind_of(member: str) -> str | None:
    """The kind of the record at `results/<preset>/records/<kind>/...`; None for any other member."""
    parts = PurePosixPath(member).parts
    if len(parts) < 5 or parts[2] != "records":
        return None
    below = "/".join(parts[3:-1]) + "/"
    return next((kind for kind in KINDS if below.startswith(f"{kind}/")), None)


@cache
def schema_of(kind: str) -> Any:
    """The class that reads a record of a kind."""
    return load(KINDS[kind].schema)


def catalog_of(kind: str) -> Catalog[Any]:
    """The catalogue of the sets of a kind of records."""
    return load(KINDS[kind].catalog).CATALOG


def stages_of(kind: Kind, record: Any) -> Iterator[tuple[str, str]]:
    """The modules by which a record came about, each with the digest of its code."""
    for module, place in kind.stages.items():
        digest = _at(record, place)
        if digest:
            yield Formatter().vformat(module, (), {"code": record.code}), digest


def _at(record: Any, place: str) -> Any:
    """What a record holds at a place such as `code.probe`; None where there is nothing."""
    for name in place.split("."):
        record = getattr(record, name, None)
    return record
