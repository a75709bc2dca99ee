"""KANLinear forward and backward: beside a Linear of equal arithmetic, the recursion, pykan, and what compilers do.

Measured in an ordinary process, as in a notebook, and again as the stages run, which tell the C library to keep freed
memory (`kanrepro.core.machine.keep_freed_memory`): that helps those most that make the most temporaries, the recursion
above all. A process cannot go back, so that the ordinary one comes first.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from unittest import mock

import torch
from harness import Effort, Line, Times, fastest, judged, not_measured, ratio, side_by_side, threads
from layers import closed_form_layer, pykan_layer, recursion_layer, training_step
from subprocesses import last_line, python
from torch import Tensor, nn

from kanrepro.kan import KANLinear, local

Size = tuple[int, int, int]  # rows, inputs, outputs
Step = Callable[[], None]

WIDE: tuple[Size, ...] = ((6800, 300, 600), (6800, 300, 300))
NARROW: Size = (5000, 32, 32)
PYKAN: Size = (1000, 64, 64)
FIRST_STEP = """
import time, torch
from kanrepro.kan import KANLinear
layer, x = KANLinear(8, 8), torch.zeros(9, 8, requires_grad=True)
start = time.perf_counter()
layer(x).sum().backward()
print(time.perf_counter() - start)
"""


def lines(effort: Effort) -> Iterator[Line]:
    """All comparisons, with one and with two threads; those with compilers with one."""
    yield from layer_lines(effort)
    with threads(1):
        for size in (WIDE[0], NARROW):
            yield from _without_numba(small_size(size, effort), effort)
        if effort.quick:
            yield not_measured("torch.compile of the closed form", "a quick run does not wait for a compiler")
            return
        yield from _first_step()
        for size in (WIDE[0], NARROW):
            yield from _compiler(size, effort)


def layer_lines(effort: Effort) -> Iterator[Line]:
    """The comparisons with other layers."""
    torch.manual_seed(0)
    for count in effort.threads:
        with threads(count):
            for size in WIDE:
                yield from _wide(small_size(size, effort), count, effort)
            yield from _narrow(small_size(NARROW, effort), count, effort)
            yield from _pykan(small_size(PYKAN, effort), count, effort)


def _wide(size: Size, count: int, effort: Effort) -> Iterator[Line]:
    layer = KANLinear(*size[1:])
    steps = {
        "KANLinear": step_of(layer, size),
        "Linear": linear_step(size),
        "recursion": step_of(recursion_layer(layer), size),
    }
    times = side_by_side(steps, effort)
    yield from _beside_linear(size, times, count, judged(effort, "<= 1.25"))
    name = f"{name_of(size)}, faster than the recursion"
    yield ratio(name, times, "recursion", "KANLinear", judged(effort, ">= 3.5"), threads=count)


def _narrow(size: Size, count: int, effort: Effort) -> Iterator[Line]:
    steps = {"KANLinear": step_of(KANLinear(*size[1:]), size), "Linear": linear_step(size)}
    yield from _beside_linear(size, side_by_side(steps, effort), count, judged(effort, "<= 2"))


def _beside_linear(size: Size, times: dict[str, Times], count: int, target: str | None) -> Iterator[Line]:
    yield fastest(name_of(size), times, "KANLinear", threads=count)
    name = f"{name_of(size)}, over a Linear of equal arithmetic"
    yield ratio(name, times, "KANLinear", "Linear", target, threads=count)


def _pykan(size: Size, count: int, effort: Effort) -> Iterator[Line]:
    name = f"{name_of(size)}, faster than pykan's layer"
    try:
        theirs = pykan_layer(size[1])
    except ImportError as error:
        yield not_measured(name, "pykan is not installed" if error.name == "kan" else f"pykan lacks {error.name}")
        return
    steps = {"KANLinear": step_of(KANLinear(*size[1:]), size), "pykan": step_of(theirs, size)}
    target = judged(effort, ">= 10")
    yield ratio(name, side_by_side(steps, effort), "pykan", "KANLinear", target, threads=count)


def _without_numba(size: Size, effort: Effort) -> Iterator[Line]:
    """What the layer costs where numba is not installed."""
    name = f"{name_of(size)}, without numba over with it"
    if local.native is None:
        yield not_measured(name, "numba is not installed")
        return
    step = step_of(KANLinear(*size[1:]), size)
    steps = {"with numba": step, "tensor operations": partial(_plain, step)}
    yield ratio(name, side_by_side(steps, effort), "tensor operations", "with numba", threads=1)


def _plain(step: Step) -> None:
    with mock.patch.object(local, "native", None):
        step()


def _first_step() -> Iterator[Line]:
    """What numba's compiler takes, once a machine."""
    name = "KANLinear, first step on a machine"
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, NUMBA_CACHE_DIR=folder):
        done = [python(["-c", FIRST_STEP]) for _ in range(2)]
    if any(each.returncode for each in done):
        yield not_measured(name, last_line(done[0]))
        return
    first, second = (float(each.stdout) for each in done)
    yield Line(name, first, "s", threads=1, note=f"numba compiles and caches; {second:.2g} s in every later process")


def _compiler(size: Size, effort: Effort) -> Iterator[Line]:
    """KANLinear beside torch.compile of the closed form, which needs a C++ compiler at run time."""
    layer = KANLinear(*size[1:])
    plain = closed_form_layer(layer)
    weights = list(plain.parameters())
    name = f"{name_of(size)}, over torch.compile of the closed form"
    start = time.perf_counter()
    try:
        compiled = step_of(torch.compile(plain), size, weights)
        compiled()
    except Exception as error:  # no C++ compiler, or not one that PyTorch can use
        yield not_measured(name, f"torch.compile failed ({type(error).__name__})")
        return
    note = f"below 1: KANLinear is faster; compiling took {time.perf_counter() - start:.0f} s (less where cached)"
    steps = {"KANLinear": step_of(layer, size), "compiled": compiled, "closed form": step_of(plain, size, weights)}
    times = side_by_side(steps, effort)
    yield ratio(name, times, "KANLinear", "compiled", threads=1, note=note)
    name = f"{name_of(size)}, faster than the closed form through autograd"
    yield ratio(name, times, "closed form", "KANLinear", threads=1)


def step_of(module: Callable[..., Tensor], size: Size, parameters: list[nn.Parameter] | None = None) -> Step:
    """One training step of a layer on inputs that fill the grid."""
    if parameters is None:
        assert isinstance(module, nn.Module)
        parameters = list(module.parameters())
    x = (torch.rand(size[0], size[1]) * 2 - 1).requires_grad_()

    def output(x: Tensor) -> Tensor:
        y = module(x)
        return y[0] if isinstance(y, tuple) else y  # pykan gives more than its output

    return training_step(output, x, parameters)


def linear_step(size: Size) -> Step:
    """One training step of a Linear with as many multiplications: K + 1 = 9 inputs for each of the layer's."""
    module = nn.Linear(9 * size[1], size[2], bias=False)
    return training_step(module, torch.randn(size[0], 9 * size[1], requires_grad=True), list(module.parameters()))


def small_size(size: Size, effort: Effort) -> Size:
    return (size[0] // 40, size[1] // 4, size[2] // 4) if effort.quick else size


def name_of(size: Size) -> str:
    rows, inputs, outputs = size
    return f"KANLinear {rows:,} x {inputs} -> {outputs}"
