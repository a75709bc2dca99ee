"""The chain behind a number of tables 2 to 4 and figure 4: data, folds, encoder, settings, code, machine, commands."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from kanrepro.core.errors import UserError, unknown
from kanrepro.core.explain_parts import (
    Question,
    code_state,
    file_state,
    in_turn,
    laid_out,
    made_facts,
    snakemake_command,
)
from kanrepro.core.record import Record
from kanrepro.report import published
from kanrepro.report.inputs import catalogue_name
from kanrepro.report.layout import Layout, Row
from kanrepro.report.results import LABELS, METHODS, Cell, Results, Run, read, record_paths, sources_of
from kanrepro.report.statistics import compare
from kanrepro.report.summary import flatten
from kanrepro.report.wording import NOT_RUN, bound, interval, number, probability, signed
from kanrepro.tu.report import descriptions
from kanrepro.tu.report.inputs import TuInputs
from kanrepro.tu.report.scores import HardNegativesLayout


def explain(asked: Question) -> str:
    """The explanation of a cell as text.

    Raises:
        UserError: an unknown data set, method or reading, with the nearest known one; a corrupt record.
    """
    table, dataset, method, reading, results = asked.table, asked.dataset, asked.method, asked.reading, asked.results
    inputs = TuInputs(results.name, folder=results / "records")
    known = {*published.DATASETS, *inputs.entries, *_folders(inputs)}
    if table == "table4":
        return _describe(inputs, catalogue_name(dataset, known | set(published.read_descriptions())))
    dataset = catalogue_name(dataset, known)
    if method is None:
        raise UserError(f"name a method of {table} as well: {', '.join(_methods(table))}.")
    scores = published.read_scores("table2" if table == "figure4" else table)
    found = _results(inputs, dataset)
    layout = (HardNegativesLayout if table == "table3" else Layout)(found.readings, found.ran)
    further = _further(table, layout, scores.methods)
    ours = {key: LABELS.get(key) or found.ran[key].label for key in (*_methods(table), *further)}
    name = _method(method, ours, scores.methods)
    stand_in = bool(inputs.stand_ins([dataset]))
    if name not in ours:
        printed = published.NOTHING if stand_in else scores.cell(name, dataset)
        return f"{table}, {dataset}, {name}: printed {printed}, quoted by the paper; {NOT_RUN} here."
    rows = _rows(table, name, layout)
    if reading is not None and reading not in rows:
        raise unknown(f"reading of {name} in {table}:", reading, rows)
    lines = [f"{table}, {dataset}, {ours[name]} ({name})"]
    for row in [rows[reading]] if reading else rows.values():
        printed = published.NOTHING if stand_in else scores.cell(row.printed, dataset)
        lines += ["", *_cell(found.cell(dataset, name, row.reading), row.reading, printed, results)]
    return "\n".join(lines)


# names


def _methods(table: str) -> list[str]:
    if table == "table3":
        return ["khan_gcl"]
    return list(METHODS) + ["calibrated_mlp", "calibrated_kan"] if table == "figure4" else list(LABELS)


def _further(table: str, layout: Layout, printed: Mapping[str, str]) -> list[str]:
    """Methods that tables 2 and 3 show where they were run: beside a printed row, and in table 2 without one."""
    beside = [row.method for rows in layout.measured.values() for row in rows if (row.printed or "") in printed]
    shown = {"table2": [*layout.further, *beside], "table3": beside}
    return [name for name in dict.fromkeys(shown.get(table, [])) if name in layout.ran]


def _rows(table: str, method: str, layout: Layout) -> dict[str, Row]:
    """Reading -> the row that the table shows for a method."""
    rows = [*(row for rows in layout.measured.values() for row in rows), *layout.variants, *layout.controls]
    return {row.reading: row for row in rows if row.method == method and (table != "figure4" or row.reading != "own")}


def _method(name: str, ours: Mapping[str, str], printed: Iterable[str]) -> str:
    """A method's key, or the printed name of one that is only printed, from any spelling: khan_gcl, Khan-GCL, RGCL."""
    names = {method.lower(): method for method in printed if method not in Layout(()).measured}
    for key, label in ours.items():
        names |= {key: key, label.lower(): key}
    if name.lower() not in names:
        raise unknown("method", name, set(names.values()))
    return names[name.lower()]


