"""Classifiers: the published number of parameters, every model of the comparison, operations counted by hand."""

from pathlib import Path

import pytest
import torch

from kanrepro.core import checkpoint
from kanrepro.core.errors import UserError
from kanrepro.core.parts import merged
from kanrepro.images.variants import IMAGE_MODELS, changes_of
from kanrepro.models.classifier import Classifier, count_flops, count_parameters, load_classifier
from kanrepro.models.classifier_settings import ModelSettings

SMALL = {
    "backbone": {"channels": 4, "width": 16, "depth": 1, "patches": 4},
    "head": {"hidden": 8, "basis": {"knots": 5}},
}


def model_settings(name: str, **changes: object) -> ModelSettings:
    base = merged(ModelSettings().model_dump(mode="json"), changes_of(name).get("model", {}))
    return ModelSettings.model_validate(merged(base, changes))


def made(name: str, seed: int = 0, classes: int = 3) -> Classifier:
    return Classifier(model_settings(name, **SMALL), 1, classes, 16, torch.Generator().manual_seed(seed))


def test_the_shipped_model_has_its_published_number_of_parameters() -> None:
    """762,273, counted in its code, which has one logit for two classes where ours has one for each."""
    ours = Classifier(model_settings("deq_kan_shipped"), channels=3, classes=2, size=224)
    one_logit = 128 + 1
    assert count_parameters(ours) - one_logit == 762_273


@pytest.mark.parametrize("name", IMAGE_MODELS)
def test_every_model_classifies_and_every_weight_learns(name: str) -> None:
    model, images = made(name).train(), torch.randn(6, 1, 16, 16)
    logits, health = model(images)
    assert logits.shape == (6, 3)
    assert (health is not None) == (model.head is not None and model.head.settings.kind != "feedforward")
    torch.nn.functional.cross_entropy(logits, torch.arange(6) % 3).backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), key


@pytest.mark.parametrize("name", ["cnn", "vit", "deq_kan"])
def test_the_seed_alone_decides_the_initial_values(name: str) -> None:
    first, same, other = (torch.cat([p.flatten() for p in made(name, seed).parameters()]) for seed in (1, 1, 2))
    assert torch.equal(first, same) and not torch.equal(first, other)


def test_the_backbone_alone_is_in_low_precision_and_only_in_training() -> None:
    exact, low = made("deq_kan"), made("deq_kan")
    low.low_precision = True
    images = torch.randn(6, 1, 16, 16)
    assert low.train().features(images).dtype == torch.float32
    assert not torch.equal(low(images)[0], exact.train()(images)[0])
    low.load_state_dict(exact.state_dict())  # batch statistics too
    assert torch.equal(low.eval()(images)[0], exact.eval()(images)[0])


def test_operations_of_the_cnn_counted_by_hand() -> None:
    """Width 4 at 16 pixels: 8 an edge after the stem, then 8, 4, 4 and 2; multiply-adds of every convolution."""
    stem = 64 * 49 * 4
    blocks = 64 * 9 * 2 * 16 + 16 * (9 * (32 + 64) + 32) + 16 * 9 * 2 * 64 + 4 * (9 * (128 + 256) + 128)
    linear = 16 * 8 + 8 * 3
    assert count_flops(made("cnn"), 1, 16) == 2 * (stem + blocks + linear)


def test_operations_of_the_transformer_counted_by_hand() -> None:
    """16 patches of 4x4 pixels, width 16: embedding; attention's four projections and two products; the MLP."""
    patches, width = 16, 16
    block = patches * (4 * width**2 + 8 * width**2) + 2 * patches**2 * width
    assert count_flops(made("vit"), 1, 16) == 2 * (patches * 16 * width + block + width * 8 + 8 * 3)


def test_operations_of_a_solve_grow_with_its_steps() -> None:
    model = made("deq_mlp").train()
    none, one, ten = (count_flops(model, 1, 16, steps) for steps in (0, 1, 10))
    assert none == count_flops(made("cnn"), 1, 16)
    assert ten - none == 10 * (one - none) > 0
    assert model.training  # left as it was


def test_a_checkpoint_rebuilds_the_classifier(tmp_path: Path) -> None:
    model = made("deq_kan").eval()
    settings = model_settings("deq_kan", **SMALL).model_dump(mode="json")
    meta = {"settings": {"model": settings}, "channels": 1, "size": 16, "classes": ["a", "b", "c"]}
    checkpoint.save(tmp_path / "model.safetensors", model.state_dict(), meta)
    again, found = load_classifier(tmp_path / "model.safetensors")
    images = torch.randn(3, 1, 16, 16)
    assert torch.equal(again(images)[0], model(images)[0]) and found == meta and not again.training
    checkpoint.save(tmp_path / "model.safetensors", model.state_dict(), {**meta, "channels": 3})
    with pytest.raises(UserError, match="not a checkpoint of this version's classifier"):
        load_classifier(tmp_path / "model.safetensors")
