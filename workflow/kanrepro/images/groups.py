"""The file that says which images belong together: patients, tiles or pictures."""

import csv
import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path

from kanrepro.core.errors import UserError, listed
from kanrepro.images.catalog import GroupFile


def read_groups(path: Path, columns: GroupFile) -> dict[tuple[str, str], str]:
    """(last folder, file name) -> group, from a CSV file, plain or gzip.

    Raises:
        UserError: not such a file, or a column is missing.
    """
    try:
        with path.open("rb") as stream:
            packed = stream.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rt", newline="") if packed else path.open(newline="") as text:
            rows = csv.DictReader(text)
            header = rows.fieldnames or []
            folder, image, group = (
                _column(path, header, getattr(columns, part)) for part in ("folder", "image", "group")
            )
            return {
                (row[folder], row[image]): f"{row[folder]}/{row[group]}" if columns.within_folder else row[group]
                for row in rows
            }
    except FileNotFoundError:
        raise UserError(f"{path} does not exist. Fetch it with: python -m kanrepro.images.fetch --help") from None
    except (OSError, EOFError, zlib.error, csv.Error, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not a CSV file ({error}). Delete it and fetch it again.") from error


def _column(path: Path, header: Sequence[str], names: Sequence[str]) -> str:
    for name in names:
        if name in header:
            return name
    raise UserError(f"{path} has no column {' or '.join(names)}; its columns are {listed(header)}.")
