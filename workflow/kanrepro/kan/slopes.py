"""How steep a KAN layer can be: upper bounds of every edge's slope, and of the layer's Lipschitz constant.

Bounds hold for every real input, up to the rounding of the layer's own precision, and can be differentiated almost
everywhere. Shapes: I inputs, O outputs, K bases, J (O, I) the layer's Jacobian, J_oi = phi'_io(x_i).

Slopes of the bases. Of B-splines of degree p on knots a distance h apart, phi = sum_k c_k B_k has

    phi' = sum_(k=0)^K d_k / h B_k^(p-1),    d_k = c_k - c_(k-1),    c_(-1) = c_K = 0:

the differences at both ends count, for outside its grid a spline falls to zero. The B_k^(p-1) are at least 0 and sum
to at most 1, so that phi' is at most max |d_k| / h in size. (For p = 1 phi' exists off the knots, which does for what
follows, phi being an integral of it.) At the peak of the basis with the largest |d_k| a cubic spline has the slope
3/4 d_k + 1/8 (d_(k-1) + d_(k+1)), half of |d_k| or more: the bound is at most twice the truth.

Of Gaussians, B' = -u exp(-u^2 / 2) / w with u = (x - c) / w, and |B'''| is at most T / w^3, T = 1.3802. On points a
distance w / n apart a function f is at most max |f| over the points plus (w / n)^2 / 8 max |f''|, the error of linear
interpolation. With f = phi'

    |phi'(x)| <= max over points |phi'| + T / (8 n^2 w) sum_k |c_k|    between the first and the last point,

and beyond them, 5 widths off the outermost knots and more, |phi'| <= 5 exp(-12.5) / w sum_k |c_k|, which is less than
what was added. The same holds for a vector of slopes and its Euclidean norm.
"""

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from kanrepro.kan.gaussian import Gaussians
from kanrepro.kan.layer import KANLinear
from kanrepro.kan.spline import Grid

SILU_SLOPE = 1.09984  # the largest slope of SiLU, at 2.3994, rounded up
THIRD_DERIVATIVE = 1.3802  # T, the largest third derivative of exp(-u^2 / 2), at u = 0.742, rounded up
MARGIN = 5  # widths that points reach beyond the outermost knots
COARSE, FINE = 4, 32  # n, points a width: for every edge, often, and for a grid, once
POWER_STEPS = 10
SMALLEST = 1e-3  # relative, of the eigenvalues of a Gram matrix


def slope_bounds(layer: KANLinear) -> Tensor:
    """(I, O) upper bounds of |phi'_io(x)| over all real x, the SiLU branch included; the proof heads this module."""
    coefficients, grid = _evenly_knotted(layer), layer.grid
    with torch.autocast(coefficients.device.type, enabled=False):
        if isinstance(grid, Grid):
            bounds = _differences(coefficients).abs().amax(-1) / grid.spacing
        else:
            points = _on_points(grid, COARSE)
            steepest = (coefficients @ points.slopes.to(coefficients).T).abs().amax(-1)
            bounds = steepest + points.slack * coefficients.abs().sum(-1)
        return bounds if layer.base_weight is None else bounds + SILU_SLOPE * layer.base_weight.abs()


def lipschitz(layer: KANLinear) -> Tensor:
    """L with |f(x) - f(y)| <= L |x - y| for all x and y in the Euclidean norm: a scalar tensor.

    The smaller one of two bounds of |J|_2 at every x; f(x) - f(y) is an integral of J (x - y). The first is sharp for a
    few edges, the second for many whose signs differ: by a factor of 5 for 128 inputs and outputs at the start.

    1. |J|_2 <= |S|_2, where S = `slope_bounds`. |J v| is at most | |J| |v| | <= | S^T |v| | <= |S|_2 |v|.
    2. phi'_io(x) = a_io . b(x), with |b(x)| <= r for every x (`_as_products`). So J = A^T D, where A ((I L), O) stacks
       the vectors a_io (L) of all inputs, and D has the b(x_i) as diagonal blocks (L, 1): |J|_2 <= |A|_2 |D|_2 <=
       |A|_2 r. SiLU branches add SILU_SLOPE |w|_2.
    """
    with torch.autocast(layer.coefficients.device.type, enabled=False):
        vectors, reach = _as_products(layer)
        stacked = reach * _spectral_norm(vectors.transpose(0, 1).flatten(1))
        if layer.base_weight is not None:
            stacked = stacked + SILU_SLOPE * _spectral_norm(layer.base_weight)
        with torch.no_grad():
            first_is_less = non_negative_norm(slope_bounds(layer)) < stacked
        return non_negative_norm(slope_bounds(layer)) if first_is_less else stacked  # the other needs no gradient


