"""Tiny worlds that tests share."""

import torch

from kanrepro.data.store import GraphStore


def rings_and_stars(graphs: int = 40) -> GraphStore:
    """Rings (class 0) and stars (class 1) of 5 to 9 nodes, in turn, with one node label."""
    nodes, edges, node_ptr, edge_ptr = [], [], [0], [0]
    for g in range(graphs):
        n = 5 + g // 2 % 5
        pairs = [(i, (i + 1) % n) for i in range(n)] if g % 2 == 0 else [(0, i) for i in range(1, n)]
        both = sorted({edge for a, b in pairs for edge in ((a, b), (b, a))})
        nodes += [[0]] * n
        edges += both
        node_ptr.append(len(nodes))
        edge_ptr.append(len(edges))
    return GraphStore(
        x=torch.tensor(nodes, dtype=torch.int16),
        edge_index=torch.tensor(edges, dtype=torch.int32).T.contiguous(),
        edge_attr=None,
        y=torch.arange(graphs).remainder(2).unsqueeze(1),
        node_ptr=torch.tensor(node_ptr),
        edge_ptr=torch.tensor(edge_ptr),
        meta={"name": "rings-and-stars", "node_labels": [0], "classes": [0, 1]},
    )
