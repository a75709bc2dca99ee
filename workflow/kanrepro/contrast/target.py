"""Losses beside a target encoder, as the released code of Khan-GCL has them (zihuwang97/KhanGCL@249b7b1).

Shapes: G graphs, P components of what the predictor gives, D of z.
"""

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from kanrepro.contrast.loss import nt_xent


def agreement_loss(p1: Tensor, p2: Tensor, t1: Tensor, t2: Tensor) -> Tensor:
    """L_T: minus the mean cosine of the prediction of a view, p (G, D), and the target's z of the other, t (G, D)."""
    return -(cosine_similarity(p1, t2.detach()).mean() + cosine_similarity(p2, t1.detach()).mean()) / 2


def mixed_loss(p1: Tensor, p2: Tensor, t1: Tensor, t2: Tensor, share: float, temperature: float) -> Tensor:
    """share L_CL + (1 - share) L_T; L_CL is NT-Xent of the predictions, in the released code at temperature 1."""
    return share * nt_xent(p1, p2, temperature) + (1 - share) * agreement_loss(p1, p2, t1, t2)


@torch.no_grad()
def min_max(scores: Tensor) -> Tensor:
    """Scores (D,) moved and scaled to 0 ... 1; all alike, they are 0 (in the released code 0 / 0)."""
    low, high = scores.aminmax()
    return (scores - low) / (high - low).clamp_min(torch.finfo(scores.dtype).tiny)
