"""Assessment: a set that must be learnt is, whole records, leaks left out, order without effect, measured rates."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from squares import divided, option, small, squares, write_world

from kanrepro.core.errors import UserError
from kanrepro.images import assess, classify
from kanrepro.images.assess import Assessment, HeldOut, measured_rate
from kanrepro.images.metrics import METRICS, evaluate
from kanrepro.images.record import Clean, ImageRecord
from kanrepro.images.settings import EvaluationSettings
from kanrepro.images.splits import Split
from kanrepro.images.store import ImageSet
from kanrepro.images.training import ImageTraining

QUICK = EvaluationSettings(bootstrap=20, corruptions=("noise", "blur"))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_world(tmp_path_factory.mktemp("world"))


def run(world: tuple[Path, Path], output: Path, model: str, epochs: int) -> ImageRecord:
    """Train and assess by the command lines."""
    store, split = map(str, world)
    common = ["--store", store, "--split", split, "--device", "cpu"]
    settings = option(epochs=epochs, patience=epochs, learning_rate=5e-3, step_size=epochs)
    classify.main([*common, "--model", model, "--output", str(output), "--settings", settings, "--preset", "tiny"])
    checkpoint = str(output / "model.safetensors")
    options = ["--checkpoint", checkpoint, "--output", str(output / "record.json"), "--settings", '{"bootstrap": 50}']
    assess.main([*common, *options])
    return ImageRecord.read(output / "record.json")


def assessment(
    model: str = "deq_kan", images: ImageSet | None = None, split: Split | None = None, seed: int = 0
) -> Assessment:
    """Of an untrained classifier."""
    images, split = images or squares(), split or divided(40)
    made = ImageTraining(images, split, small(model), 0, "cpu")
    meta = {"mean": made.mean.tolist(), "std": made.std.tolist(), "seed": seed, "channels": 1, "size": 12}
    return Assessment(made.model, meta, HeldOut.of(images, split), QUICK)


@pytest.mark.parametrize("model", ["cnn", "vit", "deq_mlp", "deq_kan", "deq_kan_certified"])
def test_bright_and_dark_squares_are_learnt(model: str, world: tuple[Path, Path], tmp_path: Path) -> None:
    """To the last test image, in a record that tells everything."""
    made = run(world, tmp_path, model, epochs=16)
    for name in ("accuracy", "precision", "recall", "specificity", "f1", "auc"):
        assert made.metrics[name].value == 1.0, name
    assert made.confusion == [[4, 0], [0, 4]] and set(made.metrics) == set(METRICS)
    assert (made.dataset, made.split, made.model, made.preset, made.demo) == ("squares", "grouped", model, "tiny", True)
    assert made.test.index == list(range(32, 40)) and made.test.y == [0, 1] * 4
    assert made.without_leaks is not None and made.without_leaks.images == 6
    assert {kind: [row.strength for row in rows] for kind, rows in made.robustness.items()} == {
        kind: [1, 2, 3, 4, 5] for kind in ("noise", "blur", "contrast", "resolution")
    }
    assert made.robustness["blur"][0].accuracy == 1.0
    iterates = model.startswith("deq")
    assert (made.equilibrium is not None) == iterates
    assert (made.robustness["noise"][4].converged is not None) == iterates
    assert made.commands[0].startswith("python -m kanrepro.images.classify --store")
    assert made.commands[1].startswith("python -m kanrepro.images.assess --store")
    assert made.model_size.flops > made.model_size.parameters > 0


def test_the_certified_form_keeps_its_promise(world: tuple[Path, Path], tmp_path: Path) -> None:
    made = run(world, tmp_path, "deq_kan_certified", epochs=3).equilibrium
    assert made is not None and made.bound is not None and made.rate is not None
    assert 0 < made.rate <= made.bound < 1 and made.converged == 1.0


def test_the_shipped_form_runs_away(world: tuple[Path, Path], tmp_path: Path) -> None:
    """Its distances grow by about 1 + alpha, alpha = 0.1, a step."""
    made = run(world, tmp_path, "deq_kan_shipped", epochs=1).equilibrium
    assert made is not None and made.bound is None and made.converged == 0.0 and made.steps_mean == 25
    assert made.rate == pytest.approx(1.1, abs=0.05)


def test_the_order_of_test_images_changes_nothing() -> None:
    split = divided(40, leaked=3)
    shuffled = replace(split, test=split.test[::-1].copy(), leaked=split.leaked[::-1].copy())
    one, other = assessment(split=split), assessment(split=shuffled)
    assert one.scores() == other.scores() and one.predictions() == other.predictions()
    assert one.without_leaks() == other.without_leaks() and one.robustness() == other.robustness()
    assert one.equilibrium() == other.equilibrium()


def test_leaked_images_are_left_out_and_nothing_else() -> None:
    split = replace(divided(40), leaked=np.array([33, 36, 37]))
    made = assessment(split=split)
    found = made.without_leaks()
    kept = np.array([0, 2, 3, 6, 7])  # of test images 32 to 39
    expected = evaluate(made.images.y[kept], made.p[kept], QUICK.bins, QUICK.bootstrap, units=kept)
    assert found is not None and found.images == 5
    assert {name: score.model_dump() for name, score in found.metrics.items()} == expected.metrics


def test_intervals_resample_patients_and_pictures_whole() -> None:
    """Test images 32 to 39: three of one patient, the last of which is the same picture as another patient's."""
    images = squares()
    group, content = images.group.clone(), images.content.clone()
    group[32:35], content[35] = 32, content[34]
    made = assessment(images=replace(images, group=group, content=content))
    expected = evaluate(made.images.y, made.p, QUICK.bins, QUICK.bootstrap, units=np.array([0, 0, 0, 0, 1, 2, 3, 4]))
    assert made.scores() == expected != assessment(images=images).scores()
    assert made.predictions().units == 5 and assessment(images=images).predictions().units == 8