def non_negative_norm(matrix: Tensor) -> Tensor:
    """An upper bound of the spectral norm of a matrix S (I, O) without negative entries, close after few steps.

    For M = S^T S and any v > 0, the largest eigenvalue of M is at most r = max_i (M v)_i / v_i (Collatz and Wielandt):
    diag(v)^-1 M diag(v) has the eigenvalues of M, no negative entries, and row sums of at most r. Powers of M bring v
    near the leading eigenvector, where all ratios are the eigenvalue. The gradient is that of u . S v, u = S v / |S v|,
    |v| = 1: of the norm itself, where v is the eigenvector.
    """
    with torch.no_grad():
        tiny = torch.finfo(matrix.dtype).tiny
        v = matrix.new_ones(matrix.shape[1])
        for _ in range(POWER_STEPS):
            v = matrix.T @ (matrix @ v)
            v = v / v.amax().clamp_min(tiny) + 1e-6  # above zero where a column is zero
        bound = (matrix.T @ (matrix @ v) / v).amax().sqrt()
        v = functional.normalize(v, dim=0)
        u = functional.normalize(matrix @ v, dim=0)
    norm = u @ (matrix @ v)
    return norm + (bound - norm).detach()


class _Points(NamedTuple):
    """Slopes of a grid's Gaussians on points, (M, K), and what is to be added for |c_k| between them."""

    slopes: Tensor
    slack: float


def _on_points(grid: Gaussians, per_width: int) -> _Points:
    """In float64, on the CPU."""
    low, high = grid.low - MARGIN * grid.width, grid.high + MARGIN * grid.width
    count = int((high - low) / grid.width * per_width) + 2  # at least `per_width` points a width
    x = torch.linspace(low, high, count, dtype=torch.float64)
    u = (x.unsqueeze(-1) - grid.centres(x)) / grid.width
    slopes = -u * torch.exp(-0.5 * u.square()) / grid.width
    return _Points(slopes, THIRD_DERIVATIVE / (8 * per_width**2 * grid.width))


def _evenly_knotted(layer: KANLinear) -> Tensor:
    """The coefficients of its functions (I, O, K). Raises ValueError where knots have moved."""
    if layer.moved:
        raise ValueError("bounds are of uniform grids; the knots of this layer have moved")
    return layer.splines


def _differences(coefficients: Tensor) -> Tensor:
    """(..., K) to (..., K + 1): d_k = c_k - c_(k-1), with zeros beyond both ends."""
    return functional.pad(coefficients, (1, 1)).diff(dim=-1)


def _as_products(layer: KANLinear) -> tuple[Tensor, float]:
    """Vectors a (I, O, L) and a number r: phi'_io(x) = a_io . b(x), without SiLU, for some b with |b(x)| <= r.

    B-splines: a = d, b_k = B_k^(p-1) / h, whose squares sum to at most 1 / h^2. Gaussians: phi' = c . s with s the
    slopes of the bases, and c . s = (R c) . (R^-1 s) for every symmetric invertible R. R = G^(1/4), with G the Gram
    matrix of s (mean over the points), makes r |A|_2 a fifth smaller than R = 1 for random c.
    """
    coefficients, grid = _evenly_knotted(layer), layer.grid
    if isinstance(grid, Grid):
        return _differences(coefficients), 1 / grid.spacing
    root, reach = _root_and_reach(grid)
    return coefficients @ root.to(coefficients), reach


@lru_cache
def _root_and_reach(grid: Gaussians) -> tuple[Tensor, float]:
    """R (K, K) and r >= |R^-1 s(x)| for every x."""
    points = _on_points(grid, FINE)
    values, vectors = torch.linalg.eigh(points.slopes.T @ points.slopes / len(points.slopes))
    roots = values.clamp_min(SMALLEST * float(values[-1])) ** 0.25
    root, inverse = (vectors * roots) @ vectors.T, (vectors / roots) @ vectors.T
    slack = points.slack * grid.bases**0.5 / float(roots.min())  # |R^-1 s''| <= |R^-1|_2 sqrt(K) max |B'''|
    return root, float((points.slopes @ inverse).norm(dim=1).max()) + slack


def _spectral_norm(matrix: Tensor) -> Tensor:
    """|A|_2 of A (m, n), by the m eigenvalues of A A^T: a few of many rows are had for less than an SVD's."""
    return torch.linalg.eigvalsh(matrix @ matrix.T)[-1].clamp_min(torch.finfo(matrix.dtype).tiny).sqrt()
