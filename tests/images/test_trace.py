"""Traces of trained and untrained maps: what a trace says of a known sequence, a whole document, what is refused."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from squares import divided, option, small, squares, write_world

from kanrepro.core.errors import UserError
from kanrepro.core.files import read_json
from kanrepro.images import classify, trace
from kanrepro.images.training import ImageTraining
from kanrepro.models.classifier import load_classifier
from kanrepro.models.classifier_settings import HeadSettings
from kanrepro.models.deq import EquilibriumHead

STEPS = 12
LISTS = ("residual_median", "residual_low", "residual_high", "share_finite")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an image set, its split, and classifiers that were trained for an epoch."""
    folder = tmp_path_factory.mktemp("world")
    for model in ("deq_kan_certified", "deq_kan_shipped", "cnn"):
        options = ["--model", model, "--output", str(folder / model), "--settings", option(epochs=1)]
        classify.main([*images(folder), *options])
    return folder


def images(folder: Path) -> list[str]:
    """Options that name the image set and its split, made where they are not there yet."""
    store, split = write_world(folder)
    return ["--store", str(store), "--split", str(split), "--device", "cpu"]


def run(world: Path, *models: str) -> dict[str, Any]:
    checkpoints = [str(world / model / "model.safetensors") for model in models]
    options = ["--output", str(world / "out.json"), "--images", "6", "--steps", str(STEPS), "--preset", "tiny"]
    trace.main(["--checkpoints", *checkpoints, *images(world), *options])
    return read_json(world / "out.json")


def test_a_trace_of_known_distances() -> None:
    """Four images: two that halve, one that doubles, one that leaves the finite numbers after two steps."""
    steps = torch.arange(5.0).unsqueeze(1)
    distances = torch.cat(
        [0.5**steps, 0.5**steps, 2**steps, torch.tensor([[1.0], [4.0], [math.inf]] + 2 * [[math.nan]])], 1
    )
    made = trace.summary(distances)
    assert made["residual_median"] == [1.0, 1.25, 0.25, 0.125, 0.0625]
    assert made["residual_low"] == [1.0, 0.5, 0.25, 0.125, 0.0625]
    assert made["residual_high"][0] == 1.0 and made["residual_high"][2] == pytest.approx(0.25 + 0.8 * 3.75)
    assert made["share_finite"] == [1.0, 1.0, 0.75, 0.75, 0.75]
    assert made["rate"] == 0.5


def test_where_nothing_is_finite_there_is_no_number() -> None:
    made = trace.summary(torch.tensor([[1.0, 1.0], [math.nan, math.inf]]))
    assert made["residual_median"] == [1.0, None] and made["share_finite"] == [1.0, 0.0]
    assert made["rate"] is None


def test_the_document(world: Path) -> None:
    made = run(world, "deq_kan_certified", "deq_kan_shipped")
    assert made["schema"] == 1 and made["experiment"] == "trace" and made["preset"] == "tiny"
    assert made["images"] == 6 and made["commands"][0].startswith("python -m kanrepro.images.trace --checkpoints ")
    assert set(made["code"]) == {"trace", "commit", "dirty"} and made["versions"]["torch"] and made["hardware"]
    rows = [(t["model"], t["form"], t["trained"], t["solver"]) for t in made["traces"]]
    assert rows == [
        ("deq_kan_certified", "certified", True, "damped"),
        ("deq_kan_certified", "certified", True, "anderson"),
        ("deq_kan_certified", "certified", False, "damped"),
        ("deq_kan_shipped", "shipped", True, "damped"),
        ("deq_kan_shipped", "shipped", False, "damped"),
    ]
    for row in made["traces"]:
        assert all(len(row[name]) == STEPS for name in LISTS)
        assert row["residual_median"][0] == 1.0 and row["share_finite"] == STEPS * [1.0]
    certified, _, fresh, shipped, _ = made["traces"]
    for row in (certified, fresh):
        assert row["rate"] <= row["bound"] <= 0.9
    assert shipped["rate"] == pytest.approx(1.1, abs=0.01) and shipped["bound"] is None
    assert shipped["residual_median"][-1] == pytest.approx(1.1 ** (STEPS - 1), rel=0.1)
    assert run(world, "deq_kan_certified", "deq_kan_shipped") == made


def test_untrained_maps_are_those_that_training_begins_with(world: Path) -> None:
    """Initial weights from the seed, features as a first batch sees them."""
    _, meta = load_classifier(world / "deq_kan_certified" / "model.safetensors")
    settings = small("deq_kan_certified").model
    pixels = torch.rand(8, meta["channels"], meta["size"], meta["size"], generator=torch.Generator().manual_seed(0))
    found = trace.untrained("deq_kan_certified", settings, classes=2, seed=5, pixels=pixels, steps=3)
    model = ImageTraining(squares(), divided(40), small("deq_kan_certified"), 5, "cpu").model.train()
    assert model.head is not None
    with torch.no_grad():
        right = trace.summary(model.head.trace(model.features(pixels), 3))
    assert found["residual_median"] == right["residual_median"]


def test_a_damped_step_keeps_part_of_what_the_bound_promises() -> None:
    made = HeadSettings.model_validate({"form": "certified", "hidden": 4, "solver": {"damping": 0.5}})
    head = EquilibriumHead(made, torch.Generator().manual_seed(0))
    certificate, bound = head.certificate(), trace.bound_of(head)
    assert certificate and bound and bound == pytest.approx(0.5 + 0.5 * certificate["bound"])
    distances = head.trace(torch.randn(5, 4, generator=torch.Generator().manual_seed(1)), 8)
    assert float((distances[1:] / distances[:-1]).max()) <= bound


def test_mistakes_are_named(world: Path) -> None:
    with pytest.raises(UserError, match="cnn does not iterate"):
        run(world, "cnn")
    with pytest.raises(UserError, match="does not exist"):
        run(world, "nowhere")
    with pytest.raises(UserError, match="--steps is 0"):
        trace.main(["--checkpoints", "a", "--store", "b", "--split", "c", "--output", "d", "--steps", "0"])
