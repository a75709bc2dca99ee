"""The residual CNN of DEQ-KAN (its code, cnn_backbone.py; protocol Part 3 G)."""

import torch
from torch import Tensor, nn

from kanrepro.models.initial import xavier_


def _convolution(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Sequential:
    """A convolution with batch norm; S pixels an edge become ceil(S / stride)."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut, which is a 1x1 convolution where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.first = _convolution(inputs, outputs, 3, stride)
        self.second = _convolution(outputs, outputs, 3, 1)
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Identity() if same else _convolution(inputs, outputs, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, S, S) to (B, outputs, S / stride, S / stride)."""
        return torch.relu(self.second(torch.relu(self.first(x))) + self.shortcut(x))


class CNN(nn.Module):
    """A 7x7 convolution of stride 2, four residual blocks, and the mean over what is left of the image.

    Args:
        in_channels: C of the images.
        channels: of the first layer; blocks have 1, 2, 2 and 4 times as many.
        generator: source of the initial values.
    """

    def __init__(self, in_channels: int, channels: int = 32, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.out_features = 4 * channels
        self.stem = _convolution(in_channels, channels, 7, 2)
        self.blocks = nn.Sequential(
            ResidualBlock(channels, channels),
            ResidualBlock(channels, 2 * channels, stride=2),
            ResidualBlock(2 * channels, 2 * channels),
            ResidualBlock(2 * channels, 4 * channels, stride=2),
        )
        xavier_(self, generator)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # an eighth faster on a CPU

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, S, S) to (B, out_features)."""
        x = images.contiguous(memory_format=torch.channels_last)
        return self.blocks(torch.relu(self.stem(x))).mean(dim=(2, 3))
