"""Records of Khan-GCL at its default, which are those of Tables 2 and 1, and around it.

A record says by its settings at which point it stands: nothing is taken from the names of files.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kanrepro.core.errors import UserError, foreign
from kanrepro.core.record import Record
from kanrepro.molecules.finetune_settings import FinetuneSettings
from kanrepro.molecules.record import TransferRecord
from kanrepro.pretraining.settings import recorded
from kanrepro.report.results import Run, gathered, record_paths, records_at, without_seeds
from kanrepro.studies.sensitivity_settings import METHOD, PARAMETERS, Point, point_of

VARIED = {f"pretrain.contrast.negatives.{name}" for name in PARAMETERS}


def identity(record: Record | TransferRecord) -> dict[str, str]:
    """What must agree between the runs of a curve, as flat text."""
    flat = without_seeds(_settings(record))
    flat = {key.removeprefix("settings."): value for key, value in flat.items()}
    flat = {key: value for key, value in flat.items() if key not in VARIED} | {"data.sha256": record.data.sha256}
    if isinstance(record, Record):
        return flat | {"code.pretrain": record.code.pretrain, "code.probe": record.code.probe}
    assert record.pretraining is not None
    return flat | {"code.pretrain": record.pretraining.code, "code.finetune": record.code.digest}


def _settings(record: Record | TransferRecord) -> dict[str, Any]:
    """All settings behind a record; what came after it has the default, which is what it did."""
    given = dict(record.settings)
    if isinstance(record, TransferRecord) and record.pretraining:
        given["pretrain"] = record.pretraining.settings
    given["pretrain"] = recorded(given["pretrain"]).model_dump(mode="json")
    if "finetune" in given:
        given["finetune"] = FinetuneSettings.model_validate(given["finetune"]).model_dump(mode="json")
    return given


Gathered = dict[tuple[str, str], dict[Point, dict[int, Run[Any]]]]  # (data set, reading) -> point -> seed -> run


def read(paths: Iterable[Path], kind: type[Record] | type[TransferRecord], preset: str) -> tuple[Gathered, Gathered]:
    """The runs of Khan-GCL at the default, from the tables, and those around it, whatever the order of `paths`.

    Raises:
        UserError: a record is corrupt, belongs to another preset or experiment, or two hold the same run.
    """
    around_and_default: tuple[Gathered, Gathered] = ({}, {})
    runs = gathered(_run(*found) for found in records_at(paths, kind, preset))
    for (dataset, reading, point, default), seeds in runs.items():
        around_and_default[default].setdefault((dataset, reading), {})[point] = seeds
    around, default = around_and_default
    for points in default.values():
        if len(points) > 1:
            first, other = (next(iter(seeds.values())).path for seeds in list(points.values())[:2])
            raise UserError(
                f"{first} and {other} stand at different points, though both are the default; make them again."
            )
    return default, around


def _run(path: Path, record: Record | TransferRecord) -> tuple[tuple[str, str, Point, bool], Run[Any]]:
    """(data set, reading, point, whether it is the default's of the tables) and run of a record."""
    if record.method != METHOD:
        raise UserError(f"{path} is of the method {record.method!r}; Figure 5 is about {METHOD}. Name other records.")
    try:
        point = point_of(recorded(_settings(record)["pretrain"]))
    except (KeyError, ValueError) as error:
        raise UserError(
            f"{path} does not say how it was pre-trained ({type(error).__name__}); make it again."
        ) from None
    if isinstance(record, TransferRecord):
        score = record.best.test
    elif "accuracy" in record.metrics:
        score = record.metrics["accuracy"].value
    else:
        raise foreign(path, "has no metrics.accuracy")
    default = record.experiment != "sensitivity"
    return (record.dataset, record.reading, point, default), Run(record.seed, 100 * score, path, record)


def sensitivity_paths(folder: Path) -> tuple[list[Path], list[Path]]:
    """The records below `folder` that Figure 5 is made of: on TU sets, and of transfer learning.

    Raises:
        UserError: there is no such folder.
    """
    found: list[list[Path]] = []
    for kind, beside in (("tu", "tu"), ("transfer", "transfer")):
        around = [path for path in record_paths(folder, f"sensitivity/{kind}/*/**")]
        sets = sorted({path.relative_to(folder).parts[2] for path in around})
        default = [path for name in sets for path in record_paths(folder, f"{beside}/{name}")]
        found.append([*around, *(path for path in default if path.name.startswith(f"{METHOD}-"))])
    return found[0], found[1]
