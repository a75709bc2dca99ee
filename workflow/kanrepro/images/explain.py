"""The chain behind the numbers of an image classifier: data, split, settings, seed, code, machine, and the commands."""

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
from kanrepro.images.record import Equilibrium, ImageRecord, Score
from kanrepro.images.report.results import ImageCell, ImageRun, image_paths, read
from kanrepro.images.variants import IMAGE_MODELS, LABELS, SPLITS
from kanrepro.report.summary import flatten


def explain(asked: Question) -> str:
    """Every record behind a model's numbers on a data set, as text; they serve all tables and figures alike.

    `split` among what more is asked is one of SPLITS, or None for all that have records.

    Raises:
        UserError: an unknown data set, model or split, with the nearest known one; a corrupt record.
    """
    dataset, model, split, results = asked.dataset, asked.method, asked.more.get("split"), asked.results
    if model is None:
        raise UserError(f"name a model as well: {', '.join(IMAGE_MODELS)}.")
    if model not in IMAGE_MODELS:
        raise unknown("model", model, IMAGE_MODELS)
    if split is not None and split not in SPLITS:
        raise unknown("split", split, SPLITS)
    paths = image_paths(results / "records")
    if not paths:
        raise UserError(f"{results / 'records'} holds no record of images; run the workflow first.")
    found = read(paths, ImageRecord.read(paths[0]).preset)
    datasets = {key.dataset for key in found.cells}
    if dataset not in datasets:
        raise unknown("image set with records:", dataset, datasets)
    lines = [f"images, {dataset}, {LABELS[model]} ({model})"]
    cells = {key.split: cell for key, cell in found.cells.items() if (key.dataset, key.model) == (dataset, model)}
    for name in [split] if split else [name for name in SPLITS if name in cells]:
        lines += ["", *_cell(name, cells.get(name), results)]
    return "\n".join(lines if len(lines) > 1 else [*lines, "not run"])


def _cell(split: str, cell: ImageCell | None, results: Path) -> list[str]:
    if cell is None:
        return [f"split {split}: not run"]
    runs = f"{len(cell.runs)} run{'s' if len(cell.runs) != 1 else ''}"
    lines = [f"split {split}: {runs}", *(f"  note: {note}" for note in cell.notes)]
    return lines + in_turn(cell.runs, lambda run: flatten(run.record.settings), _run, results)


def _run(run: ImageRun, settings: Mapping[str, str], again: bool, results: Path) -> list[str]:
    """Everything about one record; `settings`: those that the run before did not have too."""
    record, root = run.record, results.absolute().parent.parent
    written = [f"{key} = {value}" for key, value in settings.items()] or ["none of its own"]
    scores = [f"{name} {_score(score)}" for name, score in record.metrics.items()]
    cost, history = record.cost, record.history
    return laid_out(
        run.path,
        [
            ("scores", scores),
            ("solver", [_health(record.equilibrium)]),
            ("data", [f"{file_state(record.data, root)}, {record.data.images} images"]),
            ("source", [f"SHA-256 {record.data.source_sha256 or 'unknown'} of what the data was prepared from"]),
            ("split", [file_state(record.split_file, root)]),
            ("weights", [f"{file_state(record.checkpoint, root)}, epoch {history.best_epoch} of {history.epochs}"]),
            ("settings", ["as above, but:", *written] if again else written),
            ("seed", [str(record.seed)]),
            (
                "code",
                [
                    code_state("kanrepro.images.classify", record.code.classify),
                    code_state("kanrepro.images.assess", record.code.assess),
                ],
            ),
            ("commit", [f"{record.code.commit or 'unknown'}{', with local changes' if record.code.dirty else ''}"]),
            ("machine", [machine_state(cost.hardware, cost.device)]),
            ("versions", [", ".join(f"{name} {version}" for name, version in sorted(record.versions.items()))]),
            (
                "cost",
                [
                    f"{cost.train_seconds:.1f} s training, {cost.assess_seconds:.1f} s assessment, "
                    f"{cost.peak_memory_mb:.0f} MB at the peak"
                ],
            ),
            ("again", [snakemake_command(record.preset, record.checkpoint.path, str(run.path))]),
            ("by hand", [today(command) for command in record.commands]),
        ],
    )


def _score(score: Score) -> str:
    if score.value is None:
        return "not defined"
    ends = "" if score.low is None or score.high is None else f" ({score.low:.4f} to {score.high:.4f})"
    return f"{score.value:.4f}{ends}"


def _health(found: Equilibrium | None) -> str:
    return f"{found.steps_mean:.1f} steps, {100 * found.converged:.1f} % converged" if found else "none"