def test_where_none_leaked_there_is_nothing_to_leave_out_and_where_all_did_nothing_is_left() -> None:
    assert assessment(split=divided(40, leaked=0)).without_leaks() is None
    assert assessment(split=divided(40, leaked=8)).without_leaks() == Clean(images=0, metrics={})


def test_models_of_a_seed_meet_the_same_noise_and_other_seeds_another() -> None:
    same, again, other = assessment(), assessment(), assessment(seed=1)
    assert same.robustness() == again.robustness()
    assert same.robustness()["noise"] != other.robustness()["noise"]
    assert same.robustness()["blur"] == other.robustness()["blur"]


def test_predictions_are_rounded_probabilities() -> None:
    p = np.array(assessment().predictions().p)
    assert p.shape == (8, 2) and np.allclose(p.sum(axis=1), 1, atol=1e-4) and np.array_equal(p, p.round(4))


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.1])
def test_the_rate_of_a_geometric_trace_is_its_factor(factor: float) -> None:
    trace = factor ** torch.arange(20.0)[:, None] * torch.ones(1, 3)
    assert measured_rate(trace).tolist() == pytest.approx([factor] * 3, rel=1e-5)


def test_a_rate_ends_where_rounding_or_infinity_begins() -> None:
    lost = torch.tensor([1.0, 0.1, 0.01, 1e-7, 1e-7, 1e-7])  # converged, then noise
    blown = torch.tensor([1.0, 2.0, 4.0, torch.inf, torch.nan, torch.nan])
    still = torch.tensor([1.0, 0.0, 0.0, 0.0, 0.0, 0.0])  # solved in one step: no factor to be had
    rates = measured_rate(torch.stack([lost, blown, still], dim=1))
    assert rates[:2].tolist() == pytest.approx([0.1, 2.0]) and rates[2].isnan()


def test_a_classifier_is_assessed_on_its_own_set_and_split(world: tuple[Path, Path], tmp_path: Path) -> None:
    run(world, tmp_path / "run", "cnn", epochs=1)
    store, split = write_world(tmp_path, leaked=1)  # the same set, another split
    checkpoint = ["--checkpoint", str(tmp_path / "run" / "model.safetensors"), "--output", str(tmp_path / "r.json")]
    with pytest.raises(UserError, match="was trained on another version of .*grouped-0.json"):
        assess.main([*checkpoint, "--store", str(world[0]), "--split", str(split), "--device", "cpu"])
    store, _ = write_world(tmp_path, classes=("dim", "bright"))
    with pytest.raises(UserError, match="was trained on another version of .*squares-12.safetensors"):
        assess.main([*checkpoint, "--store", str(store), "--split", str(world[1]), "--device", "cpu"])


def test_without_test_images_there_is_nothing_to_assess() -> None:
    empty = np.arange(0)
    with pytest.raises(UserError, match="no test image"):
        HeldOut.of(squares(), Split(np.arange(30), np.arange(30, 40), empty, empty))
