"""Records gathered into cells: (data set, method, reading) -> the runs that measured it, in order of their seeds."""

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from kanrepro.core.errors import UserError, foreign
from kanrepro.core.record import Document, Record
from kanrepro.methods.folder import built_in, of, sources
from kanrepro.methods.readings import COMMON
from kanrepro.report.origin import check_preset
from kanrepro.report.statistics import Summary

METHODS = {name: built_in()[name].label for name in of("variant")}
CONTROLS = {name: built_in()[name].label for name in of("control")}
LABELS = METHODS | CONTROLS
READINGS = ("own", *COMMON["tu"])
MLP_METHODS = tuple(name for name, method in built_in().items() if method.network != "kan")

LITERAL = ("literal", "literal_silu")  # the same thing for an MLP, which has no SiLU branch
SAME_FOR_MLPS = "Without KANs both readings compute the same thing: the number is that of the `{}` records."


AnyRecord = TypeVar("AnyRecord")
AnyDocument = TypeVar("AnyDocument", bound=Document)
AnyKey = TypeVar("AnyKey", bound=Hashable)

AnyRun = TypeVar("AnyRun", bound=Any)  # with seed, path and record


@dataclass(frozen=True)
class Run(Generic[AnyRecord]):
    """One record and where it lies; `score` (accuracy, ROC-AUC) in percent."""

    seed: int
    score: float
    path: Path
    record: AnyRecord


@dataclass(frozen=True)
class Ran:
    """A method that was run: its name in tables, its encoder, `mlp`, `kan`, or `ecfp`, which is none, and readings."""

    label: str
    encoder: str
    readings: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Cell(Generic[AnyRecord]):
    """The runs behind one number, never none; `notes` says what a reader of the number must know."""

    runs: tuple[Run[AnyRecord], ...]
    notes: tuple[str, ...] = ()

    @property
    def summary(self) -> Summary:
        return Summary.of(run.score for run in self.runs)

    @property
    def by_seed(self) -> dict[int, float]:
        return {run.seed: run.score for run in self.runs}

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(run.path for run in self.runs)


@dataclass(frozen=True)
class Results:
    """All cells of a preset. `labelled`: the data sets with node labels, where MLP methods have one reading only."""

    cells: Mapping[tuple[str, str, str], Cell]
    labelled: Collection[str] = field(default_factory=frozenset)

    @property
    def ran(self) -> dict[str, Ran]:
        """The methods that have records, those of this package first, with what their records say of them."""
        found = {method: cell.runs[0].record for (_, method, _), cell in self.cells.items()}
        order = [*(name for name in built_in() if name in found), *(name for name in found if name not in built_in())]
        readings = {name: frozenset(reading for _, method, reading in self.cells if method == name) for name in order}
        labels = {name: built_in()[name].label if name in built_in() else _label(found[name]) for name in order}
        return {name: Ran(labels[name], found[name].encoder, readings[name]) for name in order}

    def cell(self, dataset: str, method: str, reading: str) -> Cell | None:
        """The cell, or None where nothing was run."""
        found = self.cells.get((dataset, method, reading))
        alike = reading in LITERAL or (reading == "repaired" and dataset in self.labelled)
        if found is None and alike and self._is_mlp(method):
            for other in LITERAL:
                same = self.cells.get((dataset, method, other))
                if same is not None:
                    return Cell(same.runs, (*same.notes, SAME_FOR_MLPS.format(other)))
        return found

    @property
    def readings(self) -> tuple[str, ...]:
        """The readings of Khan-GCL: without or with the SiLU branch, as they were run; repaired; a user's own."""
        found = {reading for _, method, reading in self.cells if not self._is_mlp(method)}
        literal = [reading for reading in LITERAL if reading in found] or LITERAL[:1]
        return (*literal, "repaired", *sorted(found - set(READINGS)))

    def _is_mlp(self, method: str) -> bool:
        return method in MLP_METHODS or any(
            key[1] == method and cell.runs[0].record.encoder != "kan" for key, cell in self.cells.items()
        )

    @property
    def datasets(self) -> list[str]:
        """The data sets that have records, sorted by name."""
        return sorted({dataset for dataset, _, _ in self.cells})


