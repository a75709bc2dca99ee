"""Cubic KAN layers on the CPU in float32: the product with the weights by local support, without the expansion.

The loops are in `native`; here are their tensors and threads. Rows are split evenly among as many threads as PyTorch
has, each with a gradient of the weights of its own, and those are added in order: results depend on the number of
threads, to rounding, and on nothing else.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import torch
from torch import Tensor

from kanrepro.kan.gaussian import Gaussians
from kanrepro.kan.spline import Grid

try:
    from kanrepro.kan import native
except ImportError:  # no numba: a slower layer, not a broken one
    native = None

WORTH_A_THREAD = 1 << 20  # multiplications


def serves(x: Tensor, weight: Tensor, grid: Grid | Gaussians, dtype: torch.dtype) -> bool:
    """Whether the loops can be used: cubic splines, float32 throughout, on the CPU, with numba."""
    plain = x.device.type == "cpu" and x.dtype == weight.dtype == dtype == torch.float32
    return native is not None and plain and isinstance(grid, Grid) and grid.order == 3


def product(x: Tensor, weight: Tensor, grid: Grid) -> Tensor:
    """expand(x) @ weight: x (N, I), weight (K * I, O) or with SiLU ((K + 1) * I, O), to (N, O)."""
    assert native is not None
    base, packed = _packed(x, weight, grid)
    y = x.new_empty(len(x), weight.shape[1])
    _by_rows(native.multiply_rows, x, base, packed, grid, [(y,)] * torch.get_num_threads(), 0)
    return y


def pull_back(
    x: Tensor, weight: Tensor, grid: Grid, gradient: Tensor, of_x: bool, of_weight: bool
) -> tuple[Tensor | None, Tensor | None]:
    """The gradient (N, O) of the product to that of x and of the weight, where they are wanted."""
    assert native is not None
    base, packed = _packed(x, weight, grid)
    grad_x = x.new_empty(len(x) if of_x else 0, x.shape[1])
    gradient = gradient.contiguous()
    parts = _parts(x, packed)
    grads = [torch.zeros_like(packed) if of_weight else packed[:0] for _ in range(parts)]
    _by_rows(native.pull_back_rows, x, base, packed, grid, [(gradient, grad, grad_x) for grad in grads], 1)
    if not of_weight:
        return grad_x, None
    for more in grads[1:]:
        grads[0] += more
    grad_weight = torch.empty_like(weight)
    native.unpack(grads[0].numpy(), base, grad_weight.view(-1, x.shape[1], weight.shape[1]).numpy())
    return grad_x if of_x else None, grad_weight


def _packed(x: Tensor, weight: Tensor, grid: Grid) -> tuple[bool, Tensor]:
    """Whether there is SiLU, and the weights as `native.pack` lays them out; PyTorch aligns them to cache lines."""
    assert native is not None
    inputs, outputs = x.shape[1], weight.shape[1]
    panels = -(-outputs // native.PANEL)
    base = weight.shape[0] > grid.bases * inputs
    packed = weight.new_empty(panels, inputs, grid.bases + native.MORE, native.PANEL)
    native.pack(weight.contiguous().view(-1, inputs, outputs).numpy(), base, packed.numpy())
    return base, packed


def _parts(x: Tensor, packed: Tensor) -> int:
    """How many threads share the rows."""
    return max(1, min(torch.get_num_threads(), len(x) * packed[:, :, 0].numel() * 5 // WORTH_A_THREAD))


def _by_rows(
    loop: Callable[..., None],
    x: Tensor,
    base: bool,
    packed: Tensor,
    grid: Grid,
    outputs: list[tuple[Tensor, ...]],
    more: int,
) -> None:
    """Run a loop over all rows, a thread for each part of them, with that part's `outputs`."""
    assert native is not None
    parts = _parts(x, packed)
    room_size = packed.shape[0] + more, native.ROWS, native.PANEL
    given = x.numpy(), base, packed.numpy(), grid.low, grid.spacing

    def run(part: int) -> None:
        begin, end = (len(x) * edge // parts for edge in (part, part + 1))
        loop(*given, begin, end, x.new_zeros(room_size).numpy(), *(each.numpy() for each in outputs[part]))

    if parts == 1:
        run(0)
    else:
        list(_pool(parts, os.getpid()).map(run, range(parts)))


@lru_cache
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    """Threads of a process; a child that was forked off has none of its parent's."""
    return ThreadPoolExecutor(threads)
