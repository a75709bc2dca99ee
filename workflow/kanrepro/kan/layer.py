"""KANLinear and KAN: layers whose edges carry learnable splines (Khan-GCL section 3, equations 2-3)."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from kanrepro.kan.spline import Expansion, Grid

# Rows are expanded in blocks that stay in a core's cache; an accelerator takes blocks as large as memory allows.
BLOCK_BYTES = {"cpu": 1 << 21, "cuda": 1 << 28}


class _Spline(torch.autograd.Function):
    """y = expand(x) @ weight, block by block: the (N, K * I) expansion never exists as a whole, forward or backward.

    `weight` is ((K + 1) * I, O) with the SiLU branch as the last row of bases, (K * I, O) without.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, grid: Grid, dtype: torch.dtype) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.grid, ctx.dtype = grid, dtype
        weight = weight.to(dtype)
        y = x.new_empty(x.shape[0], weight.shape[1], dtype=dtype)
        blocks = _Blocks(x, weight, grid)
        for block, made in zip(x.split(blocks.rows), y.split(blocks.rows), strict=True):
            torch.mm(blocks.expand(block).to(dtype), weight, out=made)
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, full = ctx.saved_tensors
        weight, gradient = full.to(ctx.dtype), gradient.to(ctx.dtype)
        grad_x = torch.empty_like(x) if ctx.needs_input_grad[0] else None
        grad_weight = torch.zeros_like(weight)
        blocks = _Blocks(x, weight, ctx.grid)
        for start in range(0, x.shape[0], blocks.rows):
            part = slice(start, start + blocks.rows)
            expanded = blocks.expand(x[part], with_slopes=grad_x is not None)
            grad_weight.addmm_(expanded.to(ctx.dtype).T, gradient[part])
            if grad_x is not None:
                blocks.pull_back(x[part], (gradient[part] @ weight.T).to(x.dtype), out=grad_x[part])
        return grad_x, grad_weight.to(full.dtype), None, None


class _Blocks:
    """The expansion of a block of rows, and its derivative."""

    def __init__(self, x: Tensor, weight: Tensor, grid: Grid) -> None:
        self.inputs = x.shape[1]
        self.bases = grid.bases
        self.base = weight.shape[0] > grid.bases * self.inputs
        width = max(weight.shape[0], 1)
        self.rows = max(64, BLOCK_BYTES.get(x.device.type, 1 << 28) // (4 * width))
        rows = min(self.rows, x.shape[0])
        self.expanded = x.new_empty(rows, grid.bases + self.base, self.inputs)
        self.work = Expansion(grid, rows, x)

    def expand(self, x: Tensor, with_slopes: bool = False) -> Tensor:
        """(n, I) to (n, K * I) or, with the SiLU branch, (n, (K + 1) * I)."""
        made = self.expanded[: x.shape[0]]
        self.work.values(x, out=made[:, : self.bases], with_slopes=with_slopes)
        if self.base:
            made[:, -1] = functional.silu(x)
        return made.flatten(-2)

    def pull_back(self, x: Tensor, gradient: Tensor, out: Tensor) -> None:
        """The gradient (n, (K + 1) * I) of the block last expanded to that of its inputs (n, I), into `out`."""
        gradient = gradient.unflatten(-1, (-1, self.inputs))
        self.work.slopes_times(gradient[:, : self.bases], out=out)
        if self.base:
            gate = torch.sigmoid(x)
            out.addcmul_(gradient[:, -1], gate + x * gate * (1 - gate))


class KANLinear(nn.Module):
    """A KAN layer: y_o = sum_i [ w_io silu(x_i) + sum_k c_iok B_k(x_i) ].

    Inputs outside `grid_range` meet splines that fall to zero within `order` knot spacings and stay zero: only the
    SiLU branch is left there. `outside_share` tells how many inputs of the last training batch that was.

    Args:
        in_features: I.
        out_features: O.
        grid: intervals of the uniform grid.
        order: degree of the splines, 3 = cubic; K = grid + order.
        grid_range: the interval that the grid covers.
        base: whether edges have the SiLU branch of the original KAN.
        coefficient_scale: standard deviation of the initial coefficients, times sqrt(I).
        generator: source of the initial values.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        grid: int = 5,
        order: int = 3,
        grid_range: tuple[float, float] = (-1.0, 1.0),
        base: bool = True,
        coefficient_scale: float = 0.1,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.grid = Grid(grid, order, *grid_range)
        self.coefficients = nn.Parameter(torch.empty(in_features, out_features, self.grid.bases))
        self.base_weight = nn.Parameter(torch.empty(in_features, out_features)) if base else None
        self.register_buffer("outside_share", torch.zeros(()), persistent=False)
        bound = 1 / math.sqrt(max(in_features, 1))
        nn.init.normal_(self.coefficients, std=coefficient_scale * bound, generator=generator)
        if self.base_weight is not None:
            nn.init.uniform_(self.base_weight, -bound, bound, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        """(..., I) to (..., O)."""
        if self.training:
            self.outside_share = self.grid.outside(x)
        weight = self.coefficients.permute(2, 0, 1)  # (K, I, O): neighbouring inputs lie side by side in a block
        if self.base_weight is not None:
            weight = torch.cat([weight, self.base_weight.unsqueeze(0)])
        kind = x.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype
        flat = x.reshape(-1, self.in_features)
        y = _Spline.apply(flat, weight.flatten(0, 1), self.grid, dtype)
        return y.unflatten(0, x.shape[:-1])

    def extra_repr(self) -> str:
        base = self.base_weight is not None
        return f"in_features={self.in_features}, out_features={self.out_features}, grid={self.grid}, base={base}"


class KAN(nn.Sequential):
    """KANLinear layers one after the other, `widths` = (I, ..., O); further arguments as for KANLinear."""

    def __init__(self, widths: Sequence[int], **layer: Any) -> None:
        super().__init__(*(KANLinear(inputs, outputs, **layer) for inputs, outputs in pairwise(widths)))
