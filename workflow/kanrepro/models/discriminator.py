"""InfoGraph's discriminator of nodes or graphs (fanyun-sun/InfoGraph, unsupervised/model.py)."""

import torch
from torch import Tensor, nn

from kanrepro.models.graph_encoder import mlp


class Discriminator(nn.Module):
    """(., D) to (., D): three linear layers, each with a ReLU, beside a linear one."""

    def __init__(self, width: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.deep = nn.Sequential(*mlp((width,) * 4, generator), nn.ReLU())
        self.linear = mlp((width, width), generator)

    def forward(self, x: Tensor) -> Tensor:
        return self.deep(x) + self.linear(x)
