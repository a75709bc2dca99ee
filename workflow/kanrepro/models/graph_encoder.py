"""What graph encoders share: sums over neighbours, readouts, update networks, and what Khan-GCL asks of an encoder."""

from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor, nn

from kanrepro.kan import KAN, KANLinear
from kanrepro.store.store import GraphBatch


def sum_neighbours(h: Tensor, edge_index: Tensor, weight: Tensor | None = None) -> Tensor:
    """(N, D) to (N, D): the sum of h over the sources of each node's incoming edges, weighted by `weight` (E,)."""
    messages = h.index_select(0, edge_index[0])
    if weight is not None:
        messages = messages * weight.unsqueeze(1).to(h.dtype)
    return torch.zeros_like(h).index_add_(0, edge_index[1], messages)


def pool(h: Tensor, batch: GraphBatch, readout: Literal["sum", "mean"]) -> Tensor:
    """(N, D) node states to (G, D) graph states; a graph without nodes has zeros."""
    total = h.new_zeros(batch.num_graphs, h.shape[1]).index_add_(0, batch.node_graph(), h)
    return total if readout == "sum" else total / batch.node_ptr.diff().clamp_min(1).unsqueeze(-1)


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


def update_network(
    kind: Literal["mlp", "kan"],
    widths: tuple[int, ...],
    kan: dict[str, Any] | None = None,
    generator: torch.Generator | None = None,
) -> nn.Sequential:
    """An MLP, or a KAN of the same sizes.

    Args:
        kan: arguments of KANLinear; and `layers`, how many of them there are in place of one for each step of `widths`
            (the further ones as wide as the last), and `normalised`, for a batch norm before all but the first.
    """
    if kind == "mlp":
        return mlp(widths, generator)
    given = dict(kan or {})
    layers, normalised = given.pop("layers", len(widths) - 1), given.pop("normalised", False)
    made: list[nn.Module] = []
    inner = (*widths[1:-1], *widths[-1:] * layers)[: layers - 1]
    sizes = (widths[0], *inner, widths[-1])
    for inputs, layer in zip(sizes, KAN(sizes, generator=generator, **given), strict=False):
        if normalised and made:
            made.append(nn.BatchNorm1d(inputs, affine=False))
        made.append(layer)
    return nn.Sequential(*made)


class GraphEncoder(nn.Module):
    """A batch of graphs to z (G, out_features), through blocks that each hold an update network.

    Attributes:
        out_features: D, components of z.
        blocks: modules with a `network`, an MLP or a KAN.
        join: whether z concatenates the readouts of all blocks, sums them, or is that of the last.
    """

    out_features: int
    blocks: nn.ModuleList
    join: Literal["concat", "last", "sum"]

    def nodes(self, batch: GraphBatch) -> Tensor:
        """The states (N, D) of all nodes that z is the readout of."""
        raise NotImplementedError

    def scored_coefficients(self, layer: Literal["last", "first"] = "last") -> list[Tensor]:
        """The spline coefficients (I, O, K) of a KAN layer of each block that feeds z, in the order of z.

        Empty for an MLP encoder. Together their O make up the components of z.
        """
        feeding = list(self.blocks) if self.join == "concat" else [self.blocks[-1]]
        place = {"last": -1, "first": 0}[layer]
        scored = [block.get_submodule("network")[place] for block in feeding]  # type: ignore[index]
        return [layer.coefficients for layer in scored if isinstance(layer, KANLinear)]

    def outside_share(self) -> Tensor:
        """The mean share of inputs outside the grid over all KAN layers in the last training batch; NaN for an MLP."""
        shares = [layer.outside_share for layer in self._kan_layers]
        return torch.stack(shares).mean() if shares else torch.tensor(torch.nan)

    @cached_property
    def _kan_layers(self) -> list[KANLinear]:
        """All of them, found once: a walk through the modules costs as much as a layer."""
        return [layer for layer in self.modules() if isinstance(layer, KANLinear)]
