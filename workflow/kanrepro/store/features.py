"""Node features made of what a set has: one-hot labels, or for sets without labels a constant or the degree."""

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from kanrepro.store.store import GraphBatch, GraphStore, owner, pointers


def node_features(
    store: GraphStore, unlabelled: Literal["constant", "degree"] = "constant", cap: int = 64, labels: bool = True
) -> Tensor:
    """(N, D) float features of all nodes of a set with fields that are numbers, one categorical field, or none.

    Args:
        unlabelled: what a set without node labels gets: the constant 1 (D = 1), as in GraphCL, or its in-degree
            one-hot, degrees above `cap` counted as `cap` (D = cap + 1).
        labels: whether categorical fields are seen; if not, the set is as one without labels.
    """
    if store.x.is_floating_point() and store.x.shape[1]:
        return store.x.float()
    if store.x.shape[1] == 1 and labels:
        return functional.one_hot(store.x[:, 0].long(), len(store.meta["node_labels"])).float()
    if unlabelled == "constant":
        return torch.ones(store.x.shape[0], 1, device=store.x.device)
    shift = store.node_ptr[:-1].repeat_interleave(store.edge_ptr.diff())
    degree = torch.bincount(store.edge_index[1].long() + shift, minlength=store.x.shape[0])
    return functional.one_hot(degree.clamp_max(cap), cap + 1).float()


def with_own_degrees(batch: GraphBatch) -> GraphBatch:
    """A view whose one-hot degrees (N, cap + 1) are those of its own edges; masked nodes stay as they are."""
    cap = batch.x.shape[1] - 1
    degree = torch.bincount(batch.edge_index[1], minlength=batch.num_nodes).clamp_max(cap)
    intact = (batch.x.amax(1) == 1) & (batch.x.sum(1) == 1)
    own = functional.one_hot(degree, cap + 1).to(batch.x.dtype)
    return replace(batch, x=torch.where(intact.unsqueeze(1), own, batch.x))


def add_self_loops(store: GraphStore) -> GraphStore:
    """GraphCL's own habit on TU sets: a self-loop on every node but the last of each graph, and no other."""
    node = torch.arange(store.x.shape[0], device=store.x.device)
    graph = owner(store.node_ptr, node.numel())
    looped = node + 1 != store.node_ptr[graph + 1]
    local = (node - store.node_ptr[graph])[looped]
    of = owner(store.edge_ptr, store.edge_index.shape[1])
    source, target = store.edge_index.long()
    keep = source != target
    of = torch.cat([of[keep], graph[looped]])
    source, target = torch.cat([source[keep], local]), torch.cat([target[keep], local])
    width = int(store.node_ptr.diff().max()) + 1
    order = ((of * width + source) * width + target).argsort()
    return GraphStore(
        x=store.x,
        edge_index=torch.stack([source, target])[:, order].to(store.edge_index.dtype),
        edge_attr=None,
        y=store.y,
        node_ptr=store.node_ptr,
        edge_ptr=pointers(torch.bincount(of, minlength=len(store))),
        meta=store.meta,
    )