def records_at(
    paths: Iterable[Path], kind: type[AnyDocument], preset: str, experiment: str = ""
) -> Iterator[tuple[Path, AnyDocument]]:
    """The records at `paths`, each once and whatever their order; with `experiment`, those of it alone.

    Raises:
        UserError: a record is corrupt, or belongs to another preset.
    """
    for path in sorted({Path(path) for path in paths}):
        record: Any = kind.read(path)
        if experiment in ("", record.experiment):  # others have their own tables
            check_preset(path, record.preset, preset)
            yield path, record


def gathered(runs: Iterable[tuple[AnyKey, AnyRun]]) -> dict[AnyKey, dict[int, AnyRun]]:
    """What a cell is of -> seed -> run, seeds in order. Raises UserError where two files hold the same run."""
    found: dict[AnyKey, dict[int, AnyRun]] = {}
    for key, run in runs:
        seeds = found.setdefault(key, {})
        if run.seed in seeds:
            raise UserError(f"{seeds[run.seed].path} and {run.path} hold the same run; delete one of them.")
        seeds[run.seed] = run
    return {key: dict(sorted(seeds.items())) for key, seeds in found.items()}


def unlike(runs: Sequence[AnyRun], identity: Callable[[Any], dict[str, str]]) -> tuple[str, ...]:
    """A note where the runs of one cell do not share settings, data or code: their mean then mixes things.

    Args:
        identity: what must agree between their records, as flat text.
    """
    first = identity(runs[0].record)
    keys = sorted({key for run in runs[1:] for key, _ in identity(run.record).items() ^ first.items()})
    return (f"The runs of this cell differ in {', '.join(keys)}.",) if keys else ()


def read(paths: Iterable[Path], preset: str, labelled: Collection[str] = (), experiment: str = "tu") -> Results:
    """Gather the records of an experiment at `paths`, whatever their order.

    Raises:
        UserError: a record is corrupt, belongs to another preset, names an unknown method or reading, has no accuracy,
            or two files hold the same run.
    """
    runs = gathered(_run(*found) for found in records_at(paths, Record, preset, experiment))
    cells = {key: tuple(seeds.values()) for key, seeds in sorted(runs.items())}
    return Results({key: Cell(found, unlike(found, _identity)) for key, found in cells.items()}, frozenset(labelled))


def _run(path: Path, record: Record) -> tuple[tuple[str, str, str], Run]:
    if record.method not in built_in() and record.own_method is None:
        raise foreign(path, f"says method {record.method!r}, which is none of {', '.join(built_in())}")
    if "accuracy" not in record.metrics:
        raise foreign(path, "has no metrics.accuracy")
    accuracy = 100 * record.metrics["accuracy"].value
    if not 0 <= accuracy <= 100:
        raise UserError(f"{path}: metrics.accuracy.value must lie in [0, 1]; delete it and make it again.")
    return (record.dataset, record.method, record.reading), Run(record.seed, accuracy, path, record)


def _label(record: Any) -> str:
    """What a record says that a user's own method is called."""
    return record.own_method.label if record.own_method else record.method


def sources_of(record: Any) -> list[str | Path]:
    """What the digest of a record's pre-training counts beside the stage: its method's file, if it is here."""
    if record.own_method is None:
        return sources(record.method)
    file = Path(record.own_method.file)
    return [file] if file.is_file() else []


def record_paths(folder: Path, kind: str = "tu/*") -> list[Path]:
    """The record files under `folder`, sorted: `tu/<data set>/*.json`, or of another kind (`superpixels/*`, `data`).

    Raises:
        UserError: there is no such folder.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder with records; run the workflow first, or name another folder.")
    return sorted(folder.glob(f"{kind}/*.json"))


def _identity(record: Record) -> dict[str, str]:
    """What must agree between the runs of a cell: everything but the seed, as flat text."""
    flat = {"data.sha256": record.data.sha256, "code.pretrain": record.code.pretrain, "code.probe": record.code.probe}
    return flat | without_seeds(record.settings)


def without_seeds(settings: dict[str, Any]) -> dict[str, str]:
    """Settings as flat text, seeds left out."""
    flat: dict[str, str] = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                if key != "seed":
                    walk(f"{prefix}.{key}", inner)
        else:
            flat[prefix] = repr(value)

    walk("settings", settings)
    return flat
