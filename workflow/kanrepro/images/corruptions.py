"""What a worse scanner or a careless export does to an image: noise, blur, lost contrast, lost resolution.

Each at five strengths, on unsigned bytes as they come from the store, so that a model meets what it would meet in a
file. Strengths follow ImageNet-C (Hendrycks & Dietterich 2019, their code), which are given for 224 pixels: what is
counted in pixels is scaled to the image's edge, so that a small image of the same scene is harmed alike.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import conv2d, interpolate, pad

EDGE = 224  # pixels, of the images that the strengths were chosen for
STRENGTHS: dict[str, tuple[float, ...]] = {
    "noise": (0.08, 0.12, 0.18, 0.26, 0.38),  # standard deviation, as a share of the range from black to white
    "blur": (1.0, 2.0, 3.0, 4.0, 6.0),  # standard deviation of the Gaussian, in pixels of EDGE
    "contrast": (0.4, 0.3, 0.2, 0.1, 0.05),  # of what differs from the image's mean, the share that is left
    "resolution": (0.6, 0.5, 0.4, 0.3, 0.25),  # of the pixels along an edge, the share that is left
}


def corrupt(pixels: Tensor, kind: str, strength: int, generator: torch.Generator) -> Tensor:
    """Images (B, C, S, S) of bytes, made worse; the same shape and type.

    Args:
        kind: one of STRENGTHS.
        strength: 1 (mild) to 5.
        generator: on the images' device; only noise draws from it.
    """
    amount = STRENGTHS[kind][strength - 1]
    images = pixels.float()
    if kind == "noise":
        made = noise(images, 255 * amount, generator)
    elif kind == "blur":
        made = blur(images, amount * pixels.shape[-1] / EDGE)
    else:
        made = {"contrast": contrast, "resolution": resolution}[kind](images, amount)
    return made.round().clamp(0, 255).to(torch.uint8)


def noise(images: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    """Independent Gaussian noise on every value; `deviation` in grey levels."""
    return images + deviation * torch.randn(images.shape, generator=generator, device=images.device)


def blur(images: Tensor, deviation: float) -> Tensor:
    """A Gaussian filter, `deviation` in pixels, the image mirrored at its edges."""
    reach = min(math.ceil(4 * deviation), images.shape[-1] - 1)  # an edge can be mirrored no further than the other one
    offsets = torch.arange(-reach, reach + 1, device=images.device)
    kernel = torch.softmax(-((offsets / deviation) ** 2) / 2, dim=0).to(images.dtype)
    flat = pad(images.flatten(0, 1).unsqueeze(1), 4 * [reach], mode="reflect")  # (B * C, 1, S + 2 reach, S + 2 reach)
    return conv2d(conv2d(flat, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1)).view_as(images)


def contrast(images: Tensor, share: float) -> Tensor:
    """Every value moved towards the mean of its image and channel; `share` of the distance is left."""
    mean = images.mean(dim=(2, 3), keepdim=True)
    return mean + share * (images - mean)


def resolution(images: Tensor, share: float) -> Tensor:
    """Averaged down to `share` of the pixels along an edge, at least one, and interpolated up again."""
    size = images.shape[-1]
    small = interpolate(images, size=max(1, round(share * size)), mode="bilinear", align_corners=False, antialias=True)
    return interpolate(small, size=size, mode="bilinear", align_corners=False)
