"""The encoder of superpixel graphs: GraphCL's GIN for MNIST, with MLPs or KANs of the same size (Khan-GCL, table 5)."""

from typing import Literal

import torch
from torch import Tensor, nn

from kanrepro.kan import KANLinear
from kanrepro.models.graph_encoder import GraphEncoder, pool, sum_neighbours, update_network
from kanrepro.store.store import GraphBatch


class ResidualBlock(nn.Module):
    """One layer: h + relu(BN(network((1 + eps) h + sum of neighbours) / sqrt(n))), n the nodes of the graph.

    With `normalise_input` a batch norm without affine parameters stands before the network, so that sums over many
    neighbours stay on the splines' grid.
    """

    def __init__(self, network: nn.Sequential, hidden: int, normalise_input: bool) -> None:
        super().__init__()
        self.epsilon = nn.Parameter(torch.zeros(1))
        self.normalise = nn.BatchNorm1d(hidden, affine=False) if normalise_input else nn.Identity()
        self.network = network
        self.norm = nn.BatchNorm1d(hidden)

    def forward(self, h: Tensor, edge_index: Tensor, scale: Tensor) -> Tensor:
        """(N, hidden), (2, E) and 1 / sqrt(n) of each node's graph (N, 1) to (N, hidden)."""
        gathered = (1 + self.epsilon) * h + sum_neighbours(h, edge_index)
        return h + torch.relu(self.norm(self.network(self.normalise(gathered)) * scale))


class SuperpixelGIN(GraphEncoder):
    """A linear embedding and a stack of residual GIN layers; z is the sum of all their readouts (GraphCL's MNIST code).

    Args:
        in_features: D, width of the node features.
        hidden: width of every layer, and of z.
        layers: number of layers.
        network: "mlp" (two linear layers with batch norm and ReLU between) or "kan" (two KAN layers), of one size.
        readout: "sum" or "mean" over nodes.
        normalise_input: batch norm without affine parameters before each block's network.
        kan: arguments of KANLinear (grid, order, grid_range, base, coefficient_scale).
        generator: source of the initial values.
    """

    def __init__(
        self,
        in_features: int = 3,
        hidden: int = 110,
        layers: int = 4,
        network: Literal["mlp", "kan"] = "kan",
        readout: Literal["sum", "mean"] = "sum",
        normalise_input: bool = False,
        kan: dict | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.readout: Literal["sum", "mean"] = readout
        self.join: Literal["concat", "last", "sum"] = "sum"
        self.out_features = hidden
        self.embedding = _linear(in_features, hidden, generator)
        self.blocks = nn.ModuleList()
        for _ in range(layers):
            if network == "kan":
                made = update_network("kan", (hidden, hidden, hidden), kan, generator)
            else:
                first, last = _linear(hidden, hidden, generator), _linear(hidden, hidden, generator)
                made = nn.Sequential(first, nn.BatchNorm1d(hidden), nn.ReLU(), last)
            self.blocks.append(ResidualBlock(made, hidden, normalise_input))

    def states(self, batch: GraphBatch) -> list[Tensor]:
        """The node states (N, hidden) after the embedding and after each block."""
        size = batch.node_ptr.diff().clamp_min(1)
        scale = size.rsqrt()[batch.node_graph()].unsqueeze(-1)
        states = [self.embedding(batch.x)]
        for block in self.blocks:
            states.append(block(states[-1], batch.edge_index, scale))
        return states

    def nodes(self, batch: GraphBatch) -> Tensor:
        """(N, hidden) the sum of all states of each node, which z is the readout of."""
        return torch.stack(self.states(batch)).sum(0)

    def forward(self, batch: GraphBatch) -> Tensor:
        """A batch of G graphs to z (G, hidden)."""
        return pool(self.nodes(batch), batch, self.readout)

    def scored_coefficients(self, layer: Literal["last", "first"] = "last") -> list[Tensor]:
        """The spline coefficients (layers * I, O, K) of one KAN layer of every block; empty for an MLP encoder.

        Component j of z sums what output j of each of these layers becomes, so its slice holds the splines of all.
        """
        place = {"last": -1, "first": 0}[layer]
        scored = [block.get_submodule("network")[place] for block in self.blocks]  # type: ignore[index]
        kans: list[Tensor] = [layer.coefficients for layer in scored if isinstance(layer, KANLinear)]
        return [torch.cat(kans)] if kans else []


def _linear(inputs: int, outputs: int, generator: torch.Generator | None) -> nn.Linear:
    """A linear layer with Xavier-uniform weights and zero biases."""
    linear = nn.Linear(inputs, outputs)
    nn.init.xavier_uniform_(linear.weight, generator=generator)
    nn.init.zeros_(linear.bias)
    return linear
