"""Images as a network sees them: normalised, and in training flipped and turned, a whole batch at once on its device.

Training alone calls `augment`; validation and test images are only normalised.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from kanrepro.images.settings import AugmentationSettings

CHUNK = 512  # images looked at together


def channel_statistics(pixels: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel over some images (those that train), exact.

    Args:
        pixels: (M, C, S, S) uint8.
        index: (B,) which images.

    Returns:
        mean, std: (C,) float32, of pixels scaled to [0, 1]; std 1 for a channel that never changes.
    """
    counts = torch.zeros(pixels.shape[1], 256, dtype=torch.int64)  # how often each channel has each of the 256 values
    for part in index.split(CHUNK):
        for channel, values in enumerate(pixels[part].transpose(0, 1)):
            counts[channel] += torch.bincount(values.flatten(), minlength=256).cpu()
    share = counts.double() / counts.sum(1, keepdim=True)
    value = torch.arange(256, dtype=torch.float64) / 255
    mean = share @ value
    std = (share @ value.square() - mean.square()).clamp(min=0).sqrt()
    return mean.float(), torch.where(std > 1e-6, std, 1.0).float()


def normalise(pixels: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """(B, C, S, S) uint8 to float32, of mean 0 and standard deviation 1 where mean and std (C,) are the images' own."""
    mean, std = (values.to(pixels.device).view(-1, 1, 1) for values in (mean, std))
    return (pixels.float() / 255 - mean) / std


def flip(images: Tensor, chosen: Tensor) -> Tensor:
    """(B, C, S, S) images, those `chosen` (B,) bool mirrored left to right."""
    return torch.where(chosen.view(-1, 1, 1, 1), images.flip(-1), images)


def rotate(images: Tensor, angles: Tensor) -> Tensor:
    """(B, C, S, S) images turned about their centres by `angles` (B,), radians, counter-clockwise as displayed.

    Bilinear. What turns in from outside is the image mirrored at its edge: it has the brightness and texture of the
    image itself. Black, which DEQ-KAN's code fills in, is no neutral value (tissue lies on white), and black corners
    would show a network the angle, in training images only.
    """
    cos, sin, zero = angles.cos(), angles.sin(), torch.zeros_like(angles)
    matrix = torch.stack([torch.stack([cos, -sin, zero], 1), torch.stack([sin, cos, zero], 1)], 1)  # (B, 2, 3)
    grid = F.affine_grid(matrix.to(images.dtype), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def augment(images: Tensor, settings: AugmentationSettings, generator: torch.Generator) -> Tensor:
    """A batch of training images, each flipped or not and turned by an angle of its own.

    Args:
        images: (B, C, S, S) float, normalised, on any device.
        settings: probability of a flip, and the largest angle in degrees.
        generator: on any device; two numbers are drawn from it for every image, whatever the settings.

    Returns:
        (B, C, S, S) on the device of `images`, which stay as they are.
    """
    draws = torch.rand(2, images.shape[0], generator=generator, device=generator.device).to(images.device)
    if settings.flip:
        images = flip(images, draws[0] < settings.flip)
    if settings.rotation:
        images = rotate(images, (2 * draws[1] - 1) * math.radians(settings.rotation))
    return images
