"""KANLinear and KAN: layers whose edges carry learnable splines (Khan-GCL section 3, equations 2-3)."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from kanrepro.kan.spline import Expansion, Grid

# Rows are expanded in blocks that stay in a core's cache; an accelerator takes blocks as large as memory allows.
BLOCK_BYTES = {"cpu": 1 << 21, "cuda": 1 << 28}
# An expansion up to this size is kept for the backward pass, a larger one is made again: memory against a quarter of time.
KEPT_BYTES = 1 << 25


class _Spline(torch.autograd.Function):
    """y = expand(x) @ weight, where expand gives every input its K basis values and, as one row more, its SiLU.

    `weight` is ((K + 1) * I, O), or (K * I, O) without the SiLU branch. Work goes block by block of rows.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, grid: Grid, dtype: torch.dtype) -> Tensor:
        ctx.grid, ctx.dtype = grid, dtype
        wants_x = ctx.needs_input_grad[0]
        keep = any(ctx.needs_input_grad) and (1 + wants_x) * x.shape[0] * weight.shape[0] * x.itemsize <= KEPT_BYTES
        blocks = _Blocks(x, weight, grid, wants_x and keep, x.shape[0] if keep else None)
        low = weight.to(dtype)
        y = x.new_empty(x.shape[0], weight.shape[1], dtype=dtype)
        for rows in blocks.rows:
            torch.mm(blocks.expand(rows)[0].to(dtype), low, out=y[rows])
        ctx.save_for_backward(x, weight)
        blocks.work = None  # its room is wanted elsewhere
        ctx.kept = blocks if keep else None
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        wants_x = ctx.needs_input_grad[0]
        blocks = ctx.kept or _Blocks(x, weight, ctx.grid, wants_x)
        low, gradient = weight.to(ctx.dtype), gradient.to(ctx.dtype)
        grad_weight = torch.zeros_like(low)
        grad_x = torch.empty_like(x) if wants_x else None
        for rows in blocks.rows:
            expanded, slopes = blocks.expanded(rows) if ctx.kept else blocks.expand(rows)
            grad_weight.addmm_(expanded.to(ctx.dtype).T, gradient[rows])
            if grad_x is not None and slopes is not None:
                grad_bases = (gradient[rows] @ low.T).to(x.dtype).view_as(slopes)
                torch.sum(grad_bases.mul_(slopes), dim=-2, out=grad_x[rows])
        return grad_x, grad_weight.to(weight.dtype), None, None


class _Blocks:
    """The expansion of x in blocks of rows; whole where `kept` rows have room, else one block at a time."""

    def __init__(self, x: Tensor, weight: Tensor, grid: Grid, slopes: bool, kept: int | None = None) -> None:
        self.x, self.bases, self.kept = x, grid.bases, kept is not None
        self.base = weight.shape[0] > grid.bases * x.shape[1]
        size = max(64, BLOCK_BYTES.get(x.device.type, 1 << 28) // (4 * max(weight.shape[0], 1)))
        self.rows = [slice(start, min(start + size, x.shape[0])) for start in range(0, x.shape[0], size)]
        shape = (min(size, x.shape[0]) if kept is None else kept, grid.bases + self.base, x.shape[1])
        self.values = x.new_empty(shape)
        self.slopes = x.new_empty(shape) if slopes else None
        self.work: Expansion | None = Expansion(grid, min(size, x.shape[0]), x)

    def expanded(self, rows: slice) -> tuple[Tensor, Tensor | None]:
        """Values (n, (K + 1) * I) and slopes (n, K + 1, I) of a block, as last computed."""
        here = rows if self.kept else slice(0, rows.stop - rows.start)
        return self.values[here].flatten(-2), None if self.slopes is None else self.slopes[here]

    def expand(self, rows: slice) -> tuple[Tensor, Tensor | None]:
        """Compute a block."""
        assert self.work is not None
        x = self.x[rows]
        flat, slopes = self.expanded(rows)
        values = flat.unflatten(-1, (-1, x.shape[1]))
        self.work(x, values[:, : self.bases], None if slopes is None else slopes[:, : self.bases])
        if self.base:
            gate = torch.sigmoid(x)
            torch.mul(x, gate, out=values[:, -1])
            if slopes is not None:
                torch.addcmul(gate, values[:, -1], 1 - gate, out=slopes[:, -1])
        return flat, slopes


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
