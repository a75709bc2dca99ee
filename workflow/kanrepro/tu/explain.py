"""The chain behind a record on a TU set: accuracy, data, folds, encoder, settings, code, machine, commands."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from kanrepro.core.explain_parts import code_state, file_state, laid_out, snakemake_command
from kanrepro.core.former import today
from kanrepro.core.record import Record
from kanrepro.methods.folder import sources
from kanrepro.report.results import Run


def run_lines(run: Run, settings: Mapping[str, str], again: bool, results: Path) -> list[str]:
    """Everything about one record; `settings`: those that the run before did not have too."""
    record, root = run.record, results.absolute().parent.parent
    folds = " ".join(f"{100 * value:.1f}" for value in record.metrics["accuracy"].folds)
    written = [f"{key} = {value}" for key, value in settings.items()] or ["none of its own"]
    code = record.code
    facts: list[tuple[str, Sequence[str]]] = [
        ("accuracy", [f"{run.score:.2f} %" + (f", folds {folds}" if folds else "")]),
        ("data", [f"{file_state(record.data, root)}, {record.data.graphs} graphs"]),
        ("source", [f"SHA-256 {record.data.source_sha256 or 'unknown'} of what the data was prepared from"]),
        ("folds", [file_state(record.folds, root) if record.folds else "not written"]),
        ("encoder", [file_state(record.checkpoint, root)]),
        ("settings", ["as above, but:", *written] if again else written),
        ("seed", [str(record.seed)]),
        (
            "code",
            [
                code_state("kanrepro.pretraining.pretrain", code.pretrain, *sources(record.method)),
                code_state("kanrepro.tu.probe", code.probe),
            ],
        ),
        ("commit", [f"{code.commit or 'unknown'}{', with local changes' if code.dirty else ''}"]),
        ("machine", [f"{record.cost.hardware}; {record.cost.device}"]),
        ("versions", [", ".join(f"{name} {version}" for name, version in sorted(record.versions.items()))]),
        ("cost", [_cost(record)]),
        ("again", [snakemake_command(record.preset, record.checkpoint.path, str(run.path))]),
        ("by hand", [today(command) for command in record.commands]),
    ]
    return laid_out(run.path, facts)


def _cost(record: Record) -> str:
    cost = record.cost
    return (
        f"{cost.pretrain_seconds:.1f} s pre-training, {cost.probe_seconds:.1f} s evaluation, "
        f"{cost.peak_memory_mb:.0f} MB at the peak"
    )
