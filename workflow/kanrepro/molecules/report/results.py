"""Records of transfer learning gathered into cells: (data set, method, reading) -> runs, by each rule for the epoch."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kanrepro.core.errors import foreign
from kanrepro.methods.folder import of
from kanrepro.molecules.record import MeasureRecord, TransferRecord
from kanrepro.report.layout import FINGERPRINT, label_of
from kanrepro.report.results import Cell, Results, Run, gathered, record_paths, records_at, unlike, without_seeds

BEST, LAST = "best epoch", "last epoch"
KNOWN = (*of("variant", "method", "control", family="molecule"), *FINGERPRINT)

TransferRun = Run[TransferRecord]
TransferCell = Cell[TransferRecord]

ONE_READING = "This row is the same in every reading: an MLP has no grid to keep to, a fingerprint no network."


@dataclass(frozen=True)
class TransferResults(Results):
    """All cells by one rule."""

    demo: frozenset[str] = frozenset()  # data sets that are stand-ins, as the records say

    def cell(self, dataset: str, method: str, reading: str) -> Cell | None:
        """The cell; of what has no readings, the one that was run."""
        found = self.cells.get((dataset, method, reading))
        if found is None and reading != "own":
            runs = [(key, cell) for key, cell in self.cells.items() if key[:2] == (dataset, method) and key[2] != "own"]
            if len(runs) == 1 and runs[0][1].runs[0].record.encoder != "kan":
                return Cell(runs[0][1].runs, (*runs[0][1].notes, ONE_READING))
        return found

    def readings_of(self, method: str) -> list[str]:
        """The readings in which a method was run on some set, in the order of tables."""
        found = {reading for _, name, reading in self.cells if name == method}
        first = [reading for reading in ("own", "literal", "repaired", "none") if reading in found]
        return [*first, *sorted(found - set(first))]

    @property
    def readings(self) -> tuple[str, ...]:
        """The readings of methods with a KAN, in the order of tables."""
        found = {reading for (_, _, reading), cell in self.cells.items() if cell.runs[0].record.encoder == "kan"}
        first = [reading for reading in ("literal", "repaired") if reading in found]
        return (*first, *sorted(found - set(first)))


def read(paths: Iterable[Path], preset: str) -> dict[str, TransferResults]:
    """Rule -> the records at `paths` by it, whatever their order.

    Raises:
        UserError: a record is corrupt, belongs to another preset, names an unknown method, or two hold the same run.
    """
    found = list(records_at(paths, TransferRecord, preset, "transfer"))
    for path, record in found:
        if record.method not in KNOWN and record.own_method is None:
            raise foreign(path, f"says method {record.method!r}, which is none of {', '.join(KNOWN)}")
    demo = frozenset(record.dataset for _, record in found if record.demo)
    return {rule: TransferResults(_cells(found, rule), demo=demo) for rule in (BEST, LAST)}


def _cells(records: Iterable[tuple[Path, TransferRecord]], rule: str) -> dict[tuple[str, str, str], TransferCell]:
    runs = gathered(
        ((record.dataset, record.method, record.reading), Run(record.seed, 100 * scores.test, path, record))
        for path, record in records
        if (scores := record.best if rule == BEST else record.last)
    )
    cells = {key: tuple(seeds.values()) for key, seeds in sorted(runs.items())}
    return {key: Cell(found, _notes(found)) for key, found in cells.items()}


def _notes(runs: tuple[TransferRun, ...]) -> tuple[str, ...]:
    """What a reader of the number must know: unlike runs, tasks that do not count."""
    record = runs[0].record
    excluded = record.excluded.get("test", [])
    missing = (
        "Without both classes among the test molecules, and so in no mean: "
        f"{len(excluded)} of {len(record.tasks)} tasks.",
    )
    return unlike(runs, _identity) + (missing if excluded else ())


def _identity(record: TransferRecord) -> dict[str, str]:
    """What must agree between the runs of a cell: everything but the seed, as flat text."""
    flat = {"data.sha256": record.data.sha256, "split": record.split, "code": record.code.digest}
    flat |= {f"settings.{key}": value for key, value in without_seeds(record.settings).items()}
    if record.pretraining:
        flat |= {"pretraining.code": record.pretraining.code, "pretraining.epochs": str(record.pretraining.epochs)}
        flat |= {f"pretraining.{key}": value for key, value in without_seeds(record.pretraining.settings).items()}
    return flat


def read_measures(paths: Iterable[Path], preset: str) -> dict[Path, MeasureRecord]:
    """The records of clocked steps at `paths`, in the order of encoder width. Raises UserError as `read`."""
    found = dict(records_at(paths, MeasureRecord, preset))
    for path, record in found.items():
        for name in record.methods:
            if name.split("/")[0] not in KNOWN:
                raise foreign(path, f"says method {name!r}, which is none of {', '.join(KNOWN)}")
    return dict(sorted(found.items(), key=lambda pair: (pair[1].width, str(pair[0]))))


def transfer_paths(folder: Path) -> list[Path]:
    """The records of transfer learning below `folder`. Raises UserError where there is no such folder."""
    return record_paths(folder, "transfer/*")


def measure_paths(folder: Path) -> list[Path]:
    """The records of clocked steps below `folder`. Raises UserError where there is no such folder."""
    return record_paths(folder, "measure")


def method_label(name: str) -> str:
    """`<method>/<reading>` in words."""
    method, _, reading = name.partition("/")
    return f"{label_of(method)} ({reading})" if reading and reading != "none" else label_of(method)
