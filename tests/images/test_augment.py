"""Laws of augmentation, and the statistics that normalising relies on."""

import math

import pytest
import torch

from kanrepro.core.streams import stream
from kanrepro.images.augment import augment, channel_statistics, flip, normalise, rotate
from kanrepro.images.settings import AugmentationSettings


def batch(count: int = 6, channels: int = 3, size: int = 8) -> torch.Tensor:
    return torch.randn(count, channels, size, size, generator=stream(0, "images"))


def drawn(images: torch.Tensor, seed: int = 0, **settings: float) -> torch.Tensor:
    return augment(images, AugmentationSettings(**settings), stream(seed, "augment"))


def test_statistics_are_those_of_the_chosen_images() -> None:
    pixels = torch.randint(0, 256, (1300, 3, 5, 5), generator=stream(1, "pixels")).to(torch.uint8)
    index = torch.arange(0, 1300, 2)
    mean, std = channel_statistics(pixels, index)
    chosen = pixels[index].double() / 255
    torch.testing.assert_close(mean.double(), chosen.mean((0, 2, 3)), atol=1e-7, rtol=0)
    torch.testing.assert_close(std.double(), chosen.var((0, 2, 3), unbiased=False).sqrt(), atol=1e-7, rtol=0)
    images = normalise(pixels[index], mean, std)
    assert images.dtype == torch.float32
    torch.testing.assert_close(images.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(images.std((0, 2, 3)), torch.ones(3), atol=1e-4, rtol=0)


def test_a_constant_channel_stays_finite() -> None:
    pixels = torch.full((4, 1, 3, 3), 7, dtype=torch.uint8)
    mean, std = channel_statistics(pixels, torch.arange(4))
    assert std.tolist() == [1.0]
    assert normalise(pixels, mean, std).abs().max() < 1e-6


def test_flipping_twice_changes_nothing() -> None:
    images, chosen = batch(), torch.tensor([True, False, True, False, False, True])
    once = flip(images, chosen)
    assert torch.equal(once[1], images[1])
    assert torch.equal(once[0, :, :, 0], images[0, :, :, -1])  # left and right, not up and down
    assert torch.equal(flip(once, chosen), images)


def test_no_turn_and_no_flip_change_nothing() -> None:
    images = batch()
    assert torch.equal(drawn(images, flip=0, rotation=0), images)
    torch.testing.assert_close(rotate(images, torch.zeros(6)), images)


@pytest.mark.parametrize("size", [7, 8])
@pytest.mark.parametrize("quarters", [1, 2, 3, -1])
def test_quarter_turns_are_exact(size: int, quarters: int) -> None:
    images = batch(size=size)
    turned = rotate(images, torch.full((6,), quarters * math.pi / 2))
    torch.testing.assert_close(turned, images.rot90(quarters, (-2, -1)), atol=1e-5, rtol=0)


def test_each_image_has_its_own_angle() -> None:
    images = batch()
    angles = torch.tensor([0, math.pi / 2, 0.1, -0.1, 0.2, 0.0])
    together = rotate(images, angles)
    for i in range(6):
        torch.testing.assert_close(together[i], rotate(images[i : i + 1], angles[i : i + 1])[0])


def test_a_turn_brings_in_nothing_new() -> None:
    images = batch(size=16)
    turned = rotate(images, torch.full((6,), math.radians(15)))
    assert bool((turned <= images.amax((2, 3), keepdim=True) + 1e-5).all())
    assert bool((turned >= images.amin((2, 3), keepdim=True) - 1e-5).all())
    flat = torch.full((2, 1, 9, 9), 3.0)
    torch.testing.assert_close(rotate(flat, torch.tensor([0.2, -0.2])), flat)  # no corners of another colour


def test_turning_forth_and_back_finds_a_smooth_image_again() -> None:
    grid = torch.linspace(-1, 1, 64)
    smooth = torch.exp(-4 * ((grid - 0.2).square()[None, :] + grid.square()[:, None])).expand(1, 1, 64, 64)
    angle = torch.tensor([math.radians(12)])
    again = rotate(rotate(smooth, angle), -angle)
    assert (again - smooth)[..., 12:-12, 12:-12].abs().max() < 0.01


def test_shares_and_angles_are_those_of_the_settings() -> None:
    arrow = torch.zeros(4000, 1, 3, 3)
    arrow[:, :, 1, 0] = 1  # points left
    flipped = drawn(arrow, flip=0.3, rotation=0)[:, 0, 1, 2] > 0.5
    assert abs(float(flipped.float().mean()) - 0.3) < 0.03
    ramp = torch.linspace(-1, 1, 33).expand(2000, 1, 33, 33)  # its slope turns with it
    turned = drawn(ramp, flip=0, rotation=20)
    across = turned[:, 0, 16, 20] - turned[:, 0, 16, 12]
    down = turned[:, 0, 20, 16] - turned[:, 0, 12, 16]
    angles = torch.atan2(down, across).rad2deg()
    assert angles.abs().max() <= 20.01
    assert abs(float(angles.mean())) < 1 and abs(float(angles.std()) - 20 / math.sqrt(3)) < 0.5  # uniform


def test_the_generator_decides_and_the_settings_do_not_shift_it() -> None:
    images = batch()
    before = images.clone()
    assert torch.equal(drawn(images), drawn(images))
    assert not torch.equal(drawn(images), drawn(images, seed=1))
    assert torch.equal(images, before)
    generator, other = stream(0, "augment"), stream(0, "augment")
    augment(images, AugmentationSettings(flip=0, rotation=0), generator)
    augment(images, AugmentationSettings(), other)
    assert torch.equal(generator.get_state(), other.get_state())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_a_gpu_as_on_the_cpu() -> None:
    images = batch()
    torch.testing.assert_close(drawn(images.cuda()).cpu(), drawn(images), atol=1e-4, rtol=0)
    pixels = torch.randint(0, 256, (9, 1, 5, 5)).to(torch.uint8)
    for ours, theirs in zip(
        channel_statistics(pixels.cuda(), torch.arange(9).cuda()),
        channel_statistics(pixels, torch.arange(9)),
        strict=True,
    ):
        assert torch.equal(ours.cpu(), theirs)
