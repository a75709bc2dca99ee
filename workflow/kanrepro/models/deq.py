"""DEQ-KAN's hidden state: a KAN at an equilibrium z = F(z), in three forms, and what it is compared with.

The core K is KAN2(ReLU(KAN1(.))), with dropout on the inputs of both layers, or an MLP of as many parameters. Forms:

shipped     F(z) = z + u + (z + u) + K(z + u), stepped by z + alpha (F(z) - z): what DEQ-KAN's code does. F(z) - z grows
            by the factor 1 + alpha a step where K hardly moves, so that the iteration runs away (protocol.md 3.G).
repaired    F(z) = LayerNorm(u + K(z)). The norm has neither gain nor bias: z then lies where the knots of the KAN are,
            and the linear classifier that follows has a gain of its own.
certified   F(z) = u + s K(z), with s such that F is a contraction.

The certified form. Let L be the product of the layers' Lipschitz bounds (kanrepro.kan.slopes; ReLU has 1), and let
m = 1 / (1 - p) be the largest entry of a dropout mask: |K(a) - K(b)| <= m^2 L |a - b|. With s = q / max(m^2 L, q), F
has the constant s m^2 L <= q < 1, for every mask and every u. Banach's fixed point theorem follows:

1. Existence. z_k = F(z_{k-1}) has |z_{k+1} - z_k| <= q^k |z_1 - z_0|, and so |z_{k+n} - z_k| <= (q^k + q^(k+1) + ...)
   |z_1 - z_0| <= q^k / (1 - q) |z_1 - z_0|: a Cauchy sequence, whose limit z* has F(z*) = z* as F is continuous.
2. Uniqueness. If F(z) = z and F(y) = y, then |z - y| = |F(z) - F(y)| <= q |z - y|, so z = y.
3. Steps known in advance. n -> infinity in 1 gives |z_k - z*| <= q^k / (1 - q) |z_1 - z_0|: an error of `tolerance`
   times the first step is reached at the first k with q^k <= tolerance (1 - q) (`steps_in_advance`), whatever u is.
4. (I - J)^-1 exists, |J| being at most q: the implicit gradient is defined, and its solve converges alike.

Why this s: q / (m^2 L) always would make K's size meaningless (twice the coefficients, the same map) and leave none at
K = 0; with the maximum a core that is gentle enough already is left as it is, s is continuous, and where the bound is
active, its gradient tells the coefficients to stay within it. The same s serves in evaluation, where no mask stretches
K and the constant is q / m^2: so that the map is in the mean what it was in training.

Shapes: B samples, D width of u and z, H width inside the core.
"""

import math
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from kanrepro.core.errors import UserError
from kanrepro.kan import KANLinear
from kanrepro.kan.slopes import lipschitz
from kanrepro.models.classifier_settings import BasisSettings, HeadSettings
from kanrepro.models.equilibrium import Health, Solver, fixed_point, mean_rate, measure
from kanrepro.models.initial import xavier_

Masks = tuple[Tensor, Tensor] | None
Layer = KANLinear | nn.Linear
SPLINE_ORDER = 3


class Map(Protocol):
    """F for given u: z (B, D) to F(z) (B, D)."""

    def __call__(self, z: Tensor, masks: Masks = None) -> Tensor: ...


class Core(nn.Module):
    """second(ReLU(first(x))), with a dropout mask on the inputs of each, drawn apart so that a solve can keep it."""

    def __init__(self, first: Layer, second: Layer, dropout: float) -> None:
        super().__init__()
        self.first, self.second, self.dropout = first, second, dropout

    def masks(self, x: Tensor) -> Masks:
        """Masks for inputs like x (B, D), (B, D) and (B, H): 0 or 1 / (1 - p); none in evaluation."""
        if not self.training or not self.dropout:
            return None
        return self._mask(x, self.first.in_features), self._mask(x, self.second.in_features)

    def _mask(self, x: Tensor, width: int) -> Tensor:
        return functional.dropout(x.new_ones(x.shape[0], width), self.dropout)

    def forward(self, x: Tensor, masks: Masks = None) -> Tensor:
        """(B, D) to (B, D)."""
        return self.bind()(x, masks)

    def bind(self) -> Callable[[Tensor, Masks], Tensor]:
        """`forward` with the layers' weights laid out once, for a solve that calls it many times."""
        first, second = (layer.bind() if isinstance(layer, KANLinear) else layer for layer in (self.first, self.second))

        def bound(x: Tensor, masks: Masks) -> Tensor:
            if masks is None:
                return second(first(x).relu())
            return second(first(x * masks[0]).relu() * masks[1])

        return bound

    def lipschitz(self) -> Tensor:
        """L, an upper bound of the core's Lipschitz constant without masks; a scalar, differentiable."""
        return _lipschitz(self.first) * _lipschitz(self.second)

    def stretch(self) -> float:
        """m^2, by how much masks can raise it."""
        return (1 - self.dropout) ** -2


