"""What a parameter does to a loss through a step of other weights, by finite differences (DRGCL, as DARTS).

The loss is seen through `slopes`: it evaluates the loss at the weights as they are, and gives its slope by each of them
and by the parameter.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Slopes = Callable[[], tuple[list[Tensor], Tensor]]


def trial_slope(slopes: Slopes, weights: Sequence[Tensor], rate: float, radius: float | None) -> Tensor:
    """The slope by the parameter of the loss after a trial step down it, w - rate dL/dw; weights are put back.

    Args:
        slopes: of the loss at the weights as they are.
        radius: of the finite difference that tells how the trial step moves with the parameter; None: first order.
    """
    kept = [w.detach().clone() for w in weights]
    move(weights, slopes()[0], -rate)
    v, direct = slopes()
    put(weights, kept)
    return direct if radius is None else direct - rate * _curved(slopes, weights, v, radius)


def stale_slope(
    slopes: Slopes, weights: Sequence[Tensor], stale: Sequence[Tensor], rate: float, radius: float | None
) -> Tensor:
    """The same as the public code has it: at its copy, which then is where the finite difference left it."""
    kept = [w.detach().clone() for w in weights]
    put(weights, stale)
    v, direct = slopes()
    put(weights, kept)
    put(stale, kept)
    if radius is None:
        return direct
    move(stale, v, -radius / length(v))
    return direct - rate * _curved(slopes, weights, v, radius)


def _curved(slopes: Slopes, weights: Sequence[Tensor], v: Sequence[Tensor], radius: float) -> Tensor:
    """d/dm of v . dL/dw, m the parameter, by a central difference along v; weights are put back."""
    kept, step = [w.detach().clone() for w in weights], radius / length(v)
    move(weights, v, step)
    above = slopes()[1]
    put(weights, kept)
    move(weights, v, -step)
    below = slopes()[1]
    put(weights, kept)
    return (above - below) / (2 * step)


def length(v: Sequence[Tensor]) -> float:
    """Of all of v as one vector, and never 0."""
    return max(float(torch.stack([each.norm() for each in v]).norm()), 1e-12)


def move(weights: Sequence[Tensor], v: Sequence[Tensor], by: float) -> None:
    """w <- w + by v, in place."""
    for weight, each in zip(weights, v, strict=True):
        weight.detach().add_(each, alpha=by)


def put(weights: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    """w <- value, in place."""
    for weight, value in zip(weights, values, strict=True):
        weight.detach().copy_(value)
