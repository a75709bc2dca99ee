"""The chain behind the numbers of transfer learning: set, split, encoder, settings, seed, code, machine, commands."""

from collections.abc import Mapping
from pathlib import Path

from kanrepro.core.errors import UserError, unknown
from kanrepro.core.explain_parts import (
    Question,
    code_state,
    file_state,
    in_turn,
    laid_out,
    machine_state,
    snakemake_command,
)
from kanrepro.core.former import today
from kanrepro.molecules.record import TaskScores, TransferRecord
from kanrepro.molecules.report.results import BEST, KNOWN, LAST, TransferCell, TransferRun, read, transfer_paths
from kanrepro.molecules.report.scores import BESIDE, unlike
from kanrepro.report import published
from kanrepro.report.inputs import catalogue_name
from kanrepro.report.layout import label_of
from kanrepro.report.results import sources_of
from kanrepro.report.statistics import compare
from kanrepro.report.summary import flatten
from kanrepro.report.wording import NOT_RUN, bound, interval, number, probability, signed


def explain(asked: Question) -> str:
    """Every record behind a method's numbers on a data set, by both rules, as text.

    The method is one of ours, or as printed; the reading one of those that were run.

    Raises:
        UserError: an unknown data set, method or reading, with the nearest known one; a corrupt record.
    """
    dataset, method, reading, results = asked.dataset, asked.method, asked.reading, asked.results
    scores = published.read_scores("table1")
    if method is None:
        raise UserError(f"name a method of table1 as well: {', '.join(KNOWN)}.")
    paths = [path for path in transfer_paths(results / "records")]
    preset = TransferRecord.read(paths[0]).preset if paths else results.name
    found = read(paths, preset)
    labels = {key: label_of(key) for key in KNOWN} | {key: ran.label for key, ran in found[BEST].ran.items()}
    name = _method(method, labels, scores.methods)
    dataset = catalogue_name(dataset, {*published.MOLECULES, *found[BEST].datasets})
    stand_in = dataset in found[BEST].demo
    if name not in labels:
        printed = published.NOTHING if stand_in else scores.cell(name, dataset)
        return f"table1, {dataset}, {name}: printed {printed}, quoted by the paper; {NOT_RUN} here."
    beside = next((printed for printed, ours in BESIDE.items() if ours == name), None)
    printed = published.NOTHING if stand_in else scores.cell(beside, dataset)
    readings = [key[2] for key in found[BEST].cells if key[:2] == (dataset, name)]
    if reading is not None and reading not in readings:
        raise unknown(f"reading of {name} in table1:", reading, readings)
    lines = [f"table1, {dataset}, {labels[name]} ({name})"]
    for shown in [reading] if reading else readings:
        cells = {rule: found[rule].cells.get((dataset, name, shown)) for rule in (BEST, LAST)}
        lines += ["", *_cells(cells, shown, printed, results)]
    return "\n".join(lines if readings else [*lines, f"{NOT_RUN}; printed: {printed}"])


def _method(given: str, ours: Mapping[str, str], printed: Mapping[str, str]) -> str:
    """A method's key, or the printed name of one that is only printed, from any spelling."""
    names = {method.lower(): BESIDE.get(method, method) for method in printed}
    for key, label in ours.items():
        names |= {key: key, label.lower(): key}
    if given.lower() not in names:
        raise unknown("method", given, set(names.values()))
    return names[given.lower()]


def _cells(
    cells: Mapping[str, TransferCell | None], reading: str, printed: published.Printed, results: Path
) -> list[str]:
    lines = [f"reading {reading}; printed: {printed}"]
    for rule, cell in cells.items():
        if cell is None:
            continue
        found = compare(printed.summary(), cell.summary, unlike=unlike(cell))
        runs = f"{len(cell.runs)} run{'s' if len(cell.runs) != 1 else ''}"
        lines.append(f"  {rule}: ROC-AUC {number(cell.summary, 2)} % over {runs}")
        if found.difference is not None:
            test = found.reason or (
                f"90 % interval {interval(found.low, found.high)}, Welch p {probability(found.p)}, "
                f"equivalent within {bound(found.bound)}"
            )
            lines.append(f"    difference {signed(found.difference)}, {test}: {found.verdict}")
    best = cells[BEST]
    assert best is not None
    lines += [f"  note: {note}" for note in best.notes]
    return lines + in_turn(best.runs, lambda run: settings_of(run.record), run_lines, results)


def settings_of(record: TransferRecord) -> dict[str, str]:
    """All settings behind a record, as flat text."""
    pretraining = {"pretrain": record.pretraining.settings} if record.pretraining else {}
    return flatten({**record.settings, **pretraining})


def run_lines(run: TransferRun, settings: Mapping[str, str], again: bool, results: Path) -> list[str]:
    """Everything about one record; `settings`: those that the run before did not have too."""
    record, root = run.record, results.absolute().parent.parent
    written = [f"{key} = {value}" for key, value in settings.items()] or ["none of its own"]
    scores = [_scores("best epoch" if record.last else "score", record.best)]
    scores += [_scores("last epoch", record.last)] if record.last else []
    left_out = [f"{part}: {', '.join(tasks)}" for part, tasks in record.excluded.items() if tasks]
    trained, encoder = record.pretraining, record.checkpoint
    code = [code_state(f"kanrepro.molecules.{record.code.stage}", record.code.digest)]
    if trained:
        code.append(code_state("kanrepro.pretraining.pretrain", trained.code, *sources_of(record)))
    return laid_out(
        run.path,
        [
            ("scores", scores),
            ("tasks", [f"{len(record.tasks)}; with one class only in {'; '.join(left_out) or 'no part'}"]),
            ("data", [f"{file_state(record.data, root)}, {record.data.molecules} molecules"]),
            ("source", [f"SHA-256 {record.data.source_sha256 or 'unknown'} of what the data was prepared from"]),
            ("split", [f"{record.split}, {file_state(record.split_file, root)}"]),
            ("encoder", [file_state(encoder, root) if encoder else "none"]),
            ("trained", [_trained(record)]),
            ("settings", ["as above, but:", *written] if again else written),
            ("seed", [str(record.seed)]),
            ("code", code),
            ("commit", [f"{record.code.commit or 'unknown'}{', with local changes' if record.code.dirty else ''}"]),
            ("machine", [machine_state(record.cost.hardware, record.cost.device)]),
            ("versions", [", ".join(f"{name} {version}" for name, version in sorted(record.versions.items()))]),
            ("cost", [f"{record.cost.seconds:.1f} s, {record.cost.peak_memory_mb:.0f} MB at the peak"]),
            ("again", [snakemake_command(record.preset, *([encoder.path] if encoder else []), str(run.path))]),
            ("by hand", [today(command) for command in record.commands]),
        ],
    )


def _scores(name: str, scores: TaskScores) -> str:
    epoch = f" {scores.epoch}" if scores.epoch else ""
    tasks = " ".join("-" if task is None else f"{100 * task:.1f}" for task in scores.test_tasks)
    return f"{name}{epoch}: test {100 * scores.test:.2f} %, validation {100 * scores.validation:.2f} %; tasks {tasks}"


def _trained(record: TransferRecord) -> str:
    found = record.pretraining
    if not found:
        return "no network"
    if not found.epochs:
        return f"not at all: as initialised with seed {found.seed}"
    seen = f"{found.molecules} molecules of {found.dataset}"
    return f"{found.epochs} epochs on {seen}, seed {found.seed}, {found.seconds:.1f} s"
