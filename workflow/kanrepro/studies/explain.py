"""The chain behind the curves of Figure 5: what was measured at each value, and every record that made it."""

from pathlib import Path
from typing import Any

from kanrepro.core.errors import UserError, unknown
from kanrepro.core.explain_parts import Question, in_turn
from kanrepro.core.record import Record
from kanrepro.molecules.explain import run_lines as transfer_lines
from kanrepro.molecules.explain import settings_of
from kanrepro.molecules.record import TransferRecord
from kanrepro.report.inputs import catalogue_name
from kanrepro.report.results import Run
from kanrepro.report.summary import flatten
from kanrepro.report.wording import number
from kanrepro.studies.report.sensitivity_curves import Target
from kanrepro.studies.report.sensitivity_figure import SensitivityInputs
from kanrepro.studies.report.sensitivity_results import sensitivity_paths
from kanrepro.studies.sensitivity_settings import PARAMETERS
from kanrepro.tu.explain import run_lines


def explain(asked: Question) -> str:
    """What was measured along a parameter, as text.

    The data set is a TU set, or AVG for the average of transfer learning; what stands for a method is one of
    PARAMETERS, or with a value: `epsilon_delta=0.3`.

    Raises:
        UserError: an unknown data set, parameter, value or reading, with the nearest known one; a corrupt record.
    """
    dataset, parameter, reading, results = asked.dataset, asked.method, asked.reading, asked.results
    graphs, molecules = sensitivity_paths(results / "records")
    first = Record.read(graphs[0]) if graphs else TransferRecord.read(molecules[0]) if molecules else None
    preset = first.preset if first else results.name
    inputs = SensitivityInputs(preset, tuple(graphs), tuple(molecules))
    targets = {target.name: target for target in inputs.targets}
    if not targets:
        raise UserError(f"{results / 'records'} holds no records of figure5. Run: snakemake figure5")
    target = targets[catalogue_name(dataset, set(targets))]
    name, _, value = (parameter or "").partition("=")
    if name and name not in target.parameters:
        raise unknown(f"parameter of {target.name} in figure5:", name, target.parameters)
    if reading is not None and reading not in target.readings:
        raise unknown(f"reading of {target.name} in figure5:", reading, target.readings)
    lines = [f"figure5, {target.name}" + (f", the mean over {', '.join(target.sets)}" if len(target.sets) > 1 else "")]
    for varied in [name] if name else target.parameters:
        for shown in [reading] if reading else target.readings:
            lines += _curve(target, shown, varied, value, results)
    return "\n".join(lines)


def _curve(target: Target, reading: str, parameter: str, value: str, results: Path) -> list[str]:
    """A curve's spots; with a `value`, that one alone."""
    i = PARAMETERS.index(parameter)
    spots = {f"{spot.point[i]:g}": spot for spot in target.curve(reading, parameter)}
    if value and value not in spots:
        raise unknown(f"value of {parameter} in figure5:", value, spots)
    lines: list[str] = []
    for at, spot in spots.items():
        if value in ("", at):
            default = " (the default)" if spot.point == target.centre[reading] else ""
            scores = " ".join(f"{score:.2f}" for score in spot.scores.values())
            lines += ["", f"{parameter} = {at}{default}, reading {reading}: {number(spot.summary, 2)} %, runs {scores}"]
            graph = isinstance(spot.runs[0].record, Record)
            lines += in_turn(spot.runs, _settings, run_lines if graph else transfer_lines, results)
    return lines


def _settings(run: Run[Any]) -> dict[str, str]:
    """All settings behind a run, as flat text."""
    return flatten(run.record.settings) if isinstance(run.record, Record) else settings_of(run.record)