def _lipschitz(layer: Layer) -> Tensor:
    return lipschitz(layer) if isinstance(layer, KANLinear) else torch.linalg.matrix_norm(layer.weight, 2)


def build_core(settings: HeadSettings, generator: torch.Generator | None = None) -> Core:
    """The core that `settings` describe.

    Raises:
        UserError: a basis without enough knots.
    """
    width, edge_bias = settings.hidden, settings.form == "shipped"
    if settings.core == "kan":
        first, second = (_kan_layer(width, settings.basis, edge_bias, generator) for _ in range(2))
        return Core(first, second, settings.dropout)
    parameters = 2 * width**2 * (settings.basis.knots + edge_bias)
    inside = settings.mlp_hidden or max(1, round((parameters - width) / (2 * width + 1)))
    core = Core(nn.Linear(width, inside), nn.Linear(inside, width), settings.dropout)
    xavier_(core, generator)
    return core


def _kan_layer(width: int, basis: BasisSettings, edge_bias: bool, generator: torch.Generator | None) -> KANLinear:
    """D to D, without SiLU branch."""
    given = basis.coefficient_scale
    scale = None if given is None else given * math.sqrt(width)  # by which KANLinear divides
    form: dict[str, Any] = {"basis": "gaussian", "grid": basis.knots, "width": basis.width}
    if basis.kind == "bspline":
        if basis.knots <= SPLINE_ORDER:
            raise UserError(f"head.basis.knots = {basis.knots}: cubic B-splines need at least {SPLINE_ORDER + 1}.")
        form = {"basis": "bspline", "grid": basis.knots - SPLINE_ORDER, "order": SPLINE_ORDER}
    return KANLinear(
        width,
        width,
        grid_range=basis.range,
        base=False,
        edge_bias=edge_bias,
        coefficient_scale=scale,
        generator=generator,
        **form,
    )


def steps_in_advance(constant: float, tolerance: float) -> int:
    """Steps after which a contraction's error is at most `tolerance` times its first: q^k / (1 - q) <= tolerance."""
    if constant == 0:
        return 1
    return max(1, math.ceil(math.log(tolerance * (1 - constant)) / math.log(constant)))


