"""Table 4: the counts of the prepared data sets beside the printed ones, and what the printed "degree" turns out to be.

Reads the descriptions that the data stage writes (records/data/NAME.json): dataset, graphs, mean_nodes, classes (label
-> graphs), node_labels (how many) and `candidates`, the quantities that the printed column could mean (name -> value).
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from kanrepro.report.described import Source
from kanrepro.report.document import Document, Grid, Item, Records, Text
from kanrepro.report.published import Description
from kanrepro.report.wording import NOT_RUN, STAND_IN, relative, short

NOT_PRINTED = "not printed"
TITLE = "Table 4: the data sets"
SIGNS = (
    "Measured: counted in the prepared data sets. `=`: the same number at the printed digits, rounded or cut off; `≠`: "
    "another. The paper calls its last column degree; the candidates below are what it could mean."
)


def rounds(printed: str, value: float) -> bool:
    """Whether `value`, rounded to the printed digits, gives the printed number (a half may go either way)."""
    return -0.5 - 1e-9 <= _units(printed, value) <= 0.5 + 1e-9


def agrees(printed: str, value: float) -> bool:
    """Whether `value`, rounded or cut off at the printed digits, gives the printed number."""
    return rounds(printed, value) or 0 <= _units(printed, value) < 1


def meaning(printed: str, candidates: Mapping[str, float]) -> tuple[list[str], str]:
    """The candidates that give the printed number, and the nearest one by ratio ("" without candidates).

    A candidate that must be cut off to give it counts only where none does by rounding.
    """
    rounded = [name for name, value in candidates.items() if rounds(printed, value)]
    matching = rounded or [name for name, value in candidates.items() if agrees(printed, value)]

    def distance(name: str) -> float:
        value = candidates[name]
        return abs(math.log(value / float(printed))) if value > 0 and float(printed) > 0 else math.inf

    return matching, min(candidates, key=distance, default="")


def _units(printed: str, value: float) -> float:
    """How many units of the last printed digit `value` lies above the printed number."""
    return (value - float(printed)) / 10.0 ** -len(printed.partition(".")[2])


COLUMNS = (
    "dataset", "domain", "graphs_printed", "graphs_measured", "mean_nodes_printed", "mean_nodes_measured",
    "degree_printed", "degree_meaning", "degree_value", "records",
)  # fmt: skip


def document(
    sources: Mapping[str, Source],
    printed: Mapping[str, Description],
    datasets: Sequence[str],
    preset: str,
    base: Path,
    stand_in: bool,
) -> Document:
    """The whole table. `base`: the folder that record paths are written relative to."""
    found = {dataset: sources[dataset] for dataset in datasets if dataset in sources}
    names = tuple(dict.fromkeys(name for source in found.values() for name in source.found.candidates))
    candidates = Grid(
        "What “degree” could mean",
        ("Data set", *(name.replace("_", " ") for name in names)),
        tuple((Item(short(d)), *(_candidate(source, name, base) for name in names)) for d, source in found.items()),
    )
    rows = lines(sources, printed, datasets, base, stand_in)
    counts = _counted(rows) if stand_in else _compared(rows)
    return Document(
        TITLE + (" (stand-in data sets)" if stand_in else ""),
        (
            Text(f"Preset `{preset}`. {STAND_IN if stand_in else SIGNS}"),
            counts,
            candidates,
            Records(
                "Records behind each number",
                tuple((short(d), ((source.path.name, relative(source.path, base)),)) for d, source in found.items()),
            ),
        ),
    )


def _counted(rows: Sequence[Mapping[str, str]]) -> Grid:
    columns = ("graphs_measured", "mean_nodes_measured")
    cells = tuple((Item(short(row["dataset"])), *(_item(row, name) for name in columns)) for row in rows)
    return Grid("Measured", ("Data set", "Graphs", "Nodes a graph"), cells)


def _compared(rows: Sequence[Mapping[str, str]]) -> Grid:
    header = (
        "Data set", "Domain", "Graphs, printed", "measured", "Nodes a graph, printed", "measured", "“Degree”, printed",
        "what gives this number", "its value",
    )  # fmt: skip
    cells = []
    for row in rows:
        same = {
            "graphs_measured": row["graphs_printed"] == row["graphs_measured"],
            "mean_nodes_measured": _same(row["mean_nodes_printed"], row["mean_nodes_measured"]),
            "degree_meaning": not row["degree_meaning"].startswith("none"),
        }
        cells.append((Item(short(row["dataset"])), *(_item(row, name, same.get(name)) for name in COLUMNS[1:-1])))
    return Grid("Printed and measured", header, tuple(cells), heads=2)


def _item(row: Mapping[str, str], column: str, same: bool | None = None) -> Item:
    """A value of a line; `same` says whether it agrees with the printed one beside it (None: nothing to compare)."""
    text = row[column].replace("_", " ") if column == "degree_meaning" else row[column]
    if text in (NOT_RUN, NOT_PRINTED):
        return Item(text, "missing")
    if column in ("mean_nodes_measured", "degree_value") and text != "not defined":
        text = f"{float(text):.3f}"
    records = (row["records"],) if column.endswith(("measured", "meaning", "value")) else ()
    if same is None or row["graphs_printed"] == NOT_PRINTED:
        return Item(text, records=records)
    return Item(f"{text} {'=' if same else '≠'}", "reproduced" if same else "differs", records=records)


def lines(
    sources: Mapping[str, Source],
    printed: Mapping[str, Description],
    datasets: Sequence[str],
    base: Path,
    stand_in: bool,
) -> list[dict[str, str]]:
    """The lines of the CSV, one a data set."""
    found = []
    for dataset in datasets:
        source, row = sources.get(dataset), None if stand_in else printed.get(dataset)
        line = {name: NOT_RUN for name in COLUMNS} | {"dataset": dataset}
        line["domain"] = row.domain if row else NOT_PRINTED
        line["graphs_printed"] = row.graphs if row else NOT_PRINTED
        line["mean_nodes_printed"] = row.mean_nodes if row else NOT_PRINTED
        line["degree_printed"] = row.degree if row else NOT_PRINTED
        if source:
            line["graphs_measured"] = str(source.found.graphs)
            line["mean_nodes_measured"] = f"{source.found.mean_nodes:.4f}"
            line["degree_meaning"], line["degree_value"] = _degree(row, source.found.candidates)
            line["records"] = relative(source.path, base)
        found.append(line)
    return found


def _degree(row: Description | None, candidates: Mapping[str, float]) -> tuple[str, str]:
    if row is None:
        return NOT_PRINTED, NOT_PRINTED
    matching, nearest = meaning(row.degree, candidates)
    if matching:
        return ", ".join(matching), f"{candidates[matching[0]]:.4f}"
    return (f"none; nearest: {nearest}", f"{candidates[nearest]:.4f}") if nearest else ("none", "not defined")


def _candidate(source: Source, name: str, base: Path) -> Item:
    value = source.found.candidates.get(name)
    if value is None:
        return Item("not defined", "missing")
    return Item(f"{value:.3f}", records=(relative(source.path, base),))


def _same(printed: str, measured: str) -> bool:
    return printed != NOT_PRINTED and measured != NOT_RUN and agrees(printed, float(measured))
