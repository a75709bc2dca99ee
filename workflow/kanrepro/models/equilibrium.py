"""Fixed points z = F(z) of a batch, with a report on the solver's health and a gradient that costs no memory per step.

Gradient. At z = F(z; w) the implicit function theorem gives dz/dw = (I - J)^-1 dF/dw with J = dF/dz. For a loss with
gradient v at z, that is y^T dF/dw, where y solves the linear fixed point y = J^T y + v. So the solve itself is run
without recording anything; F is applied once more at the solution, recorded; and the backward pass solves for y with
products y^T J through that one application, then sends y on to the weights and inputs of F. Memory is that of one
application, however many steps the solves take. `one_step` puts y = v, the first term of the series.

Shapes: B samples, D width of z.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from kanrepro.core.errors import UserError
from kanrepro.models.solvers import Stepper

Function = Callable[[Tensor], Tensor]  # (B, D) to (B, D), sample by sample
EPS = 1e-9


@dataclass
class Health:
    """How a solve went, sample by sample; on the device of z, without gradients.

    Attributes:
        steps: (B,) int64, evaluations of F until the sample stopped; the application that carries the gradient is not
            counted.
        residuals: (B,) |F(z) - z| / |F(z)| of the z that was returned; infinite where F gave nothing finite.
        converged: (B,) bool.
        rate: (B,) float64, the factor by which |F(z) - z| changed a step, in the mean over all steps; above one the
            iteration ran away. Not a number where there was a single step.
        trace: where it was asked for, (B,) residuals of every step; a sample that stopped keeps its last one.
        backward: of the solve for the gradient, once `backward` has run; None for `one_step`.
    """

    steps: Tensor
    residuals: Tensor
    converged: Tensor
    rate: Tensor
    trace: list[Tensor] | None = None
    backward: "Health | None" = None


def measure(z: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
    """|F(z) - z| and |F(z) - z| / |F(z)| of every sample, (B,) each, from z and F(z), (B, D)."""
    distance = (image - z).norm(dim=1)
    return distance, distance / (image.norm(dim=1) + EPS)


def mean_rate(first: Tensor, last: Tensor, steps: Tensor) -> Tensor:
    """The mean factor a step, in float64, between two distances (B,) that are `steps` - 1 steps apart."""
    rate = (last.double() / first.double()) ** (1 / (steps - 1))
    return torch.where(steps > 1, rate, math.nan)


@dataclass(frozen=True)
class Solver:
    """The settings of a solve, as `fixed_point` describes them."""

    kind: str
    tolerance: float
    max_steps: int
    damping: float
    memory: int

    def __call__(self, function: Function, z: Tensor, trace: bool = False) -> tuple[Tensor, Health]:
        """The best iterate from the start z (B, D), and how it was found. Nothing is recorded for gradients."""
        with torch.no_grad():
            return self._run(function, z, trace)

    def _run(self, function: Function, z: Tensor, trace: bool) -> tuple[Tensor, Health]:
        stepper = Stepper(self.kind, self.memory, self.damping)
        best, lowest = z, z.new_full(z.shape[:1], math.inf)
        steps = torch.zeros_like(lowest, dtype=torch.long)
        running = torch.ones_like(lowest, dtype=torch.bool)
        first = last = lowest
        traced: list[Tensor] = []
        for step in range(self.max_steps):
            image = function(z)
            distance, residual = measure(z, image)
            traced += [residual] if trace else []
            steps += running
            finite = residual.isfinite()
            first = distance if step == 0 else first
            last = torch.where(running & finite, distance, last)
            better = running & (residual < lowest)  # never true of a residual that is not a number
            best = torch.where(better.unsqueeze(1), z, best)
            lowest = torch.where(better, residual, lowest)
            running = running & finite & (residual >= self.tolerance)
            if step + 1 == self.max_steps or not running.any():
                break
            z = torch.where(running.unsqueeze(1), stepper.next(z, image), z)
        rate = mean_rate(first, last, steps)
        return best, Health(steps, lowest, lowest < self.tolerance, rate, traced if trace else None)


def fixed_point(
    function: Function,
    z0: Tensor,
    *,
    solver: Literal["anderson", "broyden", "damped"] = "anderson",
    tolerance: float = 1e-4,
    max_steps: int = 50,
    damping: float = 1.0,
    memory: int = 5,
    gradient: Literal["implicit", "one_step"] = "implicit",
    trace: bool = False,
) -> tuple[Tensor, Health]:
    """z with z = F(z), for every sample of a batch by itself.

    A sample that has converged stands still while others go on, so that its answer and its count of steps do not
    depend on its neighbours. One that has not, or that met a value that is not finite, gets its best iterate; `Health`
    tells which. Under autocast the solve runs in float32.

    Args:
        function: F, (B, D) to (B, D), sample by sample. It may close over weights and inputs: gradients reach them.
        z0: (B, D) start.
        solver: see `kanrepro.models.solvers`.
        tolerance: a sample stops below this residual |F(z) - z| / |F(z)|; 0 runs all steps. Also of the backward solve.
        max_steps: evaluations of F; also of the backward solve.
        damping: z moves by this share of F(z) - z.
        memory: past iterates that Anderson and Broyden use.
        gradient: by the implicit function theorem, or its first term alone.
        trace: keep the residuals of every step.

    Returns:
        z (B, D), and its health, to which `backward` adds that of the gradient.

    Raises:
        UserError: an unknown solver; in the backward pass, a gradient that is to be differentiated itself.
    """
    solve = Solver(solver, tolerance, max_steps, damping, memory)
    with torch.autocast(z0.device.type, enabled=False):
        z0 = z0.detach()
        z, health = solve(function, z0.float() if z0.dtype in (torch.bfloat16, torch.float16) else z0, trace)
        if not torch.is_grad_enabled():
            return z, health
        z = z.detach()
        at = z.clone().requires_grad_(gradient == "implicit")
        image = function(at)
        if not image.requires_grad:
            return z, health
        adjoint = _Adjoint(image, at, solve, health) if gradient == "implicit" else None
        return _Solved.apply(image, z, adjoint), health


@dataclass
class _Adjoint:
    """v to y = J^T y + v, J the Jacobian of `image` by `at`."""

    image: Tensor
    at: Tensor
    solve: Solver
    health: Health

    def __call__(self, gradient: Tensor) -> Tensor:
        size = gradient.norm(dim=1, keepdim=True)
        v = gradient / size.clamp_min(torch.finfo(size.dtype).tiny)  # of size one, so that no gradient is too small

        def backward(y: Tensor) -> Tensor:
            (product,) = torch.autograd.grad(
                self.image, self.at, y, retain_graph=True, allow_unused=True, materialize_grads=True
            )
            return product + v

        with torch.autocast(gradient.device.type, enabled=False):
            y, self.health.backward = self.solve(backward, v)
        return size * y


class _Solved(torch.autograd.Function):
    """The solution z, to whose gradient the recorded application `image` of F at z gives the way back."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, z: Tensor, adjoint: _Adjoint | None) -> Tensor:
        ctx.adjoint = adjoint
        return z.view_as(z)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():  # create_graph: once_differentiable would give zeros where `gradient` is a constant
            raise UserError(
                "The gradient of fixed_point cannot be differentiated (create_graph=True): it would leave out how the "
                "solution moves. Apply F step by step, without fixed_point."
            )
        return (gradient if ctx.adjoint is None else ctx.adjoint(gradient)), None, None
