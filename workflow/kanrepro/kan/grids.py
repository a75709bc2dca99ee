"""Grids that follow their inputs: each input of a KAN layer has knots of its own, on which its splines are refitted.

Source: KindXiaoming/pykan 0.2.8, `KANLayer.update_grid_from_samples`, as the released code of Khan-GCL calls it
(zihuwang97/KhanGCL@249b7b1). Shapes: n samples, I inputs, O outputs, G intervals, K = G + order bases, M = G + 2 order
+ 1 knots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from kanrepro.kan.layer import KANLinear


def bases_on(x: Tensor, knots: Tensor, order: int) -> Tensor:
    """The B-splines at x (n, I) on knots (I, M) of each input's own: (n, I, K), by the Cox-de Boor recursion.

    0 / 0 is 0: between knots that coincide nothing stands, and where all of an input's do, all its bases are zero.
    """
    x = x.unsqueeze(-1)
    bases = ((x >= knots[:, :-1]) & (x < knots[:, 1:])).to(x.dtype)
    for degree in range(1, order + 1):
        rise = _ratio(x - knots[:, : -degree - 1], knots[:, degree:-1] - knots[:, : -degree - 1])
        fall = _ratio(knots[:, degree + 1 :] - x, knots[:, degree + 1 :] - knots[:, 1:-degree])
        bases = rise * bases[..., :-1] + fall * bases[..., 1:]
    return bases


def _ratio(above: Tensor, below: Tensor) -> Tensor:
    return above * torch.where(below > 0, 1 / below, 0.0)


def adapted(x: Tensor, intervals: int, order: int, uniform: float) -> Tensor:
    """Knots (I, M) for samples x (n, I): (1 - uniform) times their quantiles plus `uniform` times a uniform grid.

    With x_(r) the sample of rank r = 0 .. n-1, knot j of G + 1 is x_(floor(n/G * j)), the last one the maximum. The
    uniform grid runs from minimum to maximum; so does their mixture, which `order` more knots extend at each end, as
    far apart as a G-th of that range.
    """
    ordered = x.sort(dim=0).values
    ranks = [int(len(x) / intervals * j) for j in range(intervals)]
    quantiles = ordered[[*ranks, -1]].T  # (I, G + 1)
    low, high = quantiles[:, :1], quantiles[:, -1:]
    step = (high - low) / intervals
    even = low + step * torch.arange(intervals + 1, device=x.device, dtype=x.dtype)
    inner = (1 - uniform) * quantiles + uniform * even
    further = step * torch.arange(1, order + 1, device=x.device, dtype=x.dtype)
    return torch.cat([inner[:, :1] - further.flip(1), inner, inner[:, -1:] + further], dim=1)


@torch.no_grad()
def refit(layer: KANLinear, x: Tensor) -> Tensor:
    """Move the knots of a layer to samples x (n, I) of its inputs and refit its splines there; in place.

    The splines alone are fitted, sum_k c_iok B_k(x) without the scale of an edge and without SiLU, by least squares
    with the solution of least norm: samples need not determine K coefficients. It is found on the CPU, since a GPU's
    solver takes full rank for granted.

    Returns:
        The share of the splines that is kept, 1 - |new - old|^2 / |old|^2 over samples, inputs and outputs: 1 where
        nothing is lost, and at least 0 up to rounding, since c = 0 could be chosen.

    Raises:
        ValueError: the grid of the layer is fixed.
    """
    if layer.knots is None or layer.uniform is None:
        raise ValueError("the grid of this layer is fixed: give KANLinear the argument `adaptive`")
    order = layer.grid.bases - layer.intervals
    old = bases_on(x, layer.knots, order).transpose(0, 1) @ layer.coefficients.transpose(1, 2)  # (I, n, O)
    layer.knots.copy_(adapted(x, layer.intervals, order, layer.uniform))
    bases = bases_on(x, layer.knots, order).transpose(0, 1)  # (I, n, K)
    fitted = torch.linalg.lstsq(bases.cpu(), old.cpu(), driver="gelsd").solution.to(old.device)  # (I, K, O)
    layer.coefficients.copy_(fitted.transpose(1, 2))
    whole = old.square().sum()
    return torch.where(whole > 0, 1 - (bases @ fitted - old).square().sum() / whole, 1.0)
