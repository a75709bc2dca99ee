"""RGCL's scorer of nodes (lsh0520/RGCL@807ff9f, unsupervised_TU/)."""

import torch
from torch import Tensor, nn

from kanrepro.models.graph_encoder import mlp, sum_neighbours
from kanrepro.store.store import GraphBatch


class Scorer(nn.Module):
    """Graphs of N nodes with features (N, width) to a score (N,) of each node.

    Three GIN layers of 32, 32 and 1, each followed by a batch norm and, but for the last, a ReLU.
    """

    def __init__(self, width: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        widths = ((width, 32, 32), (32, 32, 32), (32, 32, 1))
        self.networks = nn.ModuleList(mlp(each, generator) for each in widths)
        self.norms = nn.ModuleList(nn.BatchNorm1d(each[-1]) for each in widths)

    def forward(self, batch: GraphBatch) -> Tensor:
        h = batch.x
        for network, norm in zip(self.networks, self.norms, strict=True):
            h = norm(network(h + sum_neighbours(h, batch.edge_index)))
            h = h if norm is self.norms[-1] else torch.relu(h)
        return h.squeeze(1)
