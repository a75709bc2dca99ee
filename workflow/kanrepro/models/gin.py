"""GIN encoders whose update networks are MLPs or KANs of the same size (Khan-GCL section 4.1, table 5)."""

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor, nn

from kanrepro.models.graph_encoder import GraphEncoder, pool, sum_neighbours, update_network
from kanrepro.store.store import GraphBatch


class GINBlock(nn.Module):
    """One GIN layer: network(h + sum of neighbours), then ReLU, then batch norm (GraphCL's order).

    With `normalise_input` a batch norm without affine parameters stands before the network, so that sums over many
    neighbours stay on the splines' grid. `norm_order` may put the last norm before the ReLU.
    """

    def __init__(
        self, network: nn.Sequential, width: int, hidden: int, normalise_input: bool, norm_order: str = "after_relu"
    ) -> None:
        super().__init__()
        self.norm_first = norm_order == "before_relu"
        self.normalise = nn.BatchNorm1d(width, affine=False) if normalise_input else nn.Identity()
        self.network = network
        self.norm = nn.BatchNorm1d(hidden)

    def forward(self, h: Tensor, edge_index: Tensor, weight: Tensor | None = None) -> Tensor:
        """(N, width) and (2, E), with weights (E,) of messages, to (N, hidden)."""
        h = self.network(self.normalise(h + sum_neighbours(h, edge_index, weight)))
        return torch.relu(self.norm(h)) if self.norm_first else self.norm(torch.relu(h))


class GIN(GraphEncoder):
    """A stack of GIN layers with a readout; z concatenates the readouts of all layers, or is that of the last.

    Args:
        in_features: D, width of the node features.
        hidden: width of every layer.
        layers: number of layers.
        network: "mlp" (two linear layers with a ReLU between) or "kan" (two KAN layers), of the same sizes.
        readout: "sum" or "mean" over nodes.
        join: "concat" or "last".
        normalise_input: batch norm without affine parameters before each block's network.
        kan: arguments of `update_network`.
        generator: source of the initial values.
        norm_order: whether the batch norm at the end of a block stands after its ReLU (GraphCL) or before it.
        alike: every block draws its weights from the same state of the generator: those of one size start alike.
    """

    def __init__(
        self,
        in_features: int,
        hidden: int = 32,
        layers: int = 3,
        network: Literal["mlp", "kan"] = "kan",
        readout: Literal["sum", "mean"] = "sum",
        join: Literal["concat", "last"] = "concat",
        normalise_input: bool = False,
        kan: dict | None = None,
        generator: torch.Generator | None = None,
        norm_order: Literal["after_relu", "before_relu"] = "after_relu",
        alike: bool = False,
    ) -> None:
        super().__init__()
        self.in_features = in_features
        self.readout: Literal["sum", "mean"] = readout
        self.join: Literal["concat", "last"] = join
        self.out_features = hidden * (layers if join == "concat" else 1)
        self.blocks = nn.ModuleList()
        start = generator.get_state() if alike and generator else None
        for layer in range(layers):
            width = in_features if layer == 0 else hidden
            if generator and start is not None:
                generator.set_state(start)
            made = update_network(network, (width, hidden, hidden), kan, generator)
            self.blocks.append(GINBlock(made, width, hidden, normalise_input, norm_order))

    def states(self, batch: GraphBatch, weight: Tensor | None = None) -> Iterator[Tensor]:
        """The node states (N, hidden) that z reads out: after each block in turn, or after the last.

        `weight` (E,) multiplies the messages of all blocks.
        """
        h = batch.x
        for block in self.blocks:
            h = block(h, batch.edge_index, weight)
            if self.join == "concat" or block is self.blocks[-1]:
                yield h

    def nodes(self, batch: GraphBatch, weight: Tensor | None = None) -> Tensor:
        """(N, out_features) the states of each node that z is the readout of, side by side."""
        return torch.cat(list(self.states(batch, weight)), dim=1)

    def forward(self, batch: GraphBatch, weight: Tensor | None = None) -> Tensor:
        """A batch of G graphs, messages weighted by `weight` (E,), to z (G, out_features)."""
        return torch.cat([pool(h, batch, self.readout) for h in self.states(batch, weight)], dim=1)
