"""Image records gathered into cells: (data set, split, model) -> the runs that measured it, in order of their seeds."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from kanrepro.core.errors import UserError, foreign
from kanrepro.images.record import ImageRecord
from kanrepro.images.report.quantities import Quantity
from kanrepro.images.variants import IMAGE_MODELS, SPLITS
from kanrepro.report.results import gathered, record_paths, records_at, unlike
from kanrepro.report.statistics import Summary
from kanrepro.report.summary import flatten

KIND = "images/*/*"  # where records lie below a folder of records


class Key(NamedTuple):
    """What a cell is of."""

    dataset: str
    split: str
    model: str


@dataclass(frozen=True)
class ImageRun:
    """One record and where it lies."""

    seed: int
    path: Path
    record: ImageRecord


@dataclass(frozen=True)
class ImageCell:
    """The runs of one model on one split, never none; `notes` says what a reader of the numbers must know."""

    runs: tuple[ImageRun, ...]
    notes: tuple[str, ...] = ()

    def by_seed(self, quantity: Quantity) -> dict[int, float]:
        """Seed -> value, of the runs in which the quantity is defined."""
        values = ((run.seed, quantity.of(run.record)) for run in self.runs)
        return {seed: value for seed, value in values if value is not None}

    def summary(self, quantity: Quantity) -> Summary | None:
        """Mean and standard deviation over the seeds; None where the quantity is defined in no run."""
        values = self.by_seed(quantity)
        return Summary.of(values.values()) if values else None

    def ends(self, quantity: Quantity) -> tuple[float, float] | None:
        """The bootstrap interval of one run: its ends, each a mean over the runs that have them."""
        found = [ends for run in self.runs if (ends := quantity.ends(run.record))]
        if not found:
            return None
        low, high = (math.fsum(side) / len(found) for side in zip(*found, strict=True))
        return low, high

    @property
    def records(self) -> list[ImageRecord]:
        return [run.record for run in self.runs]

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(run.path for run in self.runs)


@dataclass(frozen=True)
class ImageResults:
    """All cells of a preset."""

    cells: Mapping[Key, ImageCell]

    def cell(self, dataset: str, split: str, model: str) -> ImageCell | None:
        """The cell, or None where nothing was run."""
        return self.cells.get(Key(dataset, split, model))

    @property
    def records(self) -> list[ImageRecord]:
        """All records, by data set, split, model and seed."""
        return [record for cell in self.cells.values() for record in cell.records]

    @property
    def datasets(self) -> list[str]:
        """The data sets that have records, sorted by name."""
        return sorted({key.dataset for key in self.cells})

    def splits(self, dataset: str) -> list[str]:
        """The splits of a data set that have records, in the order of image_models."""
        found = {key.split for key in self.cells if key.dataset == dataset}
        return [split for split in SPLITS if split in found]

    def models(self, dataset: str, split: str) -> list[str]:
        """The models that have records there, in the order of image_models."""
        return [model for model in IMAGE_MODELS if Key(dataset, split, model) in self.cells]

    def title(self, dataset: str) -> str:
        """The data set as titles say it."""
        return f"{dataset} (stand-in)" if dataset in self.demo else dataset

    @cached_property
    def demo(self) -> frozenset[str]:
        """The data sets that are stand-ins."""
        return frozenset(record.dataset for record in self.records if record.demo)


def read(paths: Iterable[Path], preset: str) -> ImageResults:
    """Gather the image records at `paths`, whatever their order.

    Raises:
        UserError: a file is no image record or corrupt, belongs to another preset, names an unknown model or split,
            two hold the same run, or the records of a data set disagree on its classes.
    """
    first: dict[str, ImageRun] = {}  # of each data set

    def checked(path: Path, record: ImageRecord) -> tuple[Key, ImageRun]:
        _check(path, record)
        run = ImageRun(record.seed, path, record)
        other = first.setdefault(record.dataset, run)
        if (record.classes, record.demo) != (other.record.classes, other.record.demo):
            raise UserError(
                f"{other.path} and {path} disagree on the classes of {record.dataset} or on whether it is a stand-in; "
                "a table holds one of them: move the others to a folder of their own."
            )
        return Key(record.dataset, record.split, record.model), run

    runs = gathered(checked(*found) for found in records_at(paths, ImageRecord, preset))
    order = {model: place for place, model in enumerate(IMAGE_MODELS)}
    keys = sorted(runs, key=lambda key: (key.dataset, SPLITS.index(key.split), order[key.model]))
    cells = {key: tuple(runs[key].values()) for key in keys}
    return ImageResults({key: ImageCell(found, unlike(found, _identity)) for key, found in cells.items()})


def image_paths(folder: Path) -> list[Path]:
    """The record files `images/<data set>/<split>/*.json` below `folder`, sorted. Raises UserError without folder."""
    return record_paths(folder, KIND)


def _check(path: Path, record: ImageRecord) -> None:
    """Raise UserError where a record contradicts itself or names what is not known."""
    for kind, name, known in (("model", record.model, IMAGE_MODELS), ("split", record.split, SPLITS)):
        if name not in known:
            raise foreign(path, f"says {kind} {name!r}, which is none of {', '.join(known)}")
    classes = len(record.classes)
    if [len(row) for row in record.confusion] != [classes] * classes:
        raise UserError(f"{path}: confusion is not of {classes} by {classes} classes; delete it and make it again.")
    lengths = {len(record.test.index), len(record.test.y), len(record.test.p)}
    if len(lengths) > 1 or any(len(row) != classes for row in record.test.p):
        raise UserError(f"{path}: test holds lists of unlike lengths; delete it and make it again.")
    if not set(record.test.y) <= set(range(classes)):
        raise UserError(f"{path}: test.y names a class that it does not have; delete it and make it again.")


def _identity(record: ImageRecord) -> dict[str, str]:
    """What must agree between the runs of a cell: everything but the seed, as flat text."""
    code = {"code.classify": record.code.classify, "code.assess": record.code.assess}
    settings = flatten(record.settings, "settings.")
    return {"data.sha256": record.data.sha256, "size": str(record.size), **code} | {
        key: value for key, value in settings.items() if not key.endswith(".seed")
    }
