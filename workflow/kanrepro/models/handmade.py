"""Features of graphs that nobody learned, in the place of an encoder: what any method must beat."""

from typing import Literal

import torch
from torch import Tensor, nn

from kanrepro.models.graph_encoder import GraphEncoder, pool
from kanrepro.store.store import GraphBatch

MOMENTS = 4


class Handmade(GraphEncoder):
    """A batch of graphs to z (G, out_features) without a parameter.

    Args:
        in_features: D, width of the node features.
        kind: `histogram`: log(1 + the sum of node features over a graph), which counts labels, or degrees where they
            are the features; `statistics`: log(1 + v) of the numbers of nodes and of directed edges, of the roots of
            the first four moments of degrees, and of the largest degree.
    """

    def __init__(self, in_features: int, kind: Literal["histogram", "statistics"]) -> None:
        super().__init__()
        self.kind = kind
        self.out_features = in_features if kind == "histogram" else 3 + MOMENTS
        self.blocks = nn.ModuleList()
        self.join = "concat"

    def scored_coefficients(self, layer: Literal["last", "first"] = "last") -> list[Tensor]:
        return []

    def nodes(self, batch: GraphBatch) -> Tensor:
        """(N, D) what is summed over a graph: node features, or powers 0 ... 4 of degrees."""
        if self.kind == "histogram":
            return batch.x
        return _degrees(batch)[:, None] ** torch.arange(MOMENTS + 1, device=batch.x.device)

    def forward(self, batch: GraphBatch) -> Tensor:
        """G graphs to z (G, out_features); zeros for a graph without nodes."""
        total = pool(self.nodes(batch), batch, "sum")
        if self.kind == "histogram":
            return total.log1p()
        count, sums = total[:, :1], total[:, 1:]
        order = torch.arange(1, MOMENTS + 1, device=total.device)
        largest = torch.zeros_like(count[:, 0]).scatter_reduce(0, batch.node_graph(), _degrees(batch), "amax")
        return torch.cat([count, sums[:, :1], (sums / count.clamp_min(1)) ** (1 / order), largest[:, None]], 1).log1p()


def _degrees(batch: GraphBatch) -> Tensor:
    """(N,) the number of edges that enter each node."""
    ones = batch.x.new_ones(batch.num_edges)
    return batch.x.new_zeros(batch.num_nodes).index_add_(0, batch.edge_index[1], ones)
