"""KANLinear and KAN: layers whose edges carry learnable splines (Khan-GCL section 3, equations 2-3)."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from kanrepro.kan.expansion import Expansion
from kanrepro.kan.spline import Grid


class _Spline(torch.autograd.Function):
    """y = expand(x) @ weight, where expand gives every input its K basis values and, as one more, its SiLU.

    `weight` is ((K + 1) * I, O), or (K * I, O) without the SiLU branch. Work goes by blocks of rows: the expansion is
    K + 1 times as large as x, never exists as a whole, and the backward pass makes it again.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, grid: Grid, dtype: torch.dtype) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.grid, ctx.dtype = grid, dtype
        expansion, low = _expansion(x, weight, grid), weight.to(dtype)
        y = x.new_empty(x.shape[0], weight.shape[1], dtype=dtype)
        for rows in expansion.blocks:
            torch.mm(expansion.values(rows).to(dtype), low, out=y[rows])
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        expansion, low, gradient = _expansion(x, weight, ctx.grid), weight.to(ctx.dtype), gradient.to(ctx.dtype)
        grad_weight = torch.zeros_like(low)
        grad_x = torch.empty_like(x) if ctx.needs_input_grad[0] else None
        for rows in expansion.blocks:
            grad_weight.addmm_(expansion.values(rows).to(ctx.dtype).T, gradient[rows])
            if grad_x is not None:
                expansion.pull_back(rows, (gradient[rows] @ low.T).to(x.dtype), out=grad_x[rows])
        return grad_x, grad_weight.to(weight.dtype), None, None


def _expansion(x: Tensor, weight: Tensor, grid: Grid) -> Expansion:
    return Expansion(x.contiguous(), grid, base=weight.shape[0] > grid.bases * x.shape[1])


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
