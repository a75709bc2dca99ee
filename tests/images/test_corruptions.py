"""Corruptions: nothing done in the limit, more done at each strength, and the same for the same generator."""

import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from kanrepro.images import corruptions
from kanrepro.images.corruptions import STRENGTHS, corrupt


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(images: int = 4, channels: int = 3, size: int = 48) -> Tensor:
    """Smooth shapes with some texture, as bytes."""
    x = torch.linspace(-3, 3, size)
    waves = [torch.sin((k + 1) * x).outer(torch.cos((k % 3 + 1) * x)) for k in range(images * channels)]
    smooth = torch.stack(waves).view(images, channels, size, size)
    texture = torch.rand(smooth.shape, generator=generator())
    return (127 + 90 * smooth + 30 * (texture - 0.5)).round().clamp(0, 255).to(torch.uint8)


def distance(a: Tensor, b: Tensor) -> float:
    return float((a.float() - b.float()).pow(2).mean().sqrt())


@pytest.mark.parametrize("size", [12, 48])
@pytest.mark.parametrize("kind", STRENGTHS)
def test_each_strength_harms_more_than_the_one_before(kind: str, size: int) -> None:
    original = pictures(size=size)
    made = [corrupt(original, kind, strength, generator()) for strength in range(1, 6)]
    distances = [distance(original, image) for image in made]
    assert distances == sorted(distances) and distances[0] < distances[-1], distances
    assert all(image.dtype == torch.uint8 and image.shape == original.shape for image in made)


@pytest.mark.parametrize("kind", STRENGTHS)
def test_in_the_limit_nothing_is_done(kind: str) -> None:
    images = pictures().float()
    made = {
        "noise": corruptions.noise(images, 0.0, generator()),
        "blur": corruptions.blur(images, 1e-3),
        "contrast": corruptions.contrast(images, 1.0),
        "resolution": corruptions.resolution(images, 1.0),
    }[kind]
    torch.testing.assert_close(made, images)


@pytest.mark.parametrize("kind", STRENGTHS)
def test_the_generator_alone_decides_and_pixels_stay_as_they_were(kind: str) -> None:
    original = pictures(channels=1, size=16)
    kept = original.clone()
    assert torch.equal(corrupt(original, kind, 3, generator(1)), corrupt(original, kind, 3, generator(1)))
    same = torch.equal(corrupt(original, kind, 3, generator(1)), corrupt(original, kind, 3, generator(2)))
    assert same == (kind != "noise")
    assert torch.equal(original, kept)


def test_noise_has_the_deviation_asked_for() -> None:
    grey = torch.full((4, 1, 64, 64), 128, dtype=torch.uint8)
    assert distance(corrupt(grey, "noise", 1, generator()), grey) == pytest.approx(0.08 * 255, rel=0.03)


@pytest.mark.parametrize("deviation", [0.4, 1.5, 6.0])
def test_blur_is_that_of_scipy(deviation: float) -> None:
    images = pictures(1, 1, 48).double()
    expected = gaussian_filter(
        images[0, 0].numpy(), deviation, mode="mirror", truncate=-(-4 * deviation // 1) / deviation
    )
    torch.testing.assert_close(corruptions.blur(images, deviation)[0, 0], torch.from_numpy(expected))


def test_blur_reaches_alike_at_every_size() -> None:
    """The deviation follows the size of the image: a small picture of a scene is blurred like a large one."""
    large, small = pictures(1, 1, 96), pictures(1, 1, 48)
    for image, deviation in ((large, 6 * 96 / 224), (small, 6 * 48 / 224)):
        made = corruptions.blur(image.float(), deviation).round().clamp(0, 255).to(torch.uint8)
        assert torch.equal(corrupt(image, "blur", 5, generator()), made)


def test_contrast_keeps_the_mean_of_every_channel() -> None:
    images = pictures().float()
    made = corruptions.contrast(images, 0.1)
    torch.testing.assert_close(made.mean(dim=(2, 3)), images.mean(dim=(2, 3)))
    torch.testing.assert_close(made.std(dim=(2, 3)), 0.1 * images.std(dim=(2, 3)))


@pytest.mark.parametrize("share", [1.0, 0.5, 0.25])
def test_resolution_loses_details_finer_than_its_pixels(share: float) -> None:
    """A checkerboard of single pixels, grey on average, is gone as soon as pixels are merged."""
    board = (255 * (torch.arange(48)[:, None] + torch.arange(48) & 1)).float().view(1, 1, 48, 48)
    left = corruptions.resolution(board, share).std() / board.std()
    assert left == pytest.approx(1.0 if share == 1.0 else 0.0, abs=1e-2)


def test_an_image_of_eight_pixels_survives_the_worst() -> None:
    for kind in STRENGTHS:
        assert corrupt(pictures(2, 1, 8), kind, 5, generator()).shape == (2, 1, 8, 8)
