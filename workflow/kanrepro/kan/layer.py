"""KANLinear and KAN: layers whose edges carry learnable functions (Khan-GCL section 3, equations 2-3; DEQ-KAN)."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from kanrepro.kan import plain
from kanrepro.kan.expansion import Basis
from kanrepro.kan.gaussian import Gaussians
from kanrepro.kan.grids import bases_on
from kanrepro.kan.products import product
from kanrepro.kan.spline import Grid


def xavier_std(grid: Basis, in_features: int, out_features: int) -> float:
    """The standard deviation of coefficients whose layer has the output variance of a Xavier linear layer.

    Xavier's weights have variance 2 / (I + O), which gives inputs x ~ N(0, 1) outputs of variance 2 I / (I + O). With
    independent coefficients of mean 0 and variance s^2 those of the layer have I s^2 sum_k E[B_k(x)^2], so that

        s^2 = 2 / ((I + O) sum_k E[B_k(x)^2]),    x ~ N(0, 1).

    For Gaussians E[B_k^2] = w / sqrt(w^2 + 2) exp(-c_k^2 / (w^2 + 2)); a sum over a fine grid does it for all bases.
    """
    x = torch.linspace(-10, 10, 20001, dtype=torch.float64)
    bases = x.new_empty(len(x), grid.bases, 1)
    grid.fill(x.unsqueeze(-1), bases)
    density = torch.exp(-x.square() / 2) / math.sqrt(2 * math.pi)
    squares = float((density * bases.square().sum((1, 2))).sum()) * 1e-3
    return math.sqrt(2 / ((in_features + out_features) * squares))


class KANLinear(nn.Module):
    """A KAN layer: y_o = sum_i [ w_io silu(x_i) + s_io sum_k c_iok B_k(x_i) + b_io ].

    The bases B_k are B-splines (Khan-GCL) or Gaussians (DEQ-KAN's code: grid=10, grid_range=(-3, 3), base=False,
    edge_bias=True, coefficient_scale=0.01 sqrt(I)). Inputs outside `grid_range` meet functions that fall to zero (the
    splines within `order` knot spacings): only the SiLU branch is left there. `outside_share` tells how many inputs of
    the last training batch that was (not counted under compilers and transforms, see `plain`).

    Args:
        in_features: I.
        out_features: O.
        grid: of splines: intervals of the uniform grid, K = grid + order; of Gaussians: knots, K = grid.
        order: degree of the splines, 3 = cubic.
        grid_range: the interval that the grid covers; its ends are knots.
        base: whether edges have the SiLU branch of the original KAN, w.
        coefficient_scale: standard deviation of the initial coefficients, times sqrt(I); None: that of `xavier_std`.
        generator: source of the initial values.
        basis: "bspline" or "gaussian".
        width: standard deviation of a Gaussian.
        edge_bias: whether every edge has a bias b, zero at first.
        edge_scale: whether every edge has a scale s of its spline, one at first (pykan); without it s = 1.
        noise: of pykan: initial splines are fitted, with coefficients of least norm, to noise of this width over G at
            the grid's G + 1 points, in place of coefficients drawn by `coefficient_scale`; None: drawn.
        adaptive: share of a uniform grid in grids that follow their inputs (`kan.grids`); None: a fixed grid. Splines
            with knots that have moved are evaluated by their recursion, several times slower.
        device, dtype: of the weights; `generator` must be of the same device.
    """

    outside_share: Tensor
    knots: Tensor | None  # (I, M), where grids are adaptive

    def __init__(
        self,
        in_features: int,
        out_features: int,
        grid: int = 5,
        order: int = 3,
        grid_range: tuple[float, float] = (-1.0, 1.0),
        base: bool = True,
        coefficient_scale: float | None = 0.1,
        generator: torch.Generator | None = None,
        basis: Literal["bspline", "gaussian"] = "bspline",
        width: float = 1.0,
        edge_bias: bool = False,
        edge_scale: bool = False,
        noise: float | None = None,
        adaptive: float | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if basis not in ("bspline", "gaussian"):
            raise ValueError(f"basis is 'bspline' or 'gaussian', not {basis!r}")
        low, high = map(float, grid_range)
        self.in_features, self.out_features = in_features, out_features
        self.grid = Grid(grid, order, low, high) if basis == "bspline" else Gaussians(grid, low, high, width)
        if isinstance(self.grid, Gaussians) and not (noise is None and adaptive is None):
            raise ValueError("noise and adaptive are of B-splines, not of Gaussians")
        self.coefficient_scale, self.noise, self.uniform, self.intervals = coefficient_scale, noise, adaptive, grid
        shape: dict[str, Any] = {"size": (in_features, out_features), "device": device, "dtype": dtype}
        self.coefficients = nn.Parameter(
            torch.empty(in_features, out_features, self.grid.bases, device=device, dtype=dtype)
        )
        self.base_weight = nn.Parameter(torch.empty(**shape)) if base else None
        self.edge_bias = nn.Parameter(torch.empty(**shape)) if edge_bias else None
        self.edge_scale = nn.Parameter(torch.empty(**shape)) if edge_scale else None
        self.register_buffer("knots", None if adaptive is None else self._even_knots())
        self.register_buffer("outside_share", torch.zeros((), device=device), persistent=False)
        self.reset_parameters(generator)

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw initial values, coefficients first."""
        bound = 1 / math.sqrt(max(self.in_features, 1))
        scale = self.coefficient_scale
        if self.noise is not None:
            self._fit_noise(generator)
        else:
            std = xavier_std(self.grid, self.in_features, self.out_features) if scale is None else scale * bound
            nn.init.normal_(self.coefficients, std=std, generator=generator)
        if self.base_weight is not None:
            nn.init.uniform_(self.base_weight, -bound, bound, generator=generator)
        if self.edge_bias is not None:
            nn.init.zeros_(self.edge_bias)
        if self.edge_scale is not None:
            nn.init.ones_(self.edge_scale)
        if self.knots is not None:
            self.knots.copy_(self._even_knots())

    @torch.no_grad()
    def _fit_noise(self, generator: torch.Generator | None) -> None:
        """Coefficients of least norm whose splines are noise / G * U(-1/2, 1/2) at the points of the grid."""
        grid, like = self.grid, self.coefficients
        points = torch.linspace(grid.low, grid.high, self.intervals + 1, dtype=torch.float64)
        shape = (self.intervals + 1, self.in_features, self.out_features)
        drawn = torch.rand(shape, generator=generator, device=like.device, dtype=like.dtype) - 0.5
        inverse = torch.linalg.pinv(grid.values(points)).to(drawn)  # (K, G + 1)
        like.copy_(torch.einsum("kg,gio->iok", inverse, drawn * ((self.noise or 0.0) / self.intervals)))

    def _even_knots(self) -> Tensor:
        """(I, M) the knots of the uniform grid for every input."""
        assert isinstance(self.grid, Grid)
        steps = torch.arange(-self.grid.order, self.intervals + self.grid.order + 1)
        knots = (self.grid.low + self.grid.spacing * steps).to(self.coefficients)
        return knots.expand(self.in_features, -1).clone()

    @property
    def moved(self) -> bool:
        """Whether knots stand elsewhere than on the uniform grid."""
        return self.knots is not None and not torch.equal(self.knots, self._even_knots())

    @property
    def splines(self) -> Tensor:
        """(I, O, K) the coefficients that functions have: s_io c_iok."""
        return self.coefficients if self.edge_scale is None else self.edge_scale.unsqueeze(-1) * self.coefficients

    def forward(self, x: Tensor) -> Tensor:
        """(..., I) to (..., O).

        Raises:
            ValueError: x has another width.
            TypeError: x has another dtype than the weights, and no autocast is at work.
        """
        return self.bind()(x)

    def bind(self) -> Callable[[Tensor], Tensor]:
        """`forward` with the weights laid out once, for a solve that calls it many times before they change."""
        weight = self.splines.permute(2, 0, 1)  # (K, I, O): neighbouring inputs lie side by side in a block
        if self.base_weight is not None:
            weight = torch.cat([weight, self.base_weight.unsqueeze(0)])
        weight = weight.flatten(0, 1)
        bias = None if self.edge_bias is None else self.edge_bias.sum(0)
        knots = self.knots if self.moved else None

        def bound(x: Tensor) -> Tensor:
            dtype = self._working_dtype(x)
            if self.training and not plain.needed(x):
                self.outside_share = self.grid.outside(x) if knots is None else self._outside(x, knots)
            rows = x.reshape(-1, self.in_features)
            y = product(rows, weight, self.grid, dtype) if knots is None else self._on(knots, rows, weight, dtype)
            if bias is not None:
                y = y + bias.to(dtype)
            return y.reshape(*x.shape[:-1], self.out_features)

        return bound

    def _on(self, knots: Tensor, x: Tensor, weight: Tensor, dtype: torch.dtype) -> Tensor:
        """`product` on knots that have moved."""
        values = bases_on(x, knots, self.grid.bases - self.intervals).transpose(1, 2)  # (n, K, I)
        if self.base_weight is not None:
            values = torch.cat([values, functional.silu(x).unsqueeze(1)], dim=1)
        return torch.mm(values.flatten(1).to(dtype), weight.to(dtype))

    def _outside(self, x: Tensor, knots: Tensor) -> Tensor:
        order = self.grid.bases - self.intervals
        return ((x < knots[:, order]) | (x > knots[:, -order - 1])).mean(dtype=torch.float32)

    def _working_dtype(self, x: Tensor) -> torch.dtype:
        """The dtype to compute in, of inputs that fit the layer."""
        if x.ndim == 0 or x.shape[-1] != self.in_features:
            given, wanted = tuple(x.shape), self.in_features
            raise ValueError(f"the last dimension of the inputs must be {wanted}, the layer's in_features, not {given}")
        kind, own = x.device.type, self.coefficients.dtype
        if kind != "meta" and torch.is_autocast_enabled(kind) and x.is_floating_point():
            return torch.get_autocast_dtype(kind)
        if x.dtype != own:
            raise TypeError(f"inputs are {x.dtype}, the layer's weights {own}: convert one, or use torch.autocast")
        return own

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        """Beside the tensors, where PyTorch keeps a module's version: the grid, without which they mean nothing."""
        super()._save_to_state_dict(destination, prefix, keep_vars)
        getattr(destination, "_metadata", {}).setdefault(prefix[:-1], {})["grid"] = repr(self.grid)

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: Any, strict: bool, *lists: list[str]
    ) -> None:
        super()._load_from_state_dict(state_dict, prefix, local_metadata, strict, *lists)
        grid = local_metadata.get("grid", repr(self.grid))  # a file of tensors alone does not tell
        if grid != repr(self.grid):
            lists[-1].append(f"{prefix}coefficients are of {grid}, this layer's are of {self.grid}")

    def extra_repr(self) -> str:
        base, bias = self.base_weight is not None, self.edge_bias is not None
        shape = f"in_features={self.in_features}, out_features={self.out_features}"
        return f"{shape}, grid={self.grid}, base={base}, edge_bias={bias}"


class KAN(nn.Sequential):
    """KANLinear layers one after the other, `widths` = (I, ..., O); further arguments as for KANLinear."""

    def __init__(self, widths: Sequence[int], **layer: Any) -> None:
        super().__init__(*(KANLinear(inputs, outputs, **layer) for inputs, outputs in pairwise(widths)))
