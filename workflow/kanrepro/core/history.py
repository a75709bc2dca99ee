"""The history of a training: a row an epoch, kept as CSV; a cell is empty where a method does not have the quantity."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from kanrepro.core.errors import UserError, foreign
from kanrepro.core.files import atomic

Row = Mapping[str, float | None]


def write_history(path: Path, rows: Iterable[Row], columns: Sequence[str]) -> None:
    """Write the rows, whole or not at all."""
    with atomic(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_history(path: Path, columns: Iterable[str]) -> dict[str, np.ndarray]:
    """Some columns, one value an epoch; NaN: not defined.

    Raises:
        UserError: the file is missing, or is no table with these columns.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        # a cell that is empty is not defined; one that is not there at all makes float() fail
        return {name: np.array([float("nan" if row[name] == "" else row[name]) for row in rows]) for name in columns}
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}.") from None
    except KeyError as error:
        raise foreign(path, f"is not a training history with a column {error.args[0]}") from None
    except (TypeError, ValueError, csv.Error, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not a training history ({error}). It is damaged: make it again.") from None
