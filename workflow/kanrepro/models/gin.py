"""GIN encoders whose update networks are MLPs or KANs of the same size (Khan-GCL section 4.1, table 5)."""

from typing import Literal

import torch
from torch import Tensor, nn

from kanrepro.data.store import GraphBatch
from kanrepro.kan import KAN, KANLinear


def sum_neighbours(h: Tensor, edge_index: Tensor) -> Tensor:
    """(N, D) to (N, D): the sum of h over the sources of each node's incoming edges."""
    return torch.zeros_like(h).index_add_(0, edge_index[1], h.index_select(0, edge_index[0]))


def pool(h: Tensor, batch: GraphBatch, readout: Literal["sum", "mean"]) -> Tensor:
    """(N, D) node states to (G, D) graph states; a graph without nodes has zeros."""
    total = h.new_zeros(batch.num_graphs, h.shape[1]).index_add_(0, batch.node_graph(), h)
    return total if readout == "sum" else total / batch.node_ptr.diff().clamp_min(1).unsqueeze(-1)


class GINBlock(nn.Module):
    """One GIN layer: network(h + sum of neighbours), then ReLU, then batch norm (GraphCL's order).

    With `normalise_input` a batch norm without affine parameters stands before the network, so that sums over many
    neighbours stay on the splines' grid.
    """

    def __init__(self, network: nn.Sequential, width: int, hidden: int, normalise_input: bool) -> None:
        super().__init__()
        self.normalise = nn.BatchNorm1d(width, affine=False) if normalise_input else nn.Identity()
        self.network = network
        self.norm = nn.BatchNorm1d(hidden)

    def forward(self, h: Tensor, edge_index: Tensor) -> Tensor:
        """(N, width) and (2, E) to (N, hidden)."""
        h = self.network(self.normalise(h + sum_neighbours(h, edge_index)))
        return self.norm(torch.relu(h))


class GIN(nn.Module):
    """A stack of GIN layers with a readout; z concatenates the readouts of all layers, or is that of the last.

    Args:
        in_features: D, width of the node features.
        hidden: width of every layer.
        layers: number of layers.
        network: "mlp" (two linear layers with a ReLU between) or "kan" (two KAN layers), of the same sizes.
        readout: "sum" or "mean" over nodes.
        join: "concat" or "last".
        normalise_input: batch norm without affine parameters before each block's network.
        kan: arguments of KANLinear (grid, order, grid_range, base, coefficient_scale).
        generator: source of the initial values.
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
    ) -> None:
        super().__init__()
        self.readout: Literal["sum", "mean"] = readout
        self.join = join
        self.out_features = hidden * (layers if join == "concat" else 1)
        self.blocks = nn.ModuleList()
        for layer in range(layers):
            width = in_features if layer == 0 else hidden
            if network == "kan":
                made: nn.Sequential = KAN((width, hidden, hidden), generator=generator, **(kan or {}))
            else:
                made = mlp((width, hidden, hidden), generator)
            self.blocks.append(GINBlock(made, width, hidden, normalise_input))

    def forward(self, batch: GraphBatch) -> Tensor:
        """A batch of G graphs to z (G, out_features)."""
        h, pooled = batch.x, []
        for block in self.blocks:
            h = block(h, batch.edge_index)
            if self.join == "concat" or block is self.blocks[-1]:
                pooled.append(pool(h, batch, self.readout))
        return torch.cat(pooled, dim=1)

    def scored_coefficients(self) -> list[Tensor]:
        """The spline coefficients (I, O, K) of the last KAN layer of each block that feeds z, in the order of z.

        Empty for an MLP encoder. Together their O make up the components of z.
        """
        feeding = list(self.blocks) if self.join == "concat" else [self.blocks[-1]]
        last = [block.get_submodule("network")[-1] for block in feeding]  # type: ignore[index]
        return [layer.coefficients for layer in last if isinstance(layer, KANLinear)]

    def outside_share(self) -> Tensor:
        """The mean share of inputs outside the grid over all KAN layers in the last training batch; NaN for an MLP."""
        shares = [layer.outside_share for layer in self.modules() if isinstance(layer, KANLinear)]
        return torch.stack(shares).mean() if shares else torch.tensor(torch.nan)


def mlp(widths: tuple[int, ...], generator: torch.Generator | None = None) -> nn.Sequential:
    """Linear layers with ReLUs between, Xavier-uniform weights and zero biases (as in GraphCL)."""
    made: list[nn.Module] = []
    for inputs, outputs in zip(widths, widths[1:], strict=False):
        linear = nn.Linear(inputs, outputs)
        if inputs:
            nn.init.xavier_uniform_(linear.weight, generator=generator)
        nn.init.zeros_(linear.bias)
        made += [linear, nn.ReLU()]
    return nn.Sequential(*made[:-1])