class EquilibriumHead(nn.Module):
    """u to z, by one application of the map, by some of them, or by its fixed point.

    feedforward     F once, from z = u: LayerNorm(u + K(u)) in the repaired form, so that iteration alone tells it from
                    the others.
    unrolled        settings.steps damped steps from z = 0, recorded one by one; the shipped form draws fresh masks in
                    every step and stops where the mean of |step| over the batch falls below the tolerance, as its code.
                    Its health is that of the last iterate but one, which is the last that was measured.
    equilibrium     the fixed point, by settings.solver.

    Masks are drawn once a solve (variational dropout) but for the unrolled shipped form, from PyTorch's default
    generator.

    Args:
        settings: of the head; `kind` none has no head.
        generator: source of the initial values.

    Raises:
        UserError: settings that make no map.
    """

    def __init__(self, settings: HeadSettings, generator: torch.Generator | None = None) -> None:
        super().__init__()
        if settings.kind == "none":
            raise UserError("head.kind = 'none' is a model without a head: build none.")
        self.settings = settings
        self.core = build_core(settings, generator)

    def forward(self, u: Tensor) -> tuple[Tensor, Health | None]:
        """u (B, D) to z (B, D) and how the iteration went, None for `feedforward`. In float32 under autocast."""
        with torch.autocast(u.device.type, enabled=False):
            u = u.float() if u.dtype in (torch.bfloat16, torch.float16) else u
            if self.settings.kind == "unrolled":
                return self._unrolled(u)
            function, masks, solver = self.bind(u), self.core.masks(u), self.settings.solver
            if self.settings.kind == "feedforward":
                return function(torch.zeros_like(u) if self.settings.form == "shipped" else u, masks), None
            return fixed_point(
                lambda z: function(z, masks),
                torch.zeros_like(u),
                solver=solver.kind,
                tolerance=solver.tolerance,
                max_steps=solver.max_steps,
                damping=solver.damping,
                memory=solver.memory,
                gradient=solver.gradient,
            )

    def _unrolled(self, u: Tensor) -> tuple[Tensor, Health]:
        solver, shipped = self.settings.solver, self.settings.form == "shipped"
        z, function, masks = torch.zeros_like(u), self.bind(u), self.core.masks(u)
        distances: list[Tensor] = []
        residual = z.new_empty(0)
        for step in range(self.settings.steps):
            if shipped and step:
                masks = self.core.masks(u)
            image = function(z, masks)
            distance, residual = measure(z.detach(), image.detach())
            distances.append(distance)
            z = z + solver.damping * (image - z)
            if shipped and float(solver.damping * distance.mean()) < solver.tolerance:
                break
        steps = torch.full_like(residual, len(distances), dtype=torch.long)
        rate = mean_rate(distances[0], distances[-1], steps)
        return z, Health(steps, residual, residual < solver.tolerance, rate)

    def bind(self, u: Tensor) -> Map:
        """F for given u (B, D), a function of z and masks, with what does not depend on them computed once."""
        core, form = self.core.bind(), self.settings.form
        scale = self.scale() if form == "certified" else 1.0

        def bound(z: Tensor, masks: Masks = None) -> Tensor:
            if form == "shipped":  # its KAN block has a skip of its own
                inner = z + u
                return inner + (inner + core(inner, masks))
            if form == "repaired":
                return functional.layer_norm(u + core(z, masks), u.shape[-1:])
            return u + scale * core(z, masks)

        return bound

    def map(self, z: Tensor, u: Tensor) -> Tensor:
        """F(z) for given u, without dropout: (B, D)."""
        return self.bind(u)(z)

    def scale(self) -> Tensor:
        """s of the certified form, a scalar, differentiable."""
        contraction = self.settings.contraction
        return contraction / (self.core.stretch() * self.core.lipschitz()).clamp_min(contraction)

    def certificate(self) -> dict[str, float] | None:
        """What the certified form promises in evaluation; None for the others.

        `bound`: its Lipschitz constant is at most this. `steps_for_tolerance`: after that many plain steps the error is
        at most the solver's tolerance times the first step.
        """
        if self.settings.form != "certified":
            return None
        with torch.no_grad():
            bound = float(self.scale() * self.core.lipschitz())
        return {"bound": bound, "steps_for_tolerance": steps_in_advance(bound, self.settings.solver.tolerance)}

    @torch.no_grad()
    def trace(self, u: Tensor, steps: int, solver: str = "damped") -> Tensor:
        """|F(z) - z| of every step of a solver without dropout, over that of its first step: (steps, B).

        The scale is the same in every step, |F(0)|, unlike in `Health`: where z runs away, |F(z)| does too, and their
        ratio would hide it.
        """
        function, given = self.bind(u), self.settings.solver
        distances: list[Tensor] = []

        def watched(z: Tensor) -> Tensor:
            image = function(z)
            distances.append((image - z).norm(dim=1))
            return image

        run = Solver(solver, tolerance=0.0, max_steps=steps, damping=given.damping, memory=given.memory)
        run(watched, torch.zeros_like(u))
        distances += distances[-1:] * (steps - len(distances))  # fewer where no sample is finite any more
        found = torch.stack(distances)
        return found / found[0]
