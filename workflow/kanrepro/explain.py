"""The chain behind a number of a table: data, settings, seed, code, machine, and the command that makes it again.

Reads records below `<results>/records`, and the files that they name in order to say whether these are still the same.
Prints text; accuracies in percent, times in seconds, memory in MB.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from kanrepro.core.errors import UserError, cli, unknown
from kanrepro.core.explain_parts import in_turn, snakemake_command
from kanrepro.core.parser import stage_parser
from kanrepro.core.record import Record
from kanrepro.images import explain as explain_images
from kanrepro.images.variants import SPLITS
from kanrepro.molecules import explain as explain_transfer
from kanrepro.report import published
from kanrepro.report.inputs import Inputs, catalogue_name
from kanrepro.report.layout import Layout, Row
from kanrepro.report.results import LABELS, METHODS, READINGS, Cell, Results, read, record_paths
from kanrepro.report.statistics import compare
from kanrepro.report.summary import flatten
from kanrepro.report.wording import NOT_RUN, bound, interval, number, probability, signed
from kanrepro.studies import explain as explain_sensitivity
from kanrepro.superpixels import explain as explain_digits
from kanrepro.tu.explain import run_lines
from kanrepro.tu.report import descriptions

TABLES = ("table2", "table3", "table4", "figure4")
ALL_TABLES = (
    *explain_transfer.TABLES, *TABLES, *explain_sensitivity.TABLES, *explain_digits.TABLES, *explain_images.TABLES,
)  # fmt: skip


def explain(table: str, dataset: str, method: str | None, reading: str | None, results: Path) -> str:
    """The explanation of a cell as text. `results`: the folder of a preset, such as results/small.

    Raises:
        UserError: an unknown table, data set, method or reading, with the nearest known one; a corrupt record.
    """
    if table not in TABLES:
        raise unknown("table", table, ALL_TABLES)
    inputs = Inputs(results.name, folder=results / "records")
    known = {*published.DATASETS, *inputs.entries, *_folders(inputs)}
    if table == "table4":
        return _describe(inputs, catalogue_name(dataset, known | set(published.read_descriptions())))
    dataset = catalogue_name(dataset, known)
    if method is None:
        raise UserError(f"name a method of {table} as well: {', '.join(_methods(table))}.")
    scores = published.read_scores("table2" if table == "figure4" else table)
    name = _method(method, _methods(table), scores.methods)
    stand_in = bool(inputs.stand_ins([dataset]))
    if name not in LABELS:
        printed = published.NOTHING if stand_in else scores.cell(name, dataset)
        return f"{table}, {dataset}, {name}: printed {printed}, quoted by the paper; {NOT_RUN} here."
    found = _results(inputs, dataset)
    rows = _rows(table, name, Layout(found.readings))
    if reading is not None and reading not in rows:
        raise unknown(f"reading of {name} in {table}:", reading, rows)
    lines = [f"{table}, {dataset}, {LABELS[name]} ({name})"]
    for row in [rows[reading]] if reading else rows.values():
        printed = published.NOTHING if stand_in else scores.cell(row.printed, dataset)
        lines += ["", *_cell(found.cell(dataset, name, row.reading), row.reading, printed, results)]
    return "\n".join(lines)


# names


def _methods(table: str) -> list[str]:
    if table == "table3":
        return ["khan_gcl"]
    return list(METHODS) + ["calibrated_mlp", "calibrated_kan"] if table == "figure4" else list(LABELS)


def _rows(table: str, method: str, layout: Layout) -> dict[str, Row]:
    """Reading -> the row that the table shows for a method."""
    rows = [*(row for rows in layout.measured.values() for row in rows), *layout.variants, *layout.controls]
    return {row.reading: row for row in rows if row.method == method and (table != "figure4" or row.reading != "own")}


def _method(name: str, ours: Iterable[str], printed: Iterable[str]) -> str:
    """A method's key, or the printed name of one that is only printed, from any spelling: khan_gcl, Khan-GCL, RGCL."""
    names = {method.lower(): method for method in printed if method not in Layout(()).measured}
    for key in ours:
        names |= {key: key, LABELS[key].lower(): key}
    if name.lower() not in names:
        raise unknown("method", name, set(names.values()))
    return names[name.lower()]


def _folders(inputs: Inputs) -> set[str]:
    return {path.parent.name for path in inputs.record_files()}


def _results(inputs: Inputs, dataset: str) -> Results:
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


def _describe(inputs: Inputs, dataset: str) -> str:
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


def main(argv: Sequence[str] | None = None) -> None:
    """Explain a number: see `python -m kanrepro.explain --help`."""
    parser = stage_parser(
        "Print the chain from a number of a table to data, settings, seed, code, machine and command.",
        epilog="example: python -m kanrepro.explain table2 MUTAG khan_gcl --reading repaired",
    )
    parser.add_argument("table", help=", ".join(ALL_TABLES))
    parser.add_argument("dataset", help="as in the catalogue or as printed: REDDIT-BINARY or RDT-B")
    parser.add_argument(
        "method",
        nargs="?",
        help="khan_gcl or Khan-GCL, ..., or deq_kan, ...; of figure5 a parameter: epsilon_delta, or epsilon_delta=0.3; "
        "not needed for table4",
    )
    parser.add_argument("--reading", help=f"{', '.join(READINGS)} (default: all that the table shows)")
    parser.add_argument("--split", help=f"of images: {', '.join(SPLITS)} (default: all that have records)")
    parser.add_argument(
        "--results",
        type=Path,
        default=Path("results/small"),
        help="folder of a preset's results (default: %(default)s)",
    )
    arguments = parser.parse_args(argv)
    if arguments.table in explain_images.TABLES:
        print(explain_images.explain(arguments.dataset, arguments.method, arguments.split, arguments.results))
    elif arguments.table in explain_digits.TABLES:
        print(explain_digits.explain(arguments.dataset, arguments.method, arguments.reading, arguments.results))
    elif arguments.table in explain_sensitivity.TABLES:
        print(explain_sensitivity.explain(arguments.dataset, arguments.method, arguments.reading, arguments.results))
    elif arguments.table in explain_transfer.TABLES:
        print(explain_transfer.explain(arguments.dataset, arguments.method, arguments.reading, arguments.results))
    else:
        print(explain(arguments.table, arguments.dataset, arguments.method, arguments.reading, arguments.results))


if __name__ == "__main__":
    cli(main)
