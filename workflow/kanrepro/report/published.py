"""The numbers that the papers print (workflow/published/*.csv), kept with the digits that they print.

Columns of tables 1 to 3 and 7: method, citation, dataset (not in 7), mean, std (percent; empty for a dash).
Columns of table 4: dataset, domain, graphs, mean_nodes, mean_degree_as_printed.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from kanrepro.core.errors import UserError
from kanrepro.report.statistics import Summary

FOLDER = Path(__file__).resolve().parents[2] / "published"
RUNS = 5  # "averaged for 5 runs", appendix E.2 of Khan-GCL
TRANSFER_RUNS = 10  # of Table 1, section 5.1

PRINTED_NAME = {
    "REDDIT-BINARY": "RDT-B",
    "REDDIT-MULTI-5K": "RDT-M5K",
    "IMDB-BINARY": "IMDB-B",
    "mnist": "MNIST-superpixel",
    "zinc-2m": "Zinc-2M",
    "bbbp": "BBBP",
    "tox21": "Tox21",
    "toxcast": "ToxCast",
    "sider": "SIDER",
    "clintox": "ClinTox",
    "muv": "MUV",
    "hiv": "HIV",
    "bace": "BACE",
}
CATALOGUE_NAME = {printed: name for name, printed in PRINTED_NAME.items()}

ONE_SET = {"table7": "mnist"}  # tables that are about one data set and do not name it

# the averages of Table 2: over all eight sets, and without the two that TopoGCL lacks
DATASETS = ("DD", "MUTAG", "NCI1", "PROTEINS", "COLLAB", "REDDIT-BINARY", "REDDIT-MULTI-5K", "IMDB-BINARY")
AVERAGES = {"AVG": DATASETS, "AVG6": tuple(d for d in DATASETS if d not in ("COLLAB", "REDDIT-MULTI-5K"))}
MOLECULES = ("bbbp", "tox21", "toxcast", "sider", "clintox", "muv", "hiv", "bace")  # the columns of Table 1


@dataclass(frozen=True)
class Printed:
    """One printed cell in percent: the digits as text, and as numbers; None where the paper prints a dash."""

    mean: str
    std: str
    runs: int = RUNS

    def summary(self) -> Summary | None:
        """The cell as a sample of its runs; None where nothing is printed."""
        return Summary(self.runs, float(self.mean), float(self.std) if self.std else None) if self.mean else None

    def __str__(self) -> str:
        if not self.mean:
            return "not printed"
        return f"{self.mean} ± {self.std}" if self.std else self.mean


NOTHING = Printed("", "")


@dataclass(frozen=True)
class Published:
    """A printed table: its methods in printed order with their citation numbers, and its cells."""

    methods: dict[str, str]  # method -> citation number, or ""
    cells: dict[tuple[str, str], Printed]  # (method, data set's catalogue name or AVG, AVG6)

    def cell(self, method: str | None, dataset: str) -> Printed:
        """The cell, or the empty one where the paper prints none."""
        return self.cells.get((method or "", dataset), NOTHING)


@dataclass(frozen=True)
class Description:
    """A row of Table 4 as printed."""

    domain: str
    graphs: str
    mean_nodes: str
    degree: str


def read_scores(table: str, folder: Path = FOLDER) -> Published:
    """Table 1, 2, 3 or 7 as printed, under the catalogue's data-set names.

    Raises:
        UserError: the file is missing or is not such a table.
    """
    path = folder / f"{table}.csv"
    methods: dict[str, str] = {}
    cells: dict[tuple[str, str], Printed] = {}
    one = ONE_SET.get(table)
    for number, row in _rows(path, ("method", "citation", *([] if one else ["dataset"]), "mean", "std")):
        methods.setdefault(row["method"], row["citation"])
        dataset = one or row["dataset"]
        key = row["method"], CATALOGUE_NAME.get(dataset, dataset)
        if key in cells:
            raise UserError(f"{path}, line {number}: {' '.join(key)} is printed twice; keep one.")
        for value in (row["mean"], row["std"]):
            _number(value, path, number)
        cells[key] = Printed(row["mean"], row["std"], TRANSFER_RUNS if table == "table1" else RUNS)
    return Published(methods, cells)


def read_steps(folder: Path = FOLDER) -> dict[str, tuple[str, str]]:
    """Table 6 as printed: method -> seconds an iteration, hardware.

    Raises:
        UserError: the file is missing or is not such a table.
    """
    path = folder / "table6.csv"
    found = {}
    for number, row in _rows(path, ("method", "seconds_per_iteration", "hardware")):
        _number(row["seconds_per_iteration"], path, number)
        found[row["method"]] = row["seconds_per_iteration"], row["hardware"]
    return found


def read_descriptions(folder: Path = FOLDER) -> dict[str, Description]:
    """Table 4 as printed: catalogue name -> row, in printed order.

    Raises:
        UserError: the file is missing or is not such a table.
    """
    path = folder / "table4.csv"
    found: dict[str, Description] = {}
    for number, row in _rows(path, ("dataset", "domain", "graphs", "mean_nodes", "mean_degree_as_printed")):
        for column in ("graphs", "mean_nodes", "mean_degree_as_printed"):
            _number(row[column], path, number)
        name = CATALOGUE_NAME.get(row["dataset"], row["dataset"])
        found[name] = Description(row["domain"], row["graphs"], row["mean_nodes"], row["mean_degree_as_printed"])
    return found


def _rows(path: Path, columns: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    """The rows of a CSV with their line numbers."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            if tuple(reader.fieldnames or ()) != columns:
                raise UserError(f"{path}: the columns must be {','.join(columns)}; restore the file from git.")
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"cannot read {path} ({error}); it holds the printed numbers, restore it from git.") from None
    for number, row in rows:
        if None in row or None in row.values():
            raise UserError(f"{path}, line {number}: {len(columns)} fields expected; restore the file from git.")
    return rows


def _number(text: str, path: Path, line: int) -> None:
    try:
        float(text or 0)
    except ValueError:
        raise UserError(f"{path}, line {line}: {text!r} is not a number; restore the file from git.") from None
