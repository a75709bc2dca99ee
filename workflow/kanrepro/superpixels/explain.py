"""The chain behind a number of Table 7: which records, what made them, and whether files and code are still so."""

from pathlib import Path

from kanrepro.core.errors import unknown
from kanrepro.core.explain_parts import Question, code_state, file_state, laid_out, machine_state, snakemake_command
from kanrepro.core.former import today
from kanrepro.report import published
from kanrepro.report.results import Run, sources_of
from kanrepro.report.statistics import compare
from kanrepro.report.summary import flatten
from kanrepro.report.wording import NOT_RUN, number, signed
from kanrepro.superpixels.report.scores import unlike
from kanrepro.superpixels.report.table import DigitInputs, builder


def explain(asked: Question) -> str:
    """The explanation of the cells of a method as text.

    Raises:
        UserError: an unknown data set, method or reading, with the nearest known one; a corrupt record.
    """
    dataset, method, reading, results = asked.dataset, asked.method, asked.reading, asked.results
    made = builder(DigitInputs(results.name, folder=results / "records"), results)
    name = published.CATALOGUE_NAME.get(dataset, dataset)
    if name not in (known := {published.ONE_SET["table7"], *made.results.datasets}):
        raise unknown("data set", dataset, known)
    rows = {(row.method, row.reading): row for row in made.rows}
    methods = {row.label.lower(): row.method for row in rows.values()} | {m: m for m, _ in rows}
    if (method or "").lower() not in methods:
        raise unknown("method of table7:", method or "", {m for m, _ in rows})
    wanted = [row for (m, r), row in rows.items() if m == methods[str(method).lower()] and reading in (None, r)]
    if not wanted:
        raise unknown("reading:", str(reading), {r for m, r in rows if m == methods[str(method).lower()]})
    lines = [f"table7, {name}, {wanted[0].label} ({wanted[0].method})"]
    for row in wanted:
        cell, printed = made.cell(row, name), made.printed(row, name)
        if cell is None:
            lines += ["", f"reading {row.reading}: {NOT_RUN}; printed: {printed}"]
            continue
        found = compare(printed.summary(), cell.summary, unlike=unlike(cell))
        text = f"reading {row.reading}: {number(cell.summary, 2)} % over {len(cell.runs)} runs; printed: {printed}"
        gap = "" if found.difference is None else f"; difference {signed(found.difference)}: {found.verdict}"
        lines += ["", text + gap, *(line for run in cell.runs for line in ["", *_run(run, results)])]
    return "\n".join(lines)


def _run(run: Run, results: Path) -> list[str]:
    record, root = run.record, results.absolute().parent.parent
    told = record.details
    return laid_out(
        run.path,
        [
            ("accuracy", [f"{run.score:.2f} % of {told['tested']} test images, after {told['epochs']} epochs"]),
            ("labels", [f"{told['labelled']} images, validated on {told['validated']}"]),
            ("pretrained", [f"on {told['pretrained_on']} images, seed {told['pretrain_seed']}"]),
            ("data", [f"{file_state(record.data, root)}, {record.data.graphs} graphs"]),
            ("split", [file_state(record.folds, root) if record.folds else "not written"]),
            ("encoder", [file_state(record.checkpoint, root)]),
            ("settings", [f"{key} = {value}" for key, value in flatten(record.settings).items()]),
            (
                "code",
                [
                    code_state("kanrepro.pretraining.pretrain", record.code.pretrain, *sources_of(record)),
                    code_state("kanrepro.superpixels.finetune", record.code.probe),
                ],
            ),
            ("commit", [f"{record.code.commit or 'unknown'}{', with local changes' if record.code.dirty else ''}"]),
            ("machine", [machine_state(record.cost.hardware, record.cost.device)]),
            ("cost", [f"{record.cost.pretrain_seconds:.1f} s pre-training, {record.cost.probe_seconds:.1f} s after"]),
            ("again", [snakemake_command(record.preset, record.checkpoint.path, str(run.path))]),
            ("by hand", [today(command) for command in record.commands]),
        ],
    )
