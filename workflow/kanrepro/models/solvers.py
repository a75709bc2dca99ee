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

from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor

from kanrepro.errors import unknown

# Weights c (B, m) from S, Y (B, m, D), g (B, D) and the damping.
Weights = Callable[[Tensor, Tensor, Tensor, float], Tensor]

# Added to the diagonal of the Gram matrix of unit columns, in float64: relative, so that it is as harmless at a
# residual of 1e-12 as at the start, and large enough that columns which depend on each other do no harm.
RIDGE = 1e-12


def anderson_weights(s: Tensor, y: Tensor, g: Tensor, damping: float) -> Tensor:
    """argmin |g - Y c| for each sample, by normal equations of columns of length one."""
    gram = y @ y.mT
    lengths = _lengths(gram)
    gram = gram / (lengths.unsqueeze(1) * lengths.unsqueeze(2))
    gram.diagonal(dim1=1, dim2=2).add_(RIDGE)
    return _solution(gram, (y @ g.unsqueeze(2)).squeeze(2) / lengths) / lengths


def broyden_weights(s: Tensor, y: Tensor, g: Tensor, damping: float) -> Tensor:
    """The weights of Broyden's update, for each sample; pairs are scaled to unit S, which does not change the step."""
    gram = s @ s.mT
    lengths = _lengths(gram)
    matrix = (gram.tril(-1) + damping * (s @ y.mT)) / (lengths.unsqueeze(1) * lengths.unsqueeze(2))
    return _solution(matrix, damping * (s @ g.unsqueeze(2)).squeeze(2) / lengths) / lengths


def _lengths(gram: Tensor) -> Tensor:
    """Of the columns whose products with each other are `gram`: (B, m, m) to (B, m), never zero."""
    return gram.diagonal(dim1=1, dim2=2).sqrt().clamp_min(1e-150)


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
        self.weights, self.damping = WEIGHTS[kind], damping
        self.pairs: deque[tuple[Tensor, Tensor]] = deque(maxlen=memory)
        self.last: tuple[Tensor, Tensor] | None = None

    def next(self, z: Tensor, image: Tensor) -> Tensor:
        """z (B, D) and F(z) (B, D) to the next z."""
        g = image - z
        step = self.damping * g
        if self.weights is None:
            return z + step
        if self.last is not None:
            self.pairs.append((z - self.last[0], g - self.last[1]))
        self.last = z, g
        if not self.pairs:
            return z + step
        # float64: a Gram matrix squares the condition of what it is made of
        s, y = (torch.stack(part, dim=1).double() for part in zip(*self.pairs, strict=True))
        c = self.weights(s, y, g.double(), self.damping)
        back = (c.unsqueeze(1) @ s + self.damping * (c.unsqueeze(1) @ y)).squeeze(1)
        return z + step - back.to(z.dtype)
