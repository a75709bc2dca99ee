"""Epochs of the six methods: seconds, Khan-GCL's cost over GraphCL, and the share that is the encoder's own work."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from clocks import ClockedTraining, settings_for
from harness import Effort, Line, Times, fastest, judged, ratio, side_by_side, threads, words
from sets import Set, chosen

from kanrepro import checkpoint
from kanrepro.methods import METHODS

PAIRS = (("khan_gcl", "graphcl"), ("khan_gcl", "wo_hard_neg"), ("wo_hard_neg", "graphcl"))


def lines(effort: Effort) -> Iterator[Line]:
    """All methods at equal settings (reading `repaired`), on each set."""
    effort = replace(effort, rounds=(1, 2) if effort.quick else (4, 10))
    for data in chosen(effort):
        for count in effort.threads:
            with threads(count):
                yield from _methods(data, effort, count)


def _methods(data: Set, effort: Effort, count: int) -> Iterator[Line]:
    store = data.store()
    trainings = {method: ClockedTraining(store, settings_for(method)) for method in METHODS}
    times = side_by_side({method: training.run_epoch for method, training in trainings.items()}, effort)
    clock = trainings["graphcl"].fastest_epoch()
    yield Line(
        f"the encoder's own forward and backward, share of a graphcl epoch on {data.name}",
        value=100 * clock["encoder"] / clock["epoch"],
        unit="%",
        target=judged(effort, ">= 85"),
        threads=count,
        note=data.note,
    )
    for method, training in trainings.items():
        note = words(_parts(training.fastest_epoch()), data.note)
        yield fastest(f"{method}, an epoch on {data.name}", times, method, "s", threads=count, note=note)
    for over, under in PAIRS:
        name = f"{over} over {under}, a step on {data.name} at equal settings"
        yield ratio(name, times, over, under, threads=count, note=data.note)
    if count == 1:
        yield _saving(data, trainings["khan_gcl"], times["khan_gcl"], effort)


def _parts(clock: dict[str, float]) -> str:
    """How an epoch divides."""
    shares = {part: 100 * clock[part] / clock["epoch"] for part in ("encoder", "views", "optimiser")}
    shares["head, losses and the rest"] = 100 - sum(shares.values())
    return ", ".join(f"{part} {share:.1f} %" for part, share in shares.items())


def _saving(data: Set, training: ClockedTraining, epoch: Times, effort: Effort) -> Line:
    """The state that is written after each epoch."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.safetensors"

        def save() -> None:
            checkpoint.save_state(path, training.state(), {"history": training.history})

        times = side_by_side({"saving": save}, effort)
    note = f"{100 * times['saving'].least / epoch.least:.2g} % of the epoch before it, not counted in it"
    return fastest(
        f"saving the state of khan_gcl on {data.name}", times, "saving", threads=1, note=words(note, data.note)
    )
