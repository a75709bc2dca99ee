"""A small Vision Transformer (Dosovitskiy et al. 2021), a baseline of about as many parameters as the CNN."""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from kanrepro.core.errors import UserError
from kanrepro.models.initial import xavier_


class VisionTransformer(nn.Module):
    """Patches, learned positions, pre-norm blocks, and the mean over patches.

    An edge of S pixels that `patches` does not divide is padded with zeros (the mean of normalised pixels) on the right
    and below. There is no dropout here: the classifier's head has its own.

    Args:
        in_channels: C of the images.
        size: S, pixels along an edge.
        patches: along an edge; P = patches^2 in all.
        width: W, of a patch's state.
        depth: blocks.
        heads: of the attention; they share the width.
        generator: source of the initial values.

    Raises:
        UserError: heads do not divide the width, or there are more patches than pixels along an edge.
    """

    def __init__(
        self,
        in_channels: int,
        size: int,
        patches: int = 8,
        width: int = 64,
        depth: int = 4,
        heads: int = 4,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if width % heads:
            raise UserError(f"backbone.heads ({heads}) must divide backbone.width ({width}).")
        if patches > size:
            raise UserError(f"backbone.patches is {patches}, but images have {size} pixels along an edge. Lower it.")
        self.out_features = width
        edge = -(-size // patches)  # pixels, rounded up
        self.margin = edge * patches - size
        self.embed = nn.Conv2d(in_channels, width, edge, stride=edge)
        self.positions = nn.Parameter(torch.empty(patches**2, width))
        block = nn.TransformerEncoderLayer(
            width, heads, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(block, depth, nn.LayerNorm(width), enable_nested_tensor=False)
        xavier_(self, generator)  # also makes the blocks differ: they began as copies of one
        nn.init.normal_(self.positions, std=0.02, generator=generator)

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, S, S) to (B, W)."""
        patches = self.embed(pad(images, (0, self.margin, 0, self.margin))).flatten(2).mT  # (B, P, W)
        return self.blocks(patches + self.positions).mean(dim=1)
