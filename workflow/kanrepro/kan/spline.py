"""Uniform B-spline bases in closed form, their slopes, and the textbook recursion that they are tested against.

With knot spacing h and t = (x - low) / h, basis k is the cardinal B-spline of order p centred at t = k + (1 - p) / 2:

    B_k(x) = 1/p! * sum_j (-1)^j binom(p+1, j) * relu((p+1)/2 - j - |t - centre_k|)^p,    j = 0 .. floor(p/2)

Symmetry about the centre leaves only the few terms whose argument can be positive (two for a cubic spline), so every
basis costs a handful of elementwise operations and no recursion.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Grid:
    """A uniform grid: `size` intervals on [low, high], splines of degree `order` (3 = cubic), K = size + order bases.

    Raises:
        ValueError: an empty range, no interval, or an order outside 1..5.
    """

    size: int = 5
    order: int = 3
    low: float = -1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if self.size < 1 or not 1 <= self.order <= 5 or not self.low < self.high:
            raise ValueError(f"a grid needs size >= 1, order 1..5 and low < high, not {self}")

    @property
    def bases(self) -> int:
        """K, the number of bases."""
        return self.size + self.order

    @property
    def spacing(self) -> float:
        """h, the distance of two knots."""
        return (self.high - self.low) / self.size

    @property
    def terms(self) -> list[tuple[float, float]]:
        """(shift, weight) of each truncated power: weight * relu(shift - |t - centre|)^order."""
        p = self.order
        scale = math.factorial(p)
        return [((p + 1) / 2 - j, (-1) ** j * math.comb(p + 1, j) / scale) for j in range(p // 2 + 1)]

    def centres(self, like: Tensor) -> Tensor:
        """(K,) centres of the bases in units of t, on the device and in the dtype of `like`."""
        return torch.arange(self.bases, device=like.device, dtype=like.dtype) + (1 - self.order) / 2

    def outside(self, x: Tensor) -> Tensor:
        """The share of the values of x that lie outside [low, high], a scalar."""
        return outside(x, self.low, self.high)

    def values(self, x: Tensor) -> Tensor:
        """The bases at x (...), (..., K), differentiable any number of times."""
        t = (x - self.low) / self.spacing
        reach = (t.unsqueeze(-1) - self.centres(x)).abs()
        powers = [weight * (shift - reach).clamp_min(0) ** self.order for shift, weight in self.terms]
        return torch.stack(powers).sum(0)

    def fill(self, x: Tensor, out: Tensor) -> None:
        """The bases at x (n, I), into `out` (n, K, I)."""
        reach = self._distance(x).abs_().neg_()
        out.zero_()
        for shift, weight in self.terms:
            out.add_(_power((reach + shift).clamp_min_(0), self.order), alpha=weight)

    def pull_back(self, x: Tensor, bases: Tensor, gradient: Tensor, out: Tensor) -> None:
        """The gradient (n, K, I) of the bases at x (n, I) to that of x, into `out` (n, I); `bases` are not needed."""
        distance = self._distance(x)
        reach = distance.abs().neg_()
        slopes = torch.zeros_like(distance)
        for shift, weight in self.terms:
            rest = (reach + shift).clamp_min_(0)
            slopes.add_(rest.sign_() if self.order == 1 else _power(rest, self.order - 1), alpha=weight)
        # every B-spline falls away from its centre
        slopes = torch.copysign(slopes, distance, out=distance).mul_(gradient)
        torch.sum(slopes, dim=-2, out=out)
        out.mul_(-self.order / self.spacing)

    def _distance(self, x: Tensor) -> Tensor:
        """(n, I) inputs to (n, K, I) signed distances from the centres, in knot spacings."""
        return ((x - self.low) / self.spacing).unsqueeze(-2) - self.centres(x).unsqueeze(-1)


def outside(x: Tensor, low: float, high: float) -> Tensor:
    """The share of the values of x that lie outside [low, high], a scalar."""
    middle, half = (low + high) / 2, (high - low) / 2
    return (x.detach() - middle).abs_().gt_(half).mean(dtype=torch.float32)  # in place: every layer asks at every step


def _power(base: Tensor, exponent: int) -> Tensor:
    """base ** exponent by multiplications, which are much cheaper than pow."""
    return math.prod([base] * (exponent - 1), start=base) if exponent < 4 else base.pow(exponent)


def bspline_basis(x: Tensor, grid: int = 5, order: int = 3, grid_range: tuple[float, float] = (-1.0, 1.0)) -> Tensor:
    """The K = grid + order uniform B-splines at every value of x, differentiable any number of times.

    They sum to one inside `grid_range`, fall to zero within `order` knot spacings outside it, and are zero beyond.

    Args:
        x: any shape (...).

    Returns:
        (..., K).
    """
    return Grid(grid, order, *grid_range).values(x)


def bspline_recursion(
    x: Tensor, grid: int = 5, order: int = 3, grid_range: tuple[float, float] = (-1.0, 1.0)
) -> Tensor:
    """The same bases by the Cox-de Boor recursion on the extended uniform knots: the slow textbook form.

    Args:
        x: any shape (...).

    Returns:
        (..., K).
    """
    made = Grid(grid, order, *grid_range)
    knots = made.low + made.spacing * torch.arange(-order, grid + order + 1, device=x.device, dtype=x.dtype)
    x = x.unsqueeze(-1)
    bases = ((x >= knots[:-1]) & (x < knots[1:])).to(x.dtype)
    for degree in range(1, order + 1):
        left = (x - knots[: -degree - 1]) / (knots[degree:-1] - knots[: -degree - 1])
        right = (knots[degree + 1 :] - x) / (knots[degree + 1 :] - knots[1:-degree])
        bases = left * bases[..., :-1] + right * bases[..., 1:]
    return bases
