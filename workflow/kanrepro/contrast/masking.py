"""Masked nodes: what stands in for their features, and the masked atoms that attribute masking asks for."""

from dataclasses import replace

import torch
from torch import Tensor

from kanrepro.store.atoms import MASK
from kanrepro.store.store import GraphBatch


def mask_values(count: int, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """(count, D) in place of features like x (N, D): Normal(0.5, 0.5^2) (GraphCL), of atoms the token of Hu et al."""
    if x.is_floating_point():
        noise = torch.randn((count, x.shape[1]), generator=generator, device=x.device, dtype=x.dtype)
        return 0.5 + 0.5 * noise
    return x.new_tensor(MASK).repeat(count, 1)


def mask_atoms(batch: GraphBatch, ratio: float, generator: torch.Generator | None = None) -> GraphBatch:
    """Mask floor(ratio * n + 1) uniformly chosen atoms of each molecule (Hu et al.), and keep what they were.

    Returns:
        The batch with x (N, 3): atom and chirality as an encoder may see them, and the true atom.
    """
    owner = batch.node_graph()
    count = (batch.node_ptr.diff() * ratio + 1).floor().long()
    masked = random_rank(owner, batch.node_ptr, generator) < count[owner]
    seen = torch.where(masked.unsqueeze(1), batch.x.new_tensor(MASK), batch.x)
    return replace(batch, x=torch.cat([seen, batch.x[:, :1]], dim=1))


def random_rank(owner: Tensor, ptr: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """A uniformly random rank 0..n-1 of every item within its graph (items grouped by graph)."""
    key = torch.rand(owner.numel(), generator=generator, device=owner.device, dtype=torch.float64)
    return rank_within((owner + key).argsort(), owner, ptr)


def rank_within(order: Tensor, owner: Tensor, ptr: Tensor) -> Tensor:
    """The rank of every item within its graph, from an order that sorts by graph first."""
    rank = torch.empty_like(order)
    rank[order] = torch.arange(order.numel(), device=order.device) - ptr[owner]
    return rank
