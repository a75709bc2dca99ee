"""Hard negatives: small perturbations of z along its critical components (Khan-GCL equations 9 and 10)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from kanrepro.contrast.ckfi import discriminative_scores, independent_scores, independent_scores_loop
from kanrepro.contrast.settings import NegativeSettings


@torch.no_grad()
def component_scores(kind: str, coefficients: Sequence[Tensor], settings: NegativeSettings) -> Tensor:
    """(D,) "delta", "rho" or "random" (all alike) of every component of z, from one tensor (I, O, K) a block."""
    if kind == "delta" and settings.ranks is not None:
        return torch.cat([independent_scores_loop(c, settings.ranks) for c in coefficients])
    of = {"delta": independent_scores, "rho": discriminative_scores, "random": lambda c: c.new_ones(c.shape[1])}
    score = of[kind]
    return torch.cat([score(c) for c in coefficients])


@torch.no_grad()
def hard_negatives(
    z: Tensor, scores: dict[str, Tensor], settings: NegativeSettings, generator: torch.Generator | None = None
) -> Tensor:
    """z_hard = z + sum of perturbations p = alpha * u, u ~ Normal(epsilon * score, sigma^2), alpha = +-1 (eq. 9-10).

    Drawn per graph and per component. With `scale: relative` a score is divided by its mean over the components and
    multiplied by the batch standard deviation of z, so that epsilon is a share of each component's own spread.

    Args:
        z: (G, D).
        scores: kind to (D,) score; its kinds are the perturbations that are added.
    """
    hard = z.detach().clone()
    spread = z.std(dim=0, correction=0)
    shared = _signs(z, generator) if settings.shared_alpha else None
    for kind, score in scores.items():
        if settings.scale == "relative":
            score = score / score.mean().clamp_min(torch.finfo(score.dtype).tiny) * spread
        epsilon, sigma = getattr(settings, f"epsilon_{kind}"), getattr(settings, f"sigma_{kind}")
        noise = torch.randn(z.shape, generator=generator, device=z.device, dtype=z.dtype)
        alpha = _signs(z, generator) if shared is None else shared
        hard += alpha * (epsilon * score + sigma * noise)
    return hard


def _signs(like: Tensor, generator: torch.Generator | None) -> Tensor:
    """+1 or -1 with probability 1/2 each, shaped as `like`."""
    return torch.randint(0, 2, like.shape, generator=generator, device=like.device).to(like.dtype) * 2 - 1
