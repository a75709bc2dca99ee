"""DEQ-KAN's CNN: its number of parameters, its shapes, and initial values that the seed alone decides."""

import pytest
import torch

from kanrepro.models.cnn import CNN


def made(seed: int = 0, in_channels: int = 3, channels: int = 8) -> CNN:
    return CNN(in_channels, channels, torch.Generator().manual_seed(seed))


def test_parameters_are_those_of_its_code() -> None:
    """Layer by layer: 7x7 stem; blocks 32-32, 32-64, 64-64, 64-128 of two 3x3, a 1x1 where widths change; norms."""
    stem = 3 * 32 * 49
    blocks = 9 * (32 * 32 * 2 + 32 * 64 + 64 * 64 + 64 * 64 * 2 + 64 * 128 + 128 * 128) + 32 * 64 + 64 * 128
    norms = 2 * (32 + 2 * 32 + 3 * 64 + 2 * 64 + 3 * 128)
    assert sum(p.numel() for p in CNN(3, 32).parameters()) == stem + blocks + norms == 385_184


@pytest.mark.parametrize("in_channels", [1, 3])
@pytest.mark.parametrize("size", [8, 13, 48])
def test_every_size_gives_four_times_the_channels(in_channels: int, size: int) -> None:
    assert made(in_channels=in_channels)(torch.randn(2, in_channels, size, size)).shape == (2, 32)


def test_the_seed_alone_decides_the_initial_values() -> None:
    first, same, other = (torch.cat([p.flatten() for p in made(seed).parameters()]) for seed in (1, 1, 2))
    assert torch.equal(first, same) and not torch.equal(first, other)


def test_convolutions_start_as_xavier_has_it() -> None:
    weight = CNN(3, 32, torch.Generator().manual_seed(0)).get_parameter("stem.0.weight")
    bound = (6 / (49 * (3 + 32))) ** 0.5  # 49 pixels in, 49 out
    assert weight.abs().max() <= bound and weight.abs().max() > 0.99 * bound


def test_an_image_is_judged_by_itself_in_evaluation() -> None:
    cnn, images = made().eval(), torch.randn(5, 3, 16, 16)
    torch.testing.assert_close(cnn(images)[3:4], cnn(images[3:4]))


def test_every_weight_has_a_gradient() -> None:
    cnn = made()
    cnn(torch.randn(4, 3, 16, 16)).square().sum().backward()
    for name, parameter in cnn.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_far_from_the_edges_a_shift_by_the_strides_changes_nothing() -> None:
    """The mean over the image forgets where a spot lies, in steps of the strides' product 8; one pixel away it differs.

    Of 160 pixels, the spot's reach of 33 on all sides stays clear of the edges.
    """
    cnn = made().eval()

    def answer(corner: int) -> torch.Tensor:
        image = torch.zeros(1, 3, 160, 160)
        image[..., corner : corner + 4, corner : corner + 4] = 1.0
        return cnn(image)

    torch.testing.assert_close(answer(64), answer(80))
    assert not torch.allclose(answer(64), answer(65))
