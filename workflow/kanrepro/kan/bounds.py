"""What the coefficients of a spline imply about its variance: Proposition 1 of Khan-GCL, corrected.

The paper bounds the variance of phi = sum_k c_k B_k on [a, b] by M(0) * sum_k (c_k - mean)^2, with M(j) the integral of
B_k * B_(k+j). That drops the cross terms of the quadratic form d^T M d, which can be positive, and is false
(`printed_bound`; docs/findings has a counterexample). What holds is

    integral over [a, b] of (phi - mu)^2  <=  lambda_max(M) * sum_k d_k^2  <=  h * sum_k d_k^2,    d_k = c_k - mean(c).

Proof: the mean mu minimises the integral over constants, and sum_k B_k = 1 on [a, b], so phi - mean(c) = sum_k d_k B_k
bounds it by d^T M d <= lambda_max(M) |d|^2, with M the Gram matrix of the bases on [a, b]. M is non-negative with row
sums equal to the integral of B_k over [a, b], at most h; hence lambda_max(M) <= h (Gershgorin).
"""

import numpy as np
import torch
from torch import Tensor

from kanrepro.kan.spline import Grid, bspline_basis


def gram_matrix(grid: Grid) -> Tensor:
    """(K, K) float64 integrals of B_k * B_l over the grid's range, exact by Gauss-Legendre on each interval."""
    nodes, weights = map(torch.from_numpy, np.polynomial.legendre.leggauss(grid.order + 1))  # exact to 2 * order + 1
    starts = grid.low + grid.spacing * torch.arange(grid.size, dtype=torch.float64)
    x = (starts[:, None] + grid.spacing * (nodes + 1) / 2).flatten()
    w = (weights * grid.spacing / 2).repeat(grid.size)
    bases = bspline_basis(x, grid.size, grid.order, (grid.low, grid.high))
    return bases.T @ (w[:, None] * bases)


def spline_variation(coefficients: Tensor, grid: Grid) -> Tensor:
    """The integral over the grid's range of (phi - mu)^2, mu the mean of phi: (..., K) to (...), exact, float64."""
    c = coefficients.double()
    gram = gram_matrix(grid)
    ones = torch.ones(grid.bases, dtype=torch.float64)
    integral = c @ (gram @ ones)  # partition of unity: the integral of phi is c^T M 1
    return ((c @ gram) * c).sum(-1) - integral**2 / (grid.high - grid.low)


def variation_bound(coefficients: Tensor, grid: Grid, sharp: bool = True) -> Tensor:
    """The corrected Proposition 1: lambda_max(M) * sum d_k^2, or h * sum d_k^2 where not `sharp`; (..., K) to (...)."""
    c = coefficients.double()
    factor = torch.linalg.eigvalsh(gram_matrix(grid))[-1] if sharp else torch.tensor(grid.spacing, dtype=torch.float64)
    return factor * (c - c.mean(-1, keepdim=True)).square().sum(-1)


def printed_bound(coefficients: Tensor, grid: Grid) -> Tensor:
    """The bound as the paper prints it (eq. 24), M(0) * sum d_k^2: false, kept for the counterexample."""
    c = coefficients.double()
    middle = gram_matrix(Grid(grid.size + 4 * grid.order, grid.order, 0.0, (grid.size + 4 * grid.order) * grid.spacing))
    k = middle.shape[0] // 2  # a basis whose whole support lies inside: M(0) of the paper
    return middle[k, k] * (c - c.mean(-1, keepdim=True)).square().sum(-1)
