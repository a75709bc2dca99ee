"""KANLinear forward and backward: beside a Linear of equal arithmetic, the recursion, pykan, and a compiler's work."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from unittest import mock

import torch
from harness import Effort, Line, Times, judged, not_measured, ratio, side_by_side, threads
from layers import closed_form_layer, pykan_layer, recursion_layer, training_step
from torch import Tensor, nn

from kanrepro.kan import KANLinear
from kanrepro.kan import layer as kan_layer

Size = tuple[int, int, int]  # rows, inputs, outputs
Step = Callable[[], None]

WIDE: tuple[Size, ...] = ((6800, 300, 600), (6800, 300, 300))
NARROW: Size = (5000, 32, 32)
PYKAN: Size = (1000, 64, 64)


def lines(effort: Effort) -> Iterator[Line]:
    """All comparisons, with one and with two threads."""
    torch.manual_seed(0)
    for count in (1, 2):
        with threads(count):
            for size in WIDE:
                yield from _wide(_small(size, effort), count, effort)
            yield from _narrow(_small(NARROW, effort), count, effort)
            yield from _pykan(_small(PYKAN, effort), count, effort)
    if effort.quick:
        yield not_measured("torch.compile of the closed form", "a quick run does not wait for a compiler")
        return
    with threads(1):
        for size in (WIDE[0], NARROW):
            yield from _compiler(size, effort)


def _wide(size: Size, count: int, effort: Effort) -> Iterator[Line]:
    layer = KANLinear(*size[1:])
    times = side_by_side(
        {
            "KANLinear": _step(layer, size),
            "Linear": _linear(size),
            "recursion": _step(recursion_layer(layer), size),
        },
        effort,
    )
    name = f"KANLinear {_words(size)}, forward and backward"
    yield _milliseconds(name, times["KANLinear"], count)
    target = judged(effort, "<= 1.25")
    yield ratio(f"{name}, over a Linear of equal arithmetic", times, "KANLinear", "Linear", target, threads=count)
    target = judged(effort, ">= 3.5")
    yield ratio(f"{name}, faster than the recursion", times, "recursion", "KANLinear", target, threads=count)


def _narrow(size: Size, count: int, effort: Effort) -> Iterator[Line]:
    layer = KANLinear(*size[1:])
    step = _step(layer, size)
    times = side_by_side(
        {
            "KANLinear": step,
            "Linear": _linear(size),
            "kept": partial(_with_room, 1 << 40, step),
            "made again": partial(_with_room, 0, step),
        },
        effort,
    )
    name = f"KANLinear {_words(size)}, forward and backward"
    yield _milliseconds(name, times["KANLinear"], count)
    target = judged(effort, "<= 2")
    yield ratio(f"{name}, over a Linear of equal arithmetic", times, "KANLinear", "Linear", target, threads=count)
    held = 2 * size[0] * 9 * size[1] * 4 / 2**20
    note = f"keeping holds {held:.3g} MB from forward to backward; up to {kan_layer.KEPT_BYTES >> 20} MB are kept"
    yield ratio(
        f"{name}, expansion made again over kept", times, "made again", "kept", threads=count, note=note
    )  # fmt: skip


def _pykan(size: Size, count: int, effort: Effort) -> Iterator[Line]:
    name = f"KANLinear {_words(size)}, faster than pykan's layer"
    try:
        theirs = pykan_layer(size[1])
    except ImportError as error:
        missing = "pykan is not installed" if error.name == "kan" else f"pykan lacks {error.name}"
        yield not_measured(name, missing)
        return
    ours = KANLinear(*size[1:])
    times = side_by_side({"KANLinear": _step(ours, size), "pykan": _step(theirs, size)}, effort)
    yield ratio(name, times, "pykan", "KANLinear", judged(effort, ">= 10"), threads=count)


def _compiler(size: Size, effort: Effort) -> Iterator[Line]:
    """What a layer without a compiler costs, beside torch.compile of the closed form."""
    layer = KANLinear(*size[1:])
    plain = closed_form_layer(layer)
    compiled = torch.compile(plain)
    name = f"KANLinear {_words(size)} without a compiler"
    start = time.perf_counter()
    try:
        _step(compiled, size, list(plain.parameters()))()
    except Exception as error:  # no C++ compiler, or not one that PyTorch can use
        yield not_measured(name, f"torch.compile failed ({type(error).__name__})")
        return
    seconds = time.perf_counter() - start
    steps = {
        "KANLinear": _step(layer, size),
        "closed form, compiled": _step(compiled, size, list(plain.parameters())),
        "closed form, plain": _step(plain, size),
    }
    times = side_by_side(steps, effort)
    note = f"torch.compile took {seconds:.0f} s first; below 1: doing without is faster"
    yield ratio(f"{name}, over the closed form compiled", times, "KANLinear", "closed form, compiled", threads=1, note=note)
    note = "the same bases through autograd, without a compiler"
    yield ratio(f"{name}, faster than the plain closed form", times, "closed form, plain", "KANLinear", threads=1, note=note)


def _step(module: Callable[..., Tensor], size: Size, parameters: list[nn.Parameter] | None = None) -> Step:
    """One training step of a layer on inputs that fill the grid."""
    if parameters is None:
        assert isinstance(module, nn.Module)
        parameters = list(module.parameters())
    x = (torch.rand(size[0], size[1]) * 2 - 1).requires_grad_()

    def first(x: Tensor) -> Tensor:
        y = module(x)
        return y[0] if isinstance(y, tuple) else y  # pykan gives more than its output

    return training_step(first, x, parameters)


def _linear(size: Size) -> Step:
    """One training step of a Linear with as many multiplications: K + 1 = 9 inputs for each of the layer's."""
    module = nn.Linear(9 * size[1], size[2], bias=False)
    return training_step(module, torch.randn(size[0], 9 * size[1], requires_grad=True), list(module.parameters()))


def _with_room(room: int, step: Step) -> None:
    """A step with another bound on what is kept for the backward pass."""
    with mock.patch.object(kan_layer, "KEPT_BYTES", room):
        step()


def _milliseconds(name: str, times: Times, count: int) -> Line:
    return Line(name, 1e3 * times.least, "ms", threads=count, times={"KANLinear": times.summary()})


def _small(size: Size, effort: Effort) -> Size:
    return (size[0] // 40, size[1] // 4, size[2] // 4) if effort.quick else size


def _words(size: Size) -> str:
    rows, inputs, outputs = size
    return f"{rows:,} x {inputs} -> {outputs}"
