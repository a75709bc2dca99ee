"""Rates that are halved where the loss falls no more: past losses decide it, so that nothing has to be saved."""

import math
from collections.abc import Sequence

import torch

THRESHOLD = 1e-4  # of the least loss, by which a lower one must be lower


def lower_rates(optimisers: Sequence[torch.optim.Optimizer], losses: Sequence[float], patience: int | None) -> None:
    """Halve the rates that optimisers began with, once for each plateau so far; None: leave them."""
    if patience is None:
        return
    halved = 0.5 ** plateaus(losses, patience)
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = group.setdefault("initial_lr", group["lr"]) * halved


def plateaus(losses: Sequence[float], patience: int) -> int:
    """How often more than `patience` epochs in a row had no lower loss, as torch's ReduceLROnPlateau counts."""
    least, without, found = math.inf, 0, 0
    for loss in losses:
        least, without = (loss, 0) if loss < least * (1 - THRESHOLD) else (least, without + 1)
        if without > patience:
            without, found = 0, found + 1
    return found
