"""Contrastive losses (Khan-GCL equations 1 and 11; GraphCL; InfoGraph)."""

import math

import torch
from torch import Tensor
from torch.nn import functional


def nt_xent(v1: Tensor, v2: Tensor, temperature: float) -> Tensor:
    """L_CL (eq. 1): NT-Xent over the 2G views of G graphs with cosine similarity.

    Args:
        v1: (G, P) projections of the first views.
        v2: (G, P) of the second, row by row the partners of v1.
    """
    v = functional.normalize(torch.cat([v1, v2]), dim=1)
    logits = (v @ v.T / temperature).fill_diagonal_(-torch.inf)
    views = torch.arange(v.shape[0], device=v.device)
    return functional.cross_entropy(logits, views.roll(v1.shape[0]))


def one_way_loss(v1: Tensor, v2: Tensor, temperature: float) -> Tensor:
    """GraphCL's own loss: first views against second views only, the positive left out of the denominator.

    It can be negative. G = 1 leaves no negative: the loss is then infinite.
    """
    return one_way(cosines(v1, v2), temperature)


def two_way_loss(v1: Tensor, v2: Tensor, temperature: float) -> Tensor:
    """AD-GCL's: the mean of `one_way_loss` in both directions."""
    s = cosines(v1, v2)
    return (one_way(s, temperature) + one_way(s.T, temperature)) / 2


def cosines(v1: Tensor, v2: Tensor) -> Tensor:
    """(G, P) and (H, P) to (G, H), the cosine of each row of one with each row of the other."""
    return functional.normalize(v1, dim=1) @ functional.normalize(v2, dim=1).T


def one_way(similarity: Tensor, temperature: float) -> Tensor:
    """The loss of similarities S (G, G) whose positives stand on the diagonal, which the denominator leaves out."""
    logits = similarity / temperature
    own = torch.eye(len(logits), dtype=torch.bool, device=logits.device)
    return (logits.masked_fill(own, -torch.inf).logsumexp(dim=1) - logits.diagonal()).mean()


def info_nce(similarity: Tensor, temperature: float) -> Tensor:
    """The same with the positive in the denominator: at least 0."""
    return -info_nce_terms(similarity, temperature).mean()


def info_nce_terms(similarity: Tensor, temperature: float) -> Tensor:
    """(G,) the logarithms of e^(S_ii / tau) / sum_j e^(S_ij / tau)."""
    return (similarity / temperature).log_softmax(dim=1).diagonal()


def beside_terms(similarity: Tensor, others: Tensor, temperature: float) -> Tensor:
    """(G,) the logarithms of e^(S_ii / tau) / (e^(S_ii / tau) + sum_j e^(C_ij / tau)), C (G, M) of negatives."""
    positive = similarity.diagonal().unsqueeze(1)
    return (torch.cat([positive, others], dim=1) / temperature).log_softmax(dim=1)[:, 0]


def hard_negative_loss(v: Tensor, v_hard: Tensor, temperature: float | None = None) -> Tensor:
    """L_HN (eq. 11): the mean cosine similarity of views and their hard negatives, which get no gradient.

    Args:
        v: (V, P) projections of the views.
        v_hard: (V, P) projections of their hard negatives.
        temperature: that the similarity is divided by; None as in eq. 11, where log and exp cancel.
    """
    return functional.cosine_similarity(v, v_hard.detach(), dim=1).mean() / (temperature or 1.0)


def jensen_shannon_loss(scores: Tensor, own: Tensor) -> Tensor:
    """Minus the Jensen-Shannon estimator of mutual information between nodes and their graphs (InfoGraph).

    With T the scores: the mean over pairs of a node and another graph of softplus(-T) + T - log 2, minus the mean over
    pairs of a node and its own of log 2 - softplus(-T). At least -2 log 2; 0 where T is 0.

    Args:
        scores: (N, G).
        own: (N, G), true where the node is in the graph.
    """
    inside, others = scores[own], scores[~own]
    softplus = functional.softplus
    return (softplus(-others) + others - math.log(2)).mean() - (math.log(2) - softplus(-inside)).mean()


def shifted_loss(scores: Tensor, own: Tensor) -> Tensor:
    """Deep graph infomax as Hu et al. write it: nodes are told to be of their graph, and not of the next of the batch.

    The sum of two cross-entropies, each a mean over nodes; scores and `own` as in `jensen_shannon_loss`.
    """
    inside, others = scores[own], scores[own.roll(1, dims=1)]
    return functional.softplus(-inside).mean() + functional.softplus(others).mean()
