"""The Vision Transformer: shapes, positions, settings that cannot be, and initial values that the seed decides."""

import pytest
import torch

from kanrepro.core.errors import UserError
from kanrepro.models.classifier import count_parameters
from kanrepro.models.cnn import CNN
from kanrepro.models.vit import VisionTransformer


def made(size: int = 16, seed: int = 0, **shape: int) -> VisionTransformer:
    shape = {"patches": 4, "width": 16, "depth": 2, "heads": 2, **shape}
    return VisionTransformer(3, size, **shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("size", [8, 13, 16, 17])
def test_every_size_gives_the_width(size: int) -> None:
    """Also one that the patches do not divide."""
    assert made(size)(torch.randn(2, 3, size, size)).shape == (2, 16)


def test_padding_is_the_mean_of_normalised_pixels() -> None:
    """13 pixels in 4 patches are 16 pixels whose last three are zero."""
    images = torch.randn(2, 3, 13, 13)
    wide = torch.zeros(2, 3, 16, 16)
    wide[..., :13, :13] = images
    torch.testing.assert_close(made(13)(images), made(16)(wide))


def test_it_is_of_like_size_as_the_cnn_at_the_size_of_the_paper() -> None:
    share = count_parameters(VisionTransformer(3, 224)) / count_parameters(CNN(3, 32))
    assert 0.8 < share < 1.25


def test_the_seed_alone_decides_and_blocks_differ() -> None:
    first, same, other = made(seed=1), made(seed=1), made(seed=2)
    flat = [torch.cat([p.flatten() for p in model.parameters()]) for model in (first, same, other)]
    assert torch.equal(flat[0], flat[1]) and not torch.equal(flat[0], flat[2])
    one, two = (first.get_parameter(f"blocks.layers.{block}.self_attn.in_proj_weight") for block in range(2))
    assert not torch.equal(one, two)


def test_without_positions_patches_could_change_places() -> None:
    """Swapping two patches changes the answer because of the positions, and only because of them."""
    vit, images = made().eval(), torch.randn(1, 3, 16, 16)
    swapped = images.clone()
    swapped[..., :4, :4], swapped[..., 8:12, 12:] = images[..., 8:12, 12:], images[..., :4, :4]
    assert not torch.allclose(vit(images), vit(swapped), atol=1e-4)
    torch.nn.init.zeros_(vit.positions)
    torch.testing.assert_close(vit(images), vit(swapped))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ({"heads": 3}, r"backbone.heads \(3\) must divide"),
        ({"patches": 32}, "backbone.patches is 32, but images have 16"),
    ],
)
def test_settings_that_make_no_transformer_are_refused(shape: dict[str, int], message: str) -> None:
    with pytest.raises(UserError, match=message):
        made(**shape)
