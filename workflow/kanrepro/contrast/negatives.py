"""Hard negatives: small perturbations of z along its critical components (Khan-GCL equations 9 and 10)."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from kanrepro.contrast.ckfi import discriminative_scores, independent_scores, independent_scores_loop
from kanrepro.contrast.settings import NegativeSettings
from kanrepro.contrast.target import min_max

QUARTER = 0.25


@torch.no_grad()
def component_scores(kind: str, coefficients: Sequence[Tensor], settings: NegativeSettings) -> Tensor:
    """(D,) "delta", "rho" or "random" (all alike) of every component of z, from one tensor (I, O, K) a block."""
    if kind == "delta" and settings.ranks is not None:
        return torch.cat([independent_scores_loop(c, settings.ranks, settings.iterations) for c in coefficients])
    of = {"delta": independent_scores, "rho": discriminative_scores, "random": lambda c: c.new_ones(c.shape[1])}
    score = of[kind]
    return torch.cat([score(c) for c in coefficients])


@torch.no_grad()
def hard_negatives(
    z: Tensor, scores: dict[str, Tensor], settings: NegativeSettings, generator: torch.Generator | None = None
) -> Tensor:
    """z_hard = z + sum of perturbations p = alpha * u, u ~ Normal(epsilon * score, sigma^2), alpha = +-1 (eq. 9-10).

    Drawn per graph and per component, or once for the batch (`per`). With `scale: relative` a score is divided by its
    mean over the components and multiplied by the batch standard deviation of z, so that epsilon is a share of each
    component's own spread; with `min_max` scores run from 0 to 1. `components` moves the quarter with the highest or
    lowest scores alone, those all alike.

    Args:
        z: (G, D).
        scores: kind to (D,) score; its kinds are the perturbations that are added.
    """
    hard = z.detach().clone()
    spread = z.std(dim=0, correction=0)
    drawn = z if settings.per == "graph" else z[:1]
    shared = _signs(drawn, generator) if settings.shared_alpha else None
    for kind, score in list(scores.items()) * settings.draws:
        moved = chosen(score, settings.components)
        if settings.components != "all":
            score = score.mean() * moved
        if settings.scale == "relative":
            score = score / score.mean().clamp_min(torch.finfo(score.dtype).tiny) * spread
        elif settings.scale == "min_max":
            score = min_max(score)
        epsilon, sigma = getattr(settings, f"epsilon_{kind}"), getattr(settings, f"sigma_{kind}")
        noise = torch.randn(drawn.shape, generator=generator, device=z.device, dtype=z.dtype) * moved
        alpha = _signs(drawn, generator) if shared is None else shared
        hard += alpha * (epsilon * score + sigma * noise)
    return hard


def chosen(score: Tensor, components: Literal["all", "top", "bottom"]) -> Tensor:
    """(D,) 1 for the components that are moved, else 0: all, or the quarter with the highest or the lowest scores."""
    if components == "all":
        return torch.ones_like(score)
    best = score.topk(max(1, round(QUARTER * len(score))), largest=components == "top").indices
    return torch.zeros_like(score).index_fill(0, best, 1.0)


def _signs(like: Tensor, generator: torch.Generator | None) -> Tensor:
    """+1 or -1 with probability 1/2 each, shaped as `like`."""
    return torch.randint(0, 2, like.shape, generator=generator, device=like.device).to(like.dtype) * 2 - 1
