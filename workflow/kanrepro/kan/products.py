"""expand(x) @ weight, a KAN layer's whole arithmetic, in the form that serves best; all of them agree to rounding.

expand gives every input its K basis values and, as one more, its SiLU. Cubic splines in float32 on the CPU need no
expansion (`local`). What must be differentiated twice, compiled or mapped is made of plain tensor operations (`plain`).
All else is expanded, few rows at once and many block by block (`expansion`).

Shapes: x (N, I), weight ((K + 1) * I, O), or (K * I, O) without SiLU, to (N, O).
"""

from typing import Any

import torch
from torch import Tensor

from kanrepro.kan import local, plain
from kanrepro.kan.expansion import Basis, Expansion, block_rows


def product(x: Tensor, weight: Tensor, grid: Basis, dtype: torch.dtype) -> Tensor:
    """expand(x) @ weight, computed in `dtype`."""
    if plain.needed(x, weight):
        return plain.product(x, weight, grid, dtype)
    x = x.contiguous()
    if local.serves(x, weight, grid, dtype):
        return _Local.apply(x, weight, grid)
    base = weight.shape[0] > grid.bases * x.shape[1]
    if len(x) <= block_rows(x, grid.bases + base):
        return torch.mm(_Whole.apply(x, grid, base).to(dtype), weight.to(dtype))
    return _Blocks.apply(x, weight, grid, base, dtype)


class _Local(torch.autograd.Function):
    """By local support."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, grid: Any) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.grid = grid
        return local.product(x, weight, grid)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        wanted = ctx.needs_input_grad[:2]
        if torch.is_grad_enabled():  # create_graph: the gradient is to be differentiated
            y = plain.product(x, weight, ctx.grid, x.dtype)
            return *plain.gradients((x, weight), wanted, y, gradient), None
        return *local.pull_back(x, weight, ctx.grid, gradient, *wanted), None


class _Whole(torch.autograd.Function):
    """expand(x), (N, I) to (N, K * I) or (N, (K + 1) * I), of inputs that are one block.

    Few rows, as in an equilibrium's solve, are expanded as a whole: the values are kept for the backward pass, and a
    vector-Jacobian product for x alone leaves the gradient of the weights out.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, grid: Basis, base: bool) -> Tensor:
        expansion = Expansion(x, grid, base)
        for rows in expansion.blocks:
            expansion.values(rows)
        values = expansion.room.flatten(-2)
        ctx.save_for_backward(x, values)
        ctx.grid, ctx.base = grid, base
        return values

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, values = ctx.saved_tensors
        if torch.is_grad_enabled():
            made = plain.expand(x, ctx.grid, ctx.base)
            return *plain.gradients((x,), (True,), made, gradient), None, None
        expansion = Expansion(x, ctx.grid, ctx.base, room=values.unflatten(-1, (-1, x.shape[1])))
        grad_x = torch.empty_like(x)
        for rows in expansion.blocks:
            expansion.pull_back(rows, gradient.contiguous(), out=grad_x)
        return grad_x, None, None


class _Blocks(torch.autograd.Function):
    """By blocks of rows: the expansion is K + 1 times as large as x, never exists as a whole, and is made again."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, grid: Basis, base: bool, dtype: torch.dtype) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.grid, ctx.base, ctx.dtype = grid, base, dtype
        expansion, low = Expansion(x, grid, base), weight.to(dtype)
        y = x.new_empty(x.shape[0], weight.shape[1], dtype=dtype)
        for rows in expansion.blocks:
            torch.mm(expansion.values(rows).to(dtype), low, out=y[rows])
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        if torch.is_grad_enabled():
            y = plain.product(x, weight, ctx.grid, ctx.dtype)
            return *plain.gradients((x, weight), ctx.needs_input_grad[:2], y, gradient), None, None, None
        expansion, low, gradient = Expansion(x, ctx.grid, ctx.base), weight.to(ctx.dtype), gradient.to(ctx.dtype)
        grad_weight = torch.zeros_like(low)
        grad_x = torch.empty_like(x) if ctx.needs_input_grad[0] else None
        for rows in expansion.blocks:
            grad_weight.addmm_(expansion.values(rows).to(ctx.dtype).T, gradient[rows])
            if grad_x is not None:
                expansion.pull_back(rows, (gradient[rows] @ low.T).to(x.dtype), out=grad_x[rows])
        return grad_x, grad_weight.to(weight.dtype), None, None, None
