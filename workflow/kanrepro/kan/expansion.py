"""What a KAN layer multiplies with its weights: the basis values of every input, block by block, and their slopes.

Two forms give the same numbers to rounding. On a GPU the cubic bases are one kernel (`kernels`); for everything else a
handful of elementwise tensor operations do it. Cubic splines in float32 on the CPU come here only without numba:
`local` does without the expansion.
"""

import torch
from torch import Tensor

from kanrepro.kan import kernels
from kanrepro.kan.gaussian import Gaussians
from kanrepro.kan.spline import Grid

Basis = Grid | Gaussians

# Rows are expanded in blocks that stay in a core's cache; an accelerator takes blocks as large as memory allows. Of a
# wide layer that would be few rows, too few to pay for a walk through all weights and their gradients.
BLOCK_BYTES = {"cpu": 1 << 21, "cuda": 1 << 28}
LEAST_ROWS = 384


def block_rows(x: Tensor, depth: int) -> int:
    """How many rows of x (N, I) make a block, where each of its values becomes `depth` of them."""
    return max(LEAST_ROWS, BLOCK_BYTES.get(x.device.type, 1 << 28) // (4 * max(depth * x.shape[1], 1)))


class Expansion:
    """The expansion of blocks of rows of x, with room for one block.

    Args:
        x: (N, I) inputs.
        grid: the bases.
        base: whether SiLU follows the K bases as one row more.
        room: where x is one block: its values (N, K or K + 1, I), to be pulled back without being made again.
    """

    def __init__(self, x: Tensor, grid: Basis, base: bool, room: Tensor | None = None) -> None:
        self.x, self.grid, self.base = x, grid, base
        cubic = isinstance(grid, Grid) and grid.order == 3
        self.kernels = kernels if cubic and kernels.supported(x) else None
        self.gate = torch.sigmoid(x) if base and not self.kernels else x.new_empty(0, x.shape[1])
        depth = grid.bases + base
        size = block_rows(x, depth)
        self.blocks = [slice(start, min(start + size, len(x))) for start in range(0, len(x), size)]
        rows = 0 if self.kernels else min(size, len(x))  # a kernel brings its own room
        self.room = x.new_empty(rows, depth, x.shape[1]) if room is None else room

    def values(self, rows: slice) -> Tensor:
        """(n, K * I), or with SiLU (n, (K + 1) * I), valid until the next call."""
        if self.kernels:
            self.room = self.kernels.expand(self.x[rows], self.grid.low, self.grid.spacing, self.grid.bases, self.base)
            return self.room.flatten(-2)
        x, out = self.x[rows], self.room[: rows.stop - rows.start]
        self.grid.fill(x, out[:, : self.grid.bases])
        if self.base:
            torch.mul(x, self.gate[rows], out=out[:, -1])
        return out.flatten(-2)

    def pull_back(self, rows: slice, gradient: Tensor, out: Tensor) -> None:
        """The gradient (n, (K + 1) * I) of the values of a block to that of its inputs, into `out` (n, I).

        The block is the one whose values were made last.
        """
        x, gradient = self.x[rows], gradient.unflatten(-1, (-1, self.x.shape[1]))
        if self.kernels:
            self.kernels.pull_back(x, self.grid.low, self.grid.spacing, self.grid.bases, gradient, out)
            return
        bases = self.room[: rows.stop - rows.start, : self.grid.bases]
        self.grid.pull_back(x, bases, gradient[:, : self.grid.bases], out)
        if self.base:
            gate = self.gate[rows]
            out.addcmul_(gradient[:, -1], gate + x * gate * (1 - gate))
