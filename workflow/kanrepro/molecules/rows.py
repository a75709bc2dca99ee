"""Rows of a molecule set, streamed from its files: SMILES and labels, whatever the files look like."""

import csv
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import NamedTuple, TextIO

import numpy as np
from numpy.typing import NDArray

from kanrepro.core.errors import UserError, listed, shown
from kanrepro.core.files import sha256
from kanrepro.core.rdkit_files import numbered
from kanrepro.molecules.catalog import MoleculeEntry, MoleculeFile

LABELS = {"1": 1, "1.0": 1, "0": -1, "0.0": -1, "": 0}  # cell -> label; 0 is a missing one (as in Hu et al.)

Labels = NDArray[np.int8]


class Row(NamedTuple):
    """One row: SMILES as written, (T,) int8 labels, and where it stands."""

    smiles: str
    labels: Labels
    file: str
    line: int


class Rows(NamedTuple):
    """What a set's files hold.

    Attributes:
        tasks: T names of labels.
        rows: all rows, in order; can be gone through once.
        digests: SHA-256 of each file, by its name.
    """

    tasks: list[str]
    rows: Iterator[Row]
    digests: dict[str, str]


def read(entry: MoleculeEntry, sources: Sequence[Path]) -> Rows:
    """The rows of a set.

    Args:
        entry: what the catalogue says.
        sources: its files, in the order of `entry.files`; none for sets out of RDKit.

    Raises:
        UserError: naming file, line and column: a file is missing or damaged, a column is missing, a row is too short,
            a label is none of 1, 0 and empty. The rows raise it while they are gone through.
    """
    if entry.rdkit:
        return _from_rdkit(entry)
    if len(sources) != len(entry.files):
        raise UserError(
            f"{entry.name} has {len(entry.files)} files in the catalogue, but --source names {len(sources)}. "
            "Fetch them with: python -m kanrepro.molecules.fetch --help"
        )
    pairs = list(zip(entry.files, sources, strict=True))
    tasks = _other_columns(*pairs[0]) if entry.tasks == "others" else list(entry.tasks)
    rows = chain.from_iterable(_rows(file, path, tasks) for file, path in pairs)
    return Rows(tasks, rows, {f"{path.name}": _sha256(path) for path in sources})


def _from_rdkit(entry: MoleculeEntry) -> Rows:
    """The demo sets; those of ChEMBL are active (1) above the median of their activities."""
    rows, digest = numbered({"nci": "NCI-TPSA", "chembl": "CHEMBL-ACT"}[entry.rdkit or ""])
    median = np.median([value for _, value in rows])
    tasks = list(entry.tasks)
    made = (
        Row(smiles, np.array([1 if value > median else -1] * len(tasks), np.int8), "RDKit", number + 1)
        for number, (smiles, value) in enumerate(rows)
    )
    return Rows(tasks, made, {"RDKit": digest})


def _rows(file: MoleculeFile, path: Path, tasks: Sequence[str]) -> Iterator[Row]:
    with _text(file, path) as stream:
        if file.format == "smi":
            for number, line in enumerate(stream, start=1):
                if words := line.split():
                    yield Row(words[0], np.empty(0, np.int8), path.name, number)
            return
        lines = csv.reader(stream)
        header = _header(lines, path)
        smiles = _column(header, file.smiles, path)
        columns = [_column(header, task, path) for task in tasks]
        for cells in lines:
            if not cells:
                continue
            if len(cells) != len(header):
                raise UserError(
                    f"{path}, line {lines.line_num}: {len(cells)} cells, but the header names {len(header)} columns."
                )
            try:
                labels = [LABELS[cells[column]] for column in columns]
            except KeyError:
                labels = [_label(cells[column], header[column], path, lines.line_num) for column in columns]
            yield Row(cells[smiles].strip(), np.array(labels, np.int8), path.name, lines.line_num)


def _label(cell: str, column: str, path: Path, line: int) -> int:
    """A label in an unusual spelling, ` 1` or `1.00` for instance."""
    try:
        return {1.0: 1, 0.0: -1}[float(cell)] if cell.strip() else 0
    except (ValueError, KeyError):
        raise UserError(
            f"{path}, line {line}, column {shown(column)}: {shown(cell)} is no label. Labels are 1, 0, or empty "
            "where they are not known."
        ) from None


def _header(lines: Iterator[list[str]], path: Path) -> list[str]:
    header = next(lines, None)
    if not header:
        raise UserError(f"{path} is empty. It must begin with a line that names its columns.")
    return header


def _column(header: Sequence[str], name: str, path: Path) -> int:
    if header.count(name) != 1:
        found = "several columns" if name in header else "no column"
        raise UserError(
            f"{path}, line 1: {found} {name!r}. Its columns are {listed(header)}. Correct `smiles` or "
            "`tasks` in the catalogue."
        )
    return header.index(name)


def _other_columns(file: MoleculeFile, path: Path) -> list[str]:
    """All columns but that of the SMILES."""
    with _text(file, path) as stream:
        header = _header(csv.reader(stream), path)
    _column(header, file.smiles, path)
    return [name for name in header if name != file.smiles]


@contextmanager
def _text(file: MoleculeFile, path: Path) -> Iterator[TextIO]:
    """The text of a file, of a gzip file, or of either inside a zip archive."""
    try:
        with path.open("rb") as stream:
            if file.member is None:
                yield _unpacked(io.BufferedReader(stream))
                return
            with zipfile.ZipFile(stream) as archive:
                if file.member not in archive.namelist():
                    raise UserError(f"{path} has no member {file.member}. Correct `member` in the catalogue.")
                with archive.open(file.member) as member:
                    yield _unpacked(io.BufferedReader(member))  # pyright: ignore[reportArgumentType]
    except FileNotFoundError:
        raise _missing(path) from None
    except (OSError, EOFError, zlib.error, csv.Error, UnicodeDecodeError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is damaged, or no file of this kind ({error}). Fetch it again.") from error


def _unpacked(stream: io.BufferedReader) -> TextIO:
    packed = stream.peek(2)[:2] == b"\x1f\x8b"
    return io.TextIOWrapper(gzip.GzipFile(fileobj=stream) if packed else stream, encoding="utf-8-sig", newline="")


def _sha256(path: Path) -> str:
    if not path.exists():
        raise _missing(path)
    return sha256(path)


def _missing(path: Path) -> UserError:
    return UserError(f"{path} does not exist. Fetch it with: python -m kanrepro.molecules.fetch --help")
