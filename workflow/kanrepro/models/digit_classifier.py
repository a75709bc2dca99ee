"""A classifier on a superpixel encoder: a linear head on the readout of each layer, summed (GraphCL's MNIST code)."""

import torch
from torch import Tensor, nn

from kanrepro.models.graph_encoder import mlp, pool
from kanrepro.models.superpixel_gin import SuperpixelGIN
from kanrepro.store.store import GraphBatch


class DigitClassifier(nn.Module):
    """logits = sum over the embedding and all layers of Linear(readout of the layer).

    Args:
        encoder: new or pre-trained; its weights are trained on.
        classes: number of classes.
        generator: source of the heads' initial values.
    """

    def __init__(self, encoder: SuperpixelGIN, classes: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.encoder = encoder
        layers = len(encoder.blocks) + 1
        self.heads = nn.ModuleList(mlp((encoder.out_features, classes), generator) for _ in range(layers))

    def forward(self, batch: GraphBatch) -> Tensor:
        """A batch of G graphs to logits (G, classes)."""
        states = self.encoder.states(batch)
        made = [head(pool(h, batch, self.encoder.readout)) for head, h in zip(self.heads, states, strict=True)]
        return torch.stack(made).sum(0)
