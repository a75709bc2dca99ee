"""Graphs joined anew by personalised PageRank, as GraphACL's code has it (liamgu06/GraphACL@abb590b, aug.py)."""

from dataclasses import replace

import torch
from torch import Tensor

from kanrepro.store.store import GraphStore, pointers

RESTART = 0.05
NEIGHBOURS = 64  # entries that are kept, for each node of a graph in the mean


def pagerank(adjacency: Tensor, restart: float = RESTART) -> Tensor:
    """(n, n) weights of edges, each node with a loop, to restart (I - (1 - restart) D^-1/2 A D^-1/2)^-1."""
    scale = adjacency.sum(1).rsqrt()
    eye = torch.eye(len(adjacency), dtype=adjacency.dtype, device=adjacency.device)
    moved = scale.unsqueeze(1) * adjacency * scale
    return restart * torch.linalg.solve(eye - (1 - restart) * moved, eye)


def diffused(store: GraphStore) -> GraphStore:
    """The same nodes, of each graph of n with the 64 n pairs that are nearest by PageRank; loops count as pairs.

    Up to 64 nodes these are all pairs, whatever the edges, and across components too. Larger graphs are solved as dense
    matrices, one after the other: O(n^3), once. Each node gets a loop beside one that it has. Weights are dropped.
    """
    size = store.node_ptr.diff()
    small = size <= NEIGHBOURS
    pairs = torch.where(small, size**2, NEIGHBOURS * size)
    ptr = pointers(pairs)
    edges = torch.empty((2, int(ptr[-1])), dtype=torch.int32, device=size.device)
    owner = torch.arange(len(store), device=size.device)[small].repeat_interleave(pairs[small])
    inside = torch.arange(len(owner), device=size.device) - pointers(pairs[small])[:-1].repeat_interleave(pairs[small])
    edges[:, ptr[owner] + inside] = torch.stack([inside // size[owner], inside % size[owner]]).int()
    for graph in (~small).nonzero().flatten().tolist():
        edges[:, ptr[graph] : ptr[graph + 1]] = _nearest(store, graph)
    return replace(store, edge_index=edges, edge_ptr=ptr, edge_attr=None)


def _nearest(store: GraphStore, graph: int) -> Tensor:
    """(2, 64 n) the pairs of one graph with the largest entries, in order."""
    n = int(store.node_ptr[graph + 1] - store.node_ptr[graph])
    source, target = store.edge_index[:, store.edge_ptr[graph] : store.edge_ptr[graph + 1]].long()
    adjacency = torch.eye(n, dtype=torch.float64, device=store.x.device)
    adjacency.view(-1).index_add_(0, source * n + target, torch.ones_like(source, dtype=torch.float64))
    place = pagerank(adjacency).flatten().topk(NEIGHBOURS * n).indices.sort().values
    return torch.stack([place // n, place % n]).int()
