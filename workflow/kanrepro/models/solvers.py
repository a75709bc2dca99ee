"""How fixed-point solvers step: from z and F(z), and from what was tried before, to the next z, over a batch at once.

With g = F(z) - z, and S and Y the last m differences of z and of g, every solver here makes

    z_next = z + damping * g - (S + damping * Y) c                                    (columns of S, Y; c in R^m)

and they differ in c alone:

damped      no history: c = 0.
Anderson    c = argmin |g - Y c|: the combination of past residuals that cancels most of this one (type II).
Broyden     c = damping * (L + damping * S^T Y)^-1 S^T g, with L the part of S^T S below its diagonal: what m of
            Broyden's (good) updates of the Jacobian from -I / damping give, in the compact form of Byrd, Nocedal and
            Schnabel (1994, section 6), inverted by Woodbury's formula. Pairs older than m are forgotten.

Shapes: B samples, D width of z, m pairs remembered.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from kanrepro.core.errors import unknown

# Weights c (B, m) from S, Y (B, m, D), g (B, D), which pair is newer than which (m, m), and the damping.
Weights = Callable[[Tensor, Tensor, Tensor, Tensor, float], Tensor]

# Added to the diagonal of the Gram matrix of unit columns, in float64: relative, so that it is as harmless at a
# residual of 1e-12 as at the start, and large enough that columns which depend on each other do no harm.
RIDGE = 1e-12
NOTHING = 1e-150  # the length of a column of zeros, so that it can be divided by


def anderson_weights(s: Tensor, y: Tensor, g: Tensor, newer: Tensor, damping: float) -> Tensor:
    """argmin |g - Y c| for each sample, by normal equations of columns of length one."""
    gram = y @ y.mT
    lengths = _lengths(gram)
    gram = gram / (lengths.unsqueeze(1) * lengths.unsqueeze(2))
    gram.diagonal(dim1=1, dim2=2).add_(RIDGE)
    return _solution(gram, _times(y, g) / lengths) / lengths


def broyden_weights(s: Tensor, y: Tensor, g: Tensor, newer: Tensor, damping: float) -> Tensor:
    """The weights of Broyden's update, for each sample; pairs are scaled to unit S, which does not change the step."""
    gram = s @ s.mT
    lengths = _lengths(gram)
    matrix = (gram * newer + damping * (s @ y.mT)) / (lengths.unsqueeze(1) * lengths.unsqueeze(2))
    matrix.diagonal(dim1=1, dim2=2).add_(lengths == NOTHING)  # a pair that is not there yet has no weight
    return _solution(matrix, damping * _times(s, g) / lengths) / lengths


def _times(columns: Tensor, vector: Tensor) -> Tensor:
    """Products of columns (B, m, D) with a vector (B, D): (B, m)."""
    return (columns * vector.unsqueeze(1)).sum(2)  # much faster than a batched product of matrices with vectors


def _lengths(gram: Tensor) -> Tensor:
    """Of the columns whose products with each other are `gram`: (B, m, m) to (B, m)."""
    return gram.diagonal(dim1=1, dim2=2).sqrt().clamp_min(NOTHING)


WEIGHTS: dict[str, Weights | None] = {"damped": None, "anderson": anderson_weights, "broyden": broyden_weights}


def _solution(matrix: Tensor, right: Tensor) -> Tensor:
    """matrix^-1 right, (B, m, m) and (B, m) to (B, m); zero for a sample whose matrix has no inverse.

    A sample with a value that is not finite, or with a history that says nothing, then takes a damped step, and does
    not stop the others.
    """
    solution, failed = torch.linalg.solve_ex(matrix, right)
    good = (failed == 0) & solution.isfinite().all(1)
    return torch.where(good.unsqueeze(1), solution, 0.0)


class Stepper:
    """Makes the next iterate, and remembers those before it.

    Args:
        kind: one of WEIGHTS.
        memory: m, the pairs remembered.
        damping: of the step.

    Raises:
        UserError: an unknown kind.
    """

    def __init__(self, kind: str, memory: int = 5, damping: float = 1.0) -> None:
        if kind not in WEIGHTS:
            raise unknown("solver", kind, WEIGHTS)
        self.weights, self.memory, self.damping = WEIGHTS[kind], memory, damping
        self.steps = 0

    def next(self, z: Tensor, image: Tensor) -> Tensor:
        """z (B, D) and F(z) (B, D) to the next z."""
        g = image - z
        step = self.damping * g
        if self.weights is None:
            return z + step
        if self.steps:
            slot = self._remember(z, g)
            age = (slot - torch.arange(self.memory, device=z.device)) % self.memory
            newer = age.unsqueeze(1) < age.unsqueeze(0)
            c = self.weights(self.s, self.y, g.double(), newer, self.damping).unsqueeze(2)
            step = step - (c * (self.s + self.damping * self.y)).sum(1).to(z.dtype)
        self.last = z, g
        self.steps += 1
        return z + step

    def _remember(self, z: Tensor, g: Tensor) -> int:
        """Put the newest pair in the place of the oldest, and say where that is."""
        if self.steps == 1:  # in float64: a Gram matrix squares the condition of what it is made of
            self.s, self.y = z.new_zeros(2, z.shape[0], self.memory, z.shape[1], dtype=torch.float64)
        slot = (self.steps - 1) % self.memory
        self.s[:, slot], self.y[:, slot] = z - self.last[0], g - self.last[1]
        return slot
