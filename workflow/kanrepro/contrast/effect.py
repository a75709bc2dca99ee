"""What hard negatives do to an encoder: is their gradient that of the perturbation, and how large is it?"""

from collections.abc import Sequence

import torch
from torch import Tensor

COLUMNS = ("hn_alignment", "hn_strength", "hn_step", "hn_cosine")
NONE = 1e-3  # of the gradient of L_HN: a gradient without perturbation this small is rounding


def effect(
    parameters: Sequence[Tensor], loss_cl: Tensor, loss_hn: Tensor, unperturbed: Tensor, z: Tensor, z_hard: Tensor
) -> dict[str, float | None]:
    """What one batch tells of L_HN.

    `hn_alignment` near 1 says that the perturbation, and so its scores, cannot matter. Where hard negatives are made of
    z itself, cos(v, sg(v)) has no gradient at all: there is then nothing to align with, and it is None.

    Args:
        parameters: of the encoder.
        loss_cl: L_CL, or all that is learned beside L_HN.
        loss_hn: L_HN, with its weight.
        unperturbed: the same term without perturbation.
        z: (V, D) what is perturbed.
        z_hard: (V, D) with its perturbation p.

    Returns:
        `hn_alignment`: cosine of the gradients of L_HN and of the term without perturbation; `hn_strength`: |gradient
        of L_HN| / |gradient of L_CL|; `hn_step`: mean |p| / |z|; `hn_cosine`: mean cos(z, z_hard).
    """
    hard, plain, contrast = (_gradient(loss, parameters) for loss in (loss_hn, unperturbed, loss_cl))
    sizes = [float(each.norm()) for each in (hard, plain, contrast)]
    z, z_hard = z.detach(), z_hard.detach()
    return {
        "hn_alignment": float(hard @ plain) / (sizes[0] * sizes[1]) if sizes[1] > NONE * sizes[0] > 0 else None,
        "hn_strength": sizes[0] / sizes[2] if sizes[2] else None,
        "hn_step": float(((z_hard - z).norm(dim=1) / z.norm(dim=1).clamp_min(1e-12)).mean()),
        "hn_cosine": float(torch.cosine_similarity(z, z_hard).mean()),
    }


def _gradient(loss: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """The gradient as one vector in float64; the graph is kept."""
    found = torch.autograd.grad(loss, parameters, retain_graph=True, allow_unused=True, materialize_grads=True)
    return torch.cat([each.double().flatten() for each in found])
