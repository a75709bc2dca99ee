"""Gaussian bases on uniform knots, as DEQ-KAN's code has them: ten of unit width on [-3, 3].

    B_k(x) = exp(-(x - c_k)^2 / (2 width^2)),    c_1 = low, ..., c_K = high

They never vanish, overlap far where the width exceeds the distance of two knots, and do not sum to one.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from kanrepro.kan.spline import outside


@dataclass(frozen=True)
class Gaussians:
    """K = `size` Gaussians of standard deviation `width`, centred at uniform knots; `low` and `high` are knots.

    Raises:
        ValueError: fewer than two knots, an empty range, or no width.
    """

    size: int = 10
    low: float = -3.0
    high: float = 3.0
    width: float = 1.0

    def __post_init__(self) -> None:
        if self.size < 2 or not self.low < self.high or not self.width > 0:
            raise ValueError(f"Gaussians need size >= 2, low < high and width > 0, not {self}")

    @property
    def bases(self) -> int:
        """K, the number of bases."""
        return self.size

    @property
    def spacing(self) -> float:
        """The distance of two knots."""
        return (self.high - self.low) / (self.size - 1)

    def centres(self, like: Tensor) -> Tensor:
        """(K,) knots, on the device and in the dtype of `like`."""
        return torch.linspace(self.low, self.high, self.size, device=like.device, dtype=like.dtype)

    def outside(self, x: Tensor) -> Tensor:
        """The share of the values of x that lie outside [low, high], a scalar."""
        return outside(x, self.low, self.high)

    def values(self, x: Tensor) -> Tensor:
        """The bases at x (...), (..., K), differentiable any number of times."""
        return torch.exp(-0.5 * ((x.unsqueeze(-1) - self.centres(x)) / self.width).square())

    def fill(self, x: Tensor, out: Tensor) -> None:
        """The bases at x (n, I), into `out` (n, K, I)."""
        torch.sub(x.unsqueeze(-2), self.centres(x).unsqueeze(-1), out=out)
        out.square_().mul_(-0.5 / self.width**2).exp_()

    def pull_back(self, x: Tensor, bases: Tensor, gradient: Tensor, out: Tensor) -> None:
        """The gradient (n, K, I) of the `bases` at x (n, I) to that of x, into `out` (n, I)."""
        slopes = self.centres(x).unsqueeze(-1) - x.unsqueeze(-2)  # B' = -(x - c) / width^2 * B
        torch.sum(slopes.mul_(bases).mul_(gradient), dim=-2, out=out)
        out.mul_(1 / self.width**2)


def gaussian_basis(
    x: Tensor, knots: int = 10, grid_range: tuple[float, float] = (-3.0, 3.0), width: float = 1.0
) -> Tensor:
    """The K = `knots` Gaussians at every value of x, differentiable any number of times.

    Args:
        x: any shape (...).

    Returns:
        (..., K).
    """
    return Gaussians(knots, *grid_range, width).values(x)