def _folders(inputs: TuInputs) -> set[str]:
    return {path.parent.name for path in inputs.record_files()}


def _results(inputs: TuInputs, dataset: str) -> Results:
    """The records of one data set; the preset is what they say it is."""
    assert inputs.folder is not None
    paths = record_paths(inputs.folder, f"tu/{dataset}")
    preset = Record.read(paths[0]).preset if paths else inputs.preset
    return read(paths, preset, inputs.labelled)


# what is printed


def _cell(cell: Cell | None, reading: str, printed: published.Printed, results: Path) -> list[str]:
    if cell is None:
        return [f"reading {reading}: {NOT_RUN}; printed: {printed}"]
    found = compare(printed.summary(), cell.summary)
    runs = f"{len(cell.runs)} run{'s' if len(cell.runs) != 1 else ''}"
    lines = [f"reading {reading}: {number(cell.summary, 2)} % over {runs}; printed: {printed}"]
    if found.difference is not None:
        test = found.reason or (
            f"90 % interval {interval(found.low, found.high)}, Welch p {probability(found.p)}, "
            f"equivalent within {bound(found.bound)}"
        )
        lines.append(f"  difference {signed(found.difference)}, {test}: {found.verdict}")
    lines += [f"  note: {note}" for note in cell.notes]
    return lines + in_turn(cell.runs, lambda run: flatten(run.record.settings), run_lines, results)


def _describe(inputs: TuInputs, dataset: str) -> str:
    """Table 4: the counts of a data set and what the printed degree is."""
    row = None if inputs.stand_ins([dataset]) else published.read_descriptions().get(dataset)
    source = inputs.described.get(dataset)
    lines = [f"table4, {dataset}"]
    if row:
        lines.append(f"  printed   {row.graphs} graphs, {row.mean_nodes} nodes a graph, “degree” {row.degree}")
    if source is None:
        return "\n".join([*lines, f"  measured  {NOT_RUN}"])
    found = source.found
    lines.append(f"  measured  {found.graphs} graphs, {found.mean_nodes:.4f} nodes a graph ({source.path})")
    matching = descriptions.meaning(row.degree, found.candidates)[0] if row else []
    for name, value in found.candidates.items():
        hit = " <- the printed number" if name in matching else ""
        lines.append(f"  {name.replace('_', ' ')}: {value:.4f}{hit}")
    return "\n".join([*lines, f"  again     {snakemake_command(inputs.preset, str(source.path))}"])


def run_lines(run: Run, settings: Mapping[str, str], again: bool, results: Path) -> list[str]:
    """Everything about one record; `settings`: those that the run before did not have too."""
    record, root = run.record, results.absolute().parent.parent
    folds = " ".join(f"{100 * value:.1f}" for value in record.metrics["accuracy"].folds)
    cost, code = record.cost, [
        code_state("kanrepro.pretraining.pretrain", record.code.pretrain, *sources_of(record)),
        code_state("kanrepro.tu.probe", record.code.probe),
    ]  # fmt: skip
    spent = f"{cost.pretrain_seconds:.1f} s pre-training, {cost.probe_seconds:.1f} s evaluation"
    facts: list[tuple[str, Sequence[str]]] = [
        ("accuracy", [f"{run.score:.2f} %" + (f", folds {folds}" if folds else "")]),
        ("data", [f"{file_state(record.data, root)}, {record.data.graphs} graphs"]),
        ("source", [f"SHA-256 {record.data.source_sha256 or 'unknown'} of what the data was prepared from"]),
        ("folds", [file_state(record.folds, root) if record.folds else "not written"]),
        ("encoder", [file_state(record.checkpoint, root)]),
        *made_facts(record, run.path, settings, again, code, spent),
    ]
    return laid_out(run.path, facts)
