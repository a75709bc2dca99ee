"""What a KAN layer multiplies with its weights: the basis values of every input, block by block, and their slopes.

Two forms give the same numbers to rounding. On the CPU in float32 the cubic bases are one compiled loop (`native`);
for every other order, precision or device a handful of elementwise tensor operations do it. numba is only needed by the
first form: without it the second one serves everywhere (docs/benchmarks says what that costs).
"""

import math

import torch
from torch import Tensor

from kanrepro.kan.spline import Grid

try:
    from kanrepro.kan import native
except ImportError:  # no numba: a slower layer, not a broken one
    native = None

# Rows are expanded in blocks that stay in a core's cache; an accelerator takes blocks as large as memory allows.
BLOCK_BYTES = {"cpu": 1 << 21, "cuda": 1 << 28}


class Expansion:
    """The expansion of blocks of rows of x, with room for one block.

    Args:
        x: (N, I) inputs.
        grid: the bases.
        base: whether SiLU follows the K bases as one row more.
    """

    def __init__(self, x: Tensor, grid: Grid, base: bool) -> None:
        self.x, self.grid, self.base = x, grid, base
        self.gate = torch.sigmoid(x) if base else x.new_empty(0, x.shape[1])
        depth = grid.bases + base
        size = max(64, BLOCK_BYTES.get(x.device.type, 1 << 28) // (4 * max(depth * x.shape[1], 1)))
        self.blocks = [slice(start, min(start + size, len(x))) for start in range(0, len(x), size)]
        self.room = x.new_empty(min(size, len(x)), depth, x.shape[1])
        plain = x.device.type == "cpu" and x.dtype == torch.float32 and grid.order == 3
        self.native = native if plain else None

    def values(self, rows: slice) -> Tensor:
        """(n, K * I), or with SiLU (n, (K + 1) * I), valid until the next call."""
        x, out = self.x[rows], self.room[: rows.stop - rows.start]
        if self.native:
            gate = self.gate[rows] if self.base else self.gate
            self.native.expand(x.numpy(), gate.numpy(), self.grid.low, self.grid.spacing, out.numpy())
            return out.flatten(-2)
        reach = _distance(x, self.grid).abs_().neg_()
        bases = out[:, : self.grid.bases].zero_()
        for shift, weight in self.grid.terms:
            bases.add_(_power((reach + shift).clamp_min_(0), self.grid.order), alpha=weight)
        if self.base:
            torch.mul(x, self.gate[rows], out=out[:, -1])
        return out.flatten(-2)

    def pull_back(self, rows: slice, gradient: Tensor, out: Tensor) -> None:
        """The gradient (n, (K + 1) * I) of the values of a block to that of its inputs, into `out` (n, I)."""
        x, gradient = self.x[rows], gradient.unflatten(-1, (-1, self.x.shape[1]))
        if self.native:
            gate = self.gate[rows] if self.base else self.gate
            arrays = (x.numpy(), gate.numpy(), self.grid.low, self.grid.spacing, gradient.numpy(), out.numpy())
            self.native.pull_back(*arrays)
            return
        distance, order = _distance(x, self.grid), self.grid.order
        reach = distance.abs().neg_()
        slopes = torch.zeros_like(distance)
        for shift, weight in self.grid.terms:
            rest = (reach + shift).clamp_min_(0)
            slopes.add_(rest.sign_() if order == 1 else _power(rest, order - 1), alpha=weight)
        # every B-spline falls away from its centre
        slopes = torch.copysign(slopes, distance, out=distance).mul_(gradient[:, : self.grid.bases])
        torch.sum(slopes, dim=-2, out=out)
        out.mul_(-order / self.grid.spacing)
        if self.base:
            gate = self.gate[rows]
            out.addcmul_(gradient[:, -1], gate + x * gate * (1 - gate))


def _distance(x: Tensor, grid: Grid) -> Tensor:
    """(n, I) inputs to (n, K, I) signed distances from the centres, in knot spacings."""
    return ((x - grid.low) / grid.spacing).unsqueeze(-2) - grid.centres(x).unsqueeze(-1)


def _power(base: Tensor, exponent: int) -> Tensor:
    """base ** exponent by multiplications, which are much cheaper than pow."""
    return math.prod([base] * (exponent - 1), start=base) if exponent < 4 else base.pow(exponent)
