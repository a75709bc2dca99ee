"""Initial weights from a generator: the same seed gives the same network."""

import torch
from torch import nn


def xavier_(module: nn.Module, generator: torch.Generator | None = None) -> None:
    """Xavier-uniform weights and zero biases for every convolution, linear layer and attention in `module`.

    As DEQ-KAN's code has it for convolutions and linear layers; norms keep ones and zeros. In place.
    """
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(part.weight, generator=generator)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.MultiheadAttention):  # its output projection is a linear layer of its own
            nn.init.xavier_uniform_(part.in_proj_weight, generator=generator)
            nn.init.zeros_(part.in_proj_bias)
