"""The grids of a whole encoder moved to what reaches its layers, and a target encoder that follows another."""

import torch
from torch import Tensor, nn

from kanrepro.kan import KANLinear
from kanrepro.kan.grids import refit
from kanrepro.models.graph_encoder import GraphEncoder
from kanrepro.store.store import GraphBatch


@torch.no_grad()
def refit_grids(encoder: GraphEncoder, batch: GraphBatch) -> Tensor:
    """Refit every layer with an adaptive grid on its inputs (`kan.grids.refit`), in the order of one pass; in place.

    A layer sees what those before it give with their new grids; in training mode the running statistics of batch norms
    take this pass as any other (released code of Khan-GCL, `update_kan_grid`).

    Returns:
        The mean share of their splines that layers keep; NaN without such layers.
    """
    kept: list[Tensor] = []

    def look(layer: nn.Module, given: tuple[Tensor, ...]) -> None:
        assert isinstance(layer, KANLinear)
        kept.append(refit(layer, given[0]))

    hooks = [layer.register_forward_pre_hook(look) for layer in adaptive(encoder)]
    try:
        encoder(batch)
    finally:
        for hook in hooks:
            hook.remove()
    return torch.stack(kept).mean() if kept else torch.tensor(torch.nan)


def adaptive(encoder: nn.Module) -> list[KANLinear]:
    """The layers whose grids may be moved."""
    return [layer for layer in encoder.modules() if isinstance(layer, KANLinear) and layer.knots is not None]


@torch.no_grad()
def follow(target: nn.Module, online: nn.Module, decay: float) -> None:
    """target <- decay target + (1 - decay) online, in place: all weights, and the knots of adaptive grids.

    Running statistics of batch norms are left out: the target's own passes move them.
    """
    sides = [[*net.parameters(), *(layer.knots for layer in adaptive(net))] for net in (target, online)]
    for old, new in zip(*sides, strict=True):
        assert isinstance(old, Tensor) and isinstance(new, Tensor)
        old.lerp_(new, 1 - decay)  # equal values stay equal to the bit: grids that never moved do not
