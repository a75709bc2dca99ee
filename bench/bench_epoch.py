"""Epochs of the six methods: seconds, Khan-GCL's cost over GraphCL, and the share that is the encoder's own work."""

import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from clocks import ClockedTraining, settings_for
from harness import Effort, Line, Times, fastest, judged, ratio, side_by_side, threads, words
from sets import Set, chosen

from kanrepro.contrast.loss import nt_xent
from kanrepro.core import resume
from kanrepro.methods.folder import of
from kanrepro.pretraining.training import Training
from kanrepro.store.store import GraphStore

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
    trainings = {method: ClockedTraining(store, settings_for(method)) for method in of("variant")}
    times = side_by_side({method: training.run_epoch for method, training in trainings.items()}, effort)
    clock = trainings["graphcl"].fastest_epoch()
    yield Line(
        f"the encoder's own forward and backward, share of a graphcl epoch on {data.name}",
        value=100 * clock["encoder"] / clock["epoch"],
        unit="%",
        target=judged(effort, ">= 85"),
        threads=count,
        note=words(_ceiling(store, clock), data.note),
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


def _ceiling(store: GraphStore, clock: dict[str, float]) -> str:
    """What the share would be if views, batching and bookkeeping cost nothing, and why it cannot be that.

    Head, loss and Adam are a hundred short calls on small tensors. Repeated alone they find all that they touch in the
    caches; in an epoch the encoder has been there before them, at every step.
    """
    training = Training(store, settings_for("graphcl"), seed=0, device="cpu")
    training.run_epoch()  # for gradients that the optimiser can apply
    model, contrast = training.model, training.settings.contrast
    z = torch.randn(2 * training.settings.optimiser.batch_size, model.encoder.out_features, requires_grad=True)
    taken: list[float] = []
    for _ in range(50):
        begun = time.perf_counter()
        v1, v2 = model.head(z).chunk(2)
        nt_xent(v1, v2, contrast.temperature).backward()
        training.optimisers[0].step()
        taken.append(time.perf_counter() - begun)
    bare = min(taken) * clock["steps"]
    beside = clock["epoch"] - clock["views"] - clock["encoder"]
    free, without_views = (100 * clock["encoder"] / (clock["encoder"] + rest) for rest in (bare, beside))
    return (
        f"{without_views:.1f} % if views and batching were free: head, loss, Adam and bookkeeping take "
        f"{1e3 * beside / clock['steps']:.2g} ms of a step of {1e3 * clock['epoch'] / clock['steps']:.2g} ms; "
        f"{free:.1f} % if these took what head, loss and Adam take alone with warm caches, {1e3 * min(taken):.2g} ms"
    )


def _saving(data: Set, training: ClockedTraining, epoch: Times, effort: Effort) -> Line:
    """The state that is written after each epoch."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.safetensors"

        def save() -> None:
            resume.save(training, path, {})

        times = side_by_side({"saving": save}, effort)
    note = f"{100 * times['saving'].least / epoch.least:.2g} % of the epoch before it, not counted in it"
    return fastest(
        f"saving the state of khan_gcl on {data.name}", times, "saving", threads=1, note=words(note, data.note)
    )
