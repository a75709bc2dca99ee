"""Equilibria: memory against steps, what looking back saves, seconds of a solve, implicit beside unrolled training.

The head is DEQ-KAN's repaired form with its default settings, 128 wide but where memory is measured, at its initial
weights, on inputs u ~ N(0, 1).
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from harness import Effort, Line, fastest, judged, not_measured, ratio, side_by_side, threads
from torch import Tensor

from kanrepro.core.errors import UserError
from kanrepro.images import memory
from kanrepro.models.classifier_settings import HeadSettings
from kanrepro.models.deq import EquilibriumHead
from kanrepro.models.equilibrium import Health, Solver

STEPS = (5, 25, 100)
WIDTH, MEMORY_BATCH = 512, 256
TOLERANCE = 1e-4
SAMPLES, LIMIT = 64, 400  # of the comparison of steps
STEEP = 0.15  # standard deviation of coefficients: about where the plain iteration begins to fail
DAMPINGS = {1.0: "plain iteration", 0.5: "README's damping", 0.1: "its code's damping"}
BATCH = 16  # its code


def lines(effort: Effort) -> Iterator[Line]:
    """Memory, steps, seconds."""
    yield from _memory(effort)
    with threads(1):
        yield from _steps(None, effort)
        yield from _steps(STEEP, effort)
        yield from _seconds(effort)


def _memory(effort: Effort) -> Iterator[Line]:
    """Peak of one training step of the head, a fresh process each, and how far apart they lie."""
    steps, width, batch = ((2, 4), 16, 8) if effort.quick else (STEPS, WIDTH, MEMORY_BATCH)
    counts = ", ".join(map(str, steps))
    for gradient in memory.KINDS:
        try:
            points = [memory.point(gradient, each, width, batch, "cpu", 1) for each in steps]
        except UserError as error:
            yield not_measured(f"peak memory of an {gradient} solve", str(error))
            continue
        peaks = [point["peak_mb"] for point in points]
        above = [point["peak_mb"] - point["base_mb"] for point in points]
        for count, peak, own in zip(steps, peaks, above, strict=True):
            note = f"{own:.0f} MB of it for the step itself, batch {batch}, width {width}"
            yield Line(f"peak memory, {gradient}, {count} steps", peak, "MB", threads=1, note=note)
        target = judged(effort, "<= 1.05") if gradient == "implicit" else None
        for what, values in (("peak memory", peaks), ("memory of the step itself", above)):
            name = f"{what}, {gradient}, largest over smallest of {counts} steps"
            yield Line(name, max(values) / min(values), "x", target, threads=1)


def _steps(scale: float | None, effort: Effort) -> Iterator[Line]:
    """Anderson's and Broyden's steps, as a share of those of the damped iteration; means over samples.

    The target is about the dampings that DEQ-KAN names. Undamped, a map that contracts fast leaves nothing to gain.
    """
    head, u = _head("equilibrium", scale), _inputs(8 if effort.quick else SAMPLES)
    weights = "initial map" if scale is None else f"map with coefficients of {scale}"

    def solve(kind: str, damping: float) -> Health:
        function = head.eval().bind(u)
        return Solver(kind, TOLERANCE, LIMIT, damping, memory=5)(function, torch.zeros_like(u))[1]

    damped = {damping: solve("damped", damping) for damping in DAMPINGS}
    for kind in ("anderson", "broyden"):
        found = solve(kind, 1.0)
        name = f"{kind}, {weights}: steps to {TOLERANCE:g}"
        yield Line(name, _mean(found), "steps", note=_in_words(found))
        for damping, words in DAMPINGS.items():
            target = judged(effort, "<= 0.5") if kind == "anderson" and damping < 1 else None
            name = f"{kind}, {weights}: steps over the damped iteration's, damping {damping:g}"
            note = f"{words}: {_mean(damped[damping]):.1f} steps, {_in_words(damped[damping])}"
            yield Line(name, _mean(found) / _mean(damped[damping]), "x", target, note=note)


def _mean(health: Health) -> float:
    return float(health.steps.double().mean())


def _in_words(health: Health) -> str:
    """How many samples arrived; those that did not count with the limit."""
    share = float(health.converged.double().mean())
    missed = "" if share == 1 else f", the others counted with the limit of {LIMIT}"
    return f"{100 * share:.0f} % of samples converged{missed}"


def _seconds(effort: Effort) -> Iterator[Line]:
    """A solve by each solver, and a training step, implicit and unrolled."""
    u = _inputs(BATCH)
    head = _head("equilibrium").eval()
    start = torch.zeros_like(u)

    def solve(kind: str) -> Callable[[], Any]:
        return lambda: Solver(kind, TOLERANCE, LIMIT, 1.0, 5)(head.bind(u), start)

    solvers = ("damped", "anderson", "broyden")
    times = side_by_side({kind: solve(kind) for kind in solvers}, effort)
    for kind in solvers:
        steps = _mean(solve(kind)()[1])
        note = f"{steps:.1f} steps in the mean"
        yield fastest(f"a solve to {TOLERANCE:g}, batch {BATCH}, {kind}", times, kind, threads=1, note=note)
    implicit, unrolled = _head("equilibrium"), _head("unrolled")
    health = _train(implicit, u)
    times = side_by_side({"implicit": lambda: _train(implicit, u), "unrolled": lambda: _train(unrolled, u)}, effort)
    assert health.backward is not None
    note = f"{_mean(health):.1f} steps forward and {_mean(health.backward):.1f} backward"
    yield fastest(f"a training step of the head, batch {BATCH}, implicit", times, "implicit", threads=1, note=note)
    name = f"a training step of the head, implicit over unrolled ({unrolled.settings.steps} steps)"
    yield ratio(name, times, "implicit", "unrolled", threads=1)


def _head(kind: str, scale: float | None = None) -> EquilibriumHead:
    settings = HeadSettings.model_validate({"kind": kind, "basis": {"coefficient_scale": scale}})
    return EquilibriumHead(settings, torch.Generator().manual_seed(0))


def _inputs(samples: int) -> Tensor:
    return torch.randn(samples, HeadSettings().hidden, generator=torch.Generator().manual_seed(1))


def _train(head: EquilibriumHead, u: Tensor) -> Health:
    """A forward and a backward pass through the head, with dropout."""
    z, health = head.train()(u.requires_grad_())
    (z * u.detach().roll(1, 0)).mean().backward()
    assert health is not None
    return health
