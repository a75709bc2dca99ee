"""How much of a KAN encoder its splines carry: their share in the output variance of each layer."""

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from kanrepro.kan import KANLinear
from kanrepro.models.graph_encoder import GraphEncoder
from kanrepro.store.store import GraphBatch


@torch.no_grad()
def spline_shares(encoder: GraphEncoder, batch: GraphBatch) -> list[float | None]:
    """For each KAN layer, in the order of a pass, in evaluation mode: Var[splines] / (Var[splines] + Var[SiLU branch]).

    Variances are over the N nodes, summed over the O outputs. 1 without a SiLU branch, None where nothing varies; an
    MLP encoder has no such layers.
    """
    layers = [layer for layer in encoder.modules() if isinstance(layer, KANLinear)]
    if not layers:
        return []
    shares: list[float | None] = []

    def look(layer: nn.Module, given: tuple[Tensor, ...], y: Tensor) -> None:
        assert isinstance(layer, KANLinear)
        base = torch.zeros_like(y) if layer.base_weight is None else silu(given[0]) @ layer.base_weight
        splines, rest = ((part.var(0, correction=0)).sum() for part in (y - base, base))
        shares.append(float(splines / (splines + rest)) if splines + rest > 0 else None)

    hooks = [layer.register_forward_hook(look) for layer in layers]
    mode = encoder.training
    encoder.eval()
    try:
        encoder(batch)
    finally:
        encoder.train(mode)
        for hook in hooks:
            hook.remove()
    return shares
