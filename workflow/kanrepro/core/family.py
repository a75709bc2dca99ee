"""The one door of an apartment: what a family of experiments tells the roof of itself.

Modules are named as text and loaded when they are needed: the door of a family costs no import of what lies behind it.
"""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kanrepro.core.parts import Part


@dataclass(frozen=True)
class Kind:
    """A kind of records, those below a folder of results/<preset>/records.

    Attributes:
        schema: `module:Class` that reads one.
        catalog: module whose CATALOG names their data sets.
        of: what they are records of, in words.
        stages: module of each stage behind a record -> where the record keeps the digest of its code, such as
            `code.probe`; a field in braces stands for its value.
        each: the field that tells the records of a data set apart.
        score: the field of the number that tables show, a fraction.
        seen: where a record's `pretraining` was on another set, the field that counts what was seen of it.
    """

    schema: str
    catalog: str
    of: str
    stages: Mapping[str, str]
    each: str = "seed"
    seen: str = ""
    score: str = "metrics.accuracy.value"


@dataclass(frozen=True)
class Table:
    """A table: the module that makes it, the folders of records that it is made from, perhaps of one method alone."""

    module: str
    records: tuple[str, ...]
    method: str | None = None


@dataclass(frozen=True)
class Results:
    """The results of a preset, from which tables are made again.

    Attributes:
        records: the folder of its records.
        published: the folder of the printed numbers.
        settings: those of the whole workflow (kanrepro.settings.Settings).
        own: key below `data` -> the user's own catalogue files.
    """

    preset: str
    records: Path
    published: Path
    settings: Any
    own: Mapping[str, tuple[Path, ...]]


@dataclass(frozen=True)
class Family:
    """What the roof knows of a family of experiments. Every module is named in full: `kanrepro.tu.probe`.

    Attributes:
        name: as it is typed before a stage.
        settings: key in the configuration -> the settings below it.
        catalogues: key below `data` for the user's own catalogue files -> its description.
        stages: name that is typed -> module with a `main`.
        tables: name -> what makes it; the module has `again(name, results, base)`, which gives a
            document and CSV text; `base`: the folder that paths of records are relative to.
        figures: name -> module that draws it.
        kinds: folder below `records` -> what lies there.
        explained: table or figure -> module with `explain(question)` (core.explain_parts.Question).
        method: what names a row in its explanations, in words.
        asked: further option of its explanations -> its help.
        costs: module with COSTS, what the jobs take (core.costs.Costs).
        page: module with CAPTIONS of its figures, `add_options(parser)` and `of(options, base)`, which gives its part
            of the page (report.part.Part), None where it has none.
    """

    name: str
    settings: Mapping[str, type[Part]]
    catalogues: Mapping[str, str] = field(default_factory=dict)
    stages: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    figures: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    explained: Mapping[str, str] = field(default_factory=dict)
    method: str = ""
    asked: Mapping[str, str] = field(default_factory=dict)
    costs: str | None = None
    page: str | None = None


def load(name: str) -> Any:
    """The module `a.b`, or what it holds under a name, `a.b:Name`."""
    module, _, within = name.partition(":")
    loaded = importlib.import_module(module)
    return getattr(loaded, within) if within else loaded
