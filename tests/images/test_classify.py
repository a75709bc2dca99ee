"""Training image classifiers: every model runs, the seed decides, interruptions change nothing, mistakes are named."""

import csv
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from squares import divided, option, small, squares, write_world

from kanrepro.core import resume
from kanrepro.core.errors import UserError
from kanrepro.images import classify
from kanrepro.images.augment import normalise
from kanrepro.images.training import HISTORY, ImageTraining
from kanrepro.images.variants import IMAGE_MODELS
from kanrepro.models.classifier import load_classifier

EPOCHS = 6
SOLVER = ("steps", "residual", "converged")


def training(model: str = "cnn", seed: int = 0, **changes: object) -> ImageTraining:
    return ImageTraining(squares(), divided(40), small(model, **changes), seed, "cpu")


def weights(run: ImageTraining) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in run.parameters])


def arguments(world: tuple[Path, Path], output: Path, *more: str) -> list[str]:
    store, split = world
    made = ["--store", str(store), "--split", str(split), "--output", str(output), "--device", "cpu"]
    return [*made, "--settings", option(epochs=EPOCHS), *more]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def undisturbed(world: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of a run that nothing disturbed."""
    output = tmp_path_factory.mktemp("undisturbed")
    classify.main(arguments(world, output))
    return output


@pytest.mark.parametrize("model", IMAGE_MODELS)
def test_every_model_trains(model: str) -> None:
    run = training(model)
    row = run.run_epoch()
    assert tuple(row) == HISTORY
    iterates = run.model.head is not None and run.model.head.settings.kind != "feedforward"
    assert [row[name] is not None for name in SOLVER] == 3 * [iterates]
    assert (row["gradient_converged"] is not None) == (iterates and run.model.head.settings.kind == "equilibrium")  # type: ignore[union-attr]
    assert all(row[name] is not None for name in HISTORY[:6])


def test_the_seed_alone_decides() -> None:
    def trained(seed: int) -> torch.Tensor:
        torch.manual_seed(random.randrange(1000))  # the default generator has no say
        run = training("deq_kan", seed)
        run.run_epoch()
        return weights(run)

    assert torch.equal(trained(1), trained(1))
    assert not torch.equal(trained(1), trained(2))


def test_training_leaves_the_default_generator_alone() -> None:
    run = training("deq_kan")
    before = torch.get_rng_state()
    run.run_epoch()
    assert torch.equal(torch.get_rng_state(), before)


def test_mixed_precision_trains() -> None:
    low, exact = training(precision="bfloat16").run_epoch(), training().run_epoch()
    assert low["train_loss"] != exact["train_loss"]
    assert low["train_loss"] == pytest.approx(exact["train_loss"], rel=0.05)


def test_the_loss_of_a_fixed_batch_falls_to_nothing() -> None:
    """Without augmentation or dropout, a batch of all images is learnt by heart."""
    run = training("vit", epochs=40, batch_size=28, warmup=0, patience=40, augmentation={"flip": 0, "rotation": 0})
    losses = [run.run_epoch()["train_loss"] for _ in range(40)]
    assert losses[-1] < 0.05 < losses[0]  # type: ignore[operator]


def test_channels_are_normalised_by_training_images_alone() -> None:
    images, split = squares(), divided(40)
    changed = images.pixels.clone()
    changed[split.validation], changed[split.test] = 0, 255
    run = training()
    other = ImageTraining(replace(images, pixels=changed), split, small(), 0, "cpu")
    assert torch.equal(run.mean, other.mean) and torch.equal(run.std, other.std)
    inputs = normalise(images.pixels[split.train], run.mean, run.std)
    assert float(inputs.mean()) == pytest.approx(0, abs=1e-5) and float(inputs.std()) == pytest.approx(1, abs=1e-3)


def test_validation_images_are_normalised_and_nothing_else() -> None:
    run, images, split = training(), squares(), divided(40)
    row = run.run_epoch()
    with torch.no_grad():
        logits, _ = run.model.eval()(normalise(images.pixels[split.validation], run.mean, run.std))
    expected = torch.nn.functional.cross_entropy(logits, images.y[split.validation])  # the classes are balanced
    assert row["validation_loss"] == pytest.approx(float(expected))


def test_classes_weigh_alike_however_many_images_they_have() -> None:
    split = divided(40)
    train = np.concatenate([split.train[::2], split.train[1:8:2]])  # 14 dark, 4 bright
    run = ImageTraining(squares(), replace(split, train=train), small(), 0, "cpu")
    assert run.weights is not None and run.weights.tolist() == pytest.approx([18 / (2 * 14), 18 / (2 * 4)])
    run = ImageTraining(squares(), replace(split, train=train), small(class_weights=False), 0, "cpu")
    assert run.weights is None


@pytest.mark.parametrize(("images", "sizes"), [(16, [8, 8]), (17, [8, 8]), (18, [8, 8, 2])])
def test_every_image_comes_once_an_epoch_and_none_comes_alone(images: int, sizes: list[int]) -> None:
    split = divided(40)
    run = ImageTraining(squares(), replace(split, train=split.train[:images]), small(), 0, "cpu")
    batches = [(pixels.shape[0], labels) for pixels, labels in run.batches()]
    assert [size for size, _ in batches] == [len(labels) for _, labels in batches] == sizes
    assert len(torch.cat([labels for _, labels in batches])) == images // 2 * 2


def test_augmenting_in_parts_gives_the_same_batches_of_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [labels for _, labels in training().batches()]
    monkeypatch.setattr("kanrepro.images.training.AT_ONCE", 1)  # one batch at a time
    assert all(map(torch.equal, whole, [labels for _, labels in training().batches()]))


def test_training_stops_after_patience_and_prefers_the_earlier_of_equals() -> None:
    run = training(epochs=9, patience=3)
    run.history = [{"validation_loss": loss} for loss in (0.5, 0.4, 0.6, 0.4)]
    assert run.best_epoch == 2 and not run.finished
    run.history.append({"validation_loss": 0.41})
    assert run.finished


def test_each_epoch_has_the_rate_of_its_schedule() -> None:
    run = training("deq_kan_shipped", learning_rate=3e-4)
    for rate in (1.65e-4, 3e-5):
        assert run.run_epoch()["learning_rate"] == pytest.approx(rate)
        assert run.optimiser.param_groups[0]["lr"] == pytest.approx(rate)


def test_the_best_epochs_weights_are_kept() -> None:
    run = training(learning_rate=0.05, epochs=8)
    after = []
    for _ in range(8):
        run.run_epoch()
        after.append({name: tensor.clone() for name, tensor in run.model.state_dict().items()})
    assert run.best_epoch < 8  # at this rate the validation loss jumps about
    assert all(torch.equal(run.best[name], tensor) for name, tensor in after[run.best_epoch - 1].items())


def test_outputs_are_whole_and_explain_themselves(undisturbed: Path) -> None:
    assert sorted(p.name for p in undisturbed.iterdir()) == ["history.csv", "model.safetensors", "run.json"]
    with (undisturbed / "history.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["epoch"] for row in rows] == [str(e) for e in range(1, EPOCHS + 1)]
    assert all(value or name in (*SOLVER, "gradient_converged") for name, value in rows[0].items())
    _, meta = load_classifier(undisturbed / "model.safetensors")
    assert (meta["dataset"], meta["split"], meta["model"], meta["seed"]) == ("squares", "grouped", "deq_kan", 0)
    assert (meta["classes"], meta["channels"], meta["size"], meta["demo"]) == (["dark", "bright"], 1, 12, True)
    best = meta["history"]["best_epoch"]
    assert meta["history"]["validation_loss"] == float(rows[best - 1]["validation_loss"])


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGTERM], ids=["kill -9", "SIGTERM"])
def test_interrupted_anywhere_it_resumes_to_the_same_bytes(
    kill: signal.Signals, undisturbed: Path, world: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """At a random moment after the first epoch, then to the end."""
    stage = [sys.executable, "-m", "kanrepro.images.classify", *arguments(world, tmp_path)]
    process = subprocess.Popen(stage, stderr=subprocess.DEVNULL)
    while process.poll() is None and not (tmp_path / "state.safetensors").exists():
        time.sleep(0.01)
    time.sleep(random.Random(int(kill)).uniform(0, 0.2))
    process.send_signal(kill)
    process.wait()
    classify.main(arguments(world, tmp_path))
    assert (tmp_path / "model.safetensors").read_bytes() == (undisturbed / "model.safetensors").read_bytes()
    assert "resuming after epoch" in capsys.readouterr().err or process.returncode == 0
    assert not list(tmp_path.glob(".*")) or kill == signal.SIGKILL  # only kill -9 can leave a temporary file


@pytest.mark.parametrize("model", ["cnn", "deq_kan"])
def test_a_corrupt_state_costs_one_epoch_and_changes_nothing(model: str, tmp_path: Path) -> None:
    """Also: a run in two parts is a run in one, to the last bit, moments and best weights included."""
    state, changes = tmp_path / "state.safetensors", {"epochs": 4, "learning_rate": 0.02}
    run = training(model, **changes)
    for _ in range(3):
        run.run_epoch()
        resume.save(run, state, {})
    state.write_bytes(state.read_bytes()[:-9])
    again = classify.classify(training(model, **changes), state, {})
    straight = training(model, **changes)
    while not straight.finished:
        straight.run_epoch()
    assert again.epoch == straight.epoch == 4
    assert set(again.state()[0]) == set(straight.state()[0])
    for name, tensor in straight.state()[0].items():
        assert torch.equal(tensor, again.state()[0][name]), name


def test_a_state_of_other_settings_is_not_continued(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    state = tmp_path / "state.safetensors"
    run = training(epochs=1)
    run.run_epoch()
    resume.save(run, state, {"seed": 0})
    classify.classify(training(epochs=1), state, {"seed": 1})
    assert "belongs to another run (seed differ)" in capsys.readouterr().err


def test_a_solver_that_does_not_converge_is_counted_and_said_once(
    capsys: pytest.CaptureFixture, tmp_path: Path
) -> None:
    settings = small("deq_kan", epochs=2)
    head = settings.model.head
    head = head.model_copy(update={"solver": head.solver.model_copy(update={"max_steps": 1})})
    settings = settings.model_copy(update={"model": settings.model.model_copy(update={"head": head})})
    run = ImageTraining(squares(), divided(40), settings, 0, "cpu")
    classify.classify(run, tmp_path / "state.safetensors", {})
    said = capsys.readouterr().err
    assert [row["converged"] for row in run.history] == [0.0, 0.0]
    assert said.count("warning") == 1 and "28 of 28 hidden states" in said and "in epoch 1" in said


def test_divergence_is_one_clear_error() -> None:
    run = training(learning_rate=1e30, warmup=0)
    with pytest.raises(UserError, match="training diverged in epoch 1.*Lower training.learning_rate"):
        run.run_epoch()
    assert run.epoch == 0


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"train": np.arange(0, 28, 2)}, "no training image of class 'bright'"),
        ({"validation": np.arange(0)}, "no validation image"),
    ],
)
def test_a_split_that_cannot_serve_is_named(part: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(UserError, match=message):
        ImageTraining(squares(), replace(divided(40), **part), small(), 0, "cpu")


def test_two_training_images_are_the_least() -> None:
    one = replace(divided(40), train=np.array([0, 1]))
    assert ImageTraining(squares(), one, small(), 0, "cpu").run_epoch()["train_loss"] is not None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--model", "deq_can"], "unknown model 'deq_can'. Did you mean 'deq_kan'"),
        (["--settings", '{"training": {"epoch": 3}}'], "training.epoch"),
        (["--threads", "0"], "--threads is 0"),
    ],
)
def test_mistakes_in_options_are_named(
    change: list[str], message: str, world: tuple[Path, Path], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        classify.main(arguments(world, tmp_path, *change))


def test_a_split_of_another_version_of_the_set_is_refused(world: tuple[Path, Path], tmp_path: Path) -> None:
    other, _ = write_world(tmp_path, classes=("dim", "bright"))
    with pytest.raises(UserError, match="was made for another version of"):
        classify.main(arguments((other, world[1]), tmp_path / "out"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("model", ["cnn", "vit", "deq_kan"])
def test_cuda_agrees_with_the_cpu(model: str) -> None:
    changes = {"augmentation": {"flip": 0, "rotation": 0}}
    gpu = ImageTraining(squares(), divided(40), small(model, **changes), 0, "cuda").run_epoch()
    cpu = ImageTraining(squares(), divided(40), small(model, **changes), 0, "cpu").run_epoch()
    assert gpu["train_loss"] == pytest.approx(cpu["train_loss"], rel=0.1)  # other dropout masks
