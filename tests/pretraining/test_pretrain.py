"""Pre-training: every method runs, learns, resumes to the same bytes, and stops clearly when it diverges."""

import csv
import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from worlds import rings_and_stars, small_molecules

from kanrepro.core import resume
from kanrepro.core.errors import UserError
from kanrepro.core.parts import merged
from kanrepro.methods.folder import built_in, find, of
from kanrepro.methods.readings import changes_of, settings_of
from kanrepro.molecules.settings import MoleculeSettings
from kanrepro.pretraining import pretrain, training
from kanrepro.pretraining.settings import PretrainSettings
from kanrepro.tu.embed import embed

EPOCHS = 6


def has_no_kan(method: str) -> bool:
    return find(method).network != "kan"


def settings(method: str = "khan_gcl", reading: str = "repaired", **optimiser: Any) -> PretrainSettings:
    made = settings_of(PretrainSettings().model_dump(mode="json"), changes_of("tu", reading, method), method)
    return PretrainSettings.model_validate(merged(made, {"optimiser": {"batch_size": 16, **optimiser}}))


TINY = {"encoder": {"hidden": 8, "layers": 2}, "contrast": {"head": [8, 8]}}


def molecule_settings(method: str = "khan_gcl", reading: str = "repaired", **optimiser: Any) -> PretrainSettings:
    pretrain = {**TINY, "optimiser": {"batch_size": 16, **optimiser}}
    return MoleculeSettings.model_validate({"pretrain": pretrain}).pretrain_settings(method, reading)


@pytest.fixture(scope="module")
def store_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "rings.safetensors"
    rings_and_stars().save(path)
    return path


def command(store: Path, output: Path, *more: str, epochs: int = EPOCHS) -> list[str]:
    changes = json.dumps({"optimiser": {"epochs": epochs, "batch_size": 16}})
    stage = [sys.executable, "-m", "kanrepro.pretraining.pretrain", "--store", str(store), "--output", str(output)]
    return [*stage, "--settings", changes, *more]


@pytest.fixture(scope="module")
def undisturbed(store_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of a run that nothing disturbed."""
    output = tmp_path_factory.mktemp("undisturbed")
    subprocess.run(command(store_path, output), check=True, capture_output=True)
    return output


@pytest.mark.parametrize("reading", ["literal", "repaired", "own"])
@pytest.mark.parametrize("method", of("variant", "control"))
def test_every_method_in_every_reading_trains(method: str, reading: str) -> None:
    if reading == "own" and not has_no_kan(method):
        pytest.skip("GraphCL's own habits are for its own encoder")
    run = training.Training(rings_and_stars(), settings(method, reading), 0, "cpu")
    row = run.run_epoch()
    for name in ("delta_mean", "rho_mean", "outside_grid"):
        assert (row[name] is None) == has_no_kan(method), name
    perturbed = bool(run.settings.contrast.negatives.perturbations)
    assert (row["cos_hard"] is not None) == perturbed
    terms = (row["loss_cl"] or 0) + (row["loss_hn"] or 0)
    assert row["loss"] == pytest.approx(terms, rel=1e-5)


@pytest.mark.parametrize("reading", ["literal", "repaired", "own"])
@pytest.mark.parametrize("method", [name for name, method in built_in().items() if "molecule" in method.families])
def test_every_method_trains_on_molecules(method: str, reading: str) -> None:
    if reading == "own" and method != "graphcl":
        pytest.skip("the readings of GraphCL's code are for GraphCL")
    run = training.Training(small_molecules(), molecule_settings(method, reading), 0, "cpu")
    row = run.run_epoch()
    assert list(row) == list(training.columns(run.method))
    assert row["loss"] is not None and (row["outside_grid"] is None) == has_no_kan(method)
    if method == "attr_masking":
        assert 0 <= (row["accuracy"] or 0) <= 1


def test_masked_atoms_are_learned() -> None:
    """Most atoms are carbon, but not those that a bond of their own kind gives away."""
    run = training.Training(small_molecules(), molecule_settings("attr_masking", learning_rate=1e-2), 0, "cpu")
    rows = [run.run_epoch() for _ in range(60)]
    assert (rows[-1]["loss"] or 9) < 0.5 * (rows[0]["loss"] or 0) and (rows[-1]["accuracy"] or 0) > 0.85


@pytest.mark.parametrize("method", ["khan_gcl", "attr_masking"])
def test_a_molecule_training_goes_on_from_its_state(method: str, tmp_path: Path) -> None:
    def run() -> training.Training:
        return training.Training(small_molecules(), molecule_settings(method, epochs=4), 0, "cpu", limit=30)

    straight, broken, state = run(), run(), tmp_path / "state.safetensors"
    while straight.epoch < 4:
        straight.run_epoch()
    for _ in range(2):
        broken.run_epoch()
    resume.save(broken, state, {})
    again = run()
    resume.train(again, state, {})
    for name, tensor in straight.state()[0].items():
        assert torch.equal(tensor, again.state()[0][name]), name


def test_a_limit_draws_the_same_molecules_for_every_seed() -> None:
    runs = [training.Training(small_molecules(), molecule_settings(), seed, "cpu", limit=10) for seed in (0, 1)]
    first, second = (run.order() for run in runs)
    assert len(first) == 10 and first.tolist() != second.tolist() and set(first.tolist()) == set(second.tolist())
    assert first.max() >= 10  # drawn from all of the store, not its beginning
    assert training.Training(small_molecules(), molecule_settings(), 0, "cpu", limit=99).size == 40


@pytest.mark.parametrize("parts", [2, 3])
def test_parts_of_a_batch_meet_the_negatives_of_all(parts: int) -> None:
    """Without batch norm a batch encoded in parts has the loss and the gradients of the whole."""

    def contrast(accumulate: int) -> tuple[float, list[torch.Tensor]]:
        run = training.Training(small_molecules(), molecule_settings("khan_gcl", accumulate=accumulate), 0, "cpu")
        run.model.encoder.eval()  # batch norms that do not look at the batch
        seen = next(iter(run.views(torch.Generator().manual_seed(0))))
        loss = run.terms(seen, torch.Generator().manual_seed(1))["loss"]
        loss.backward()
        return float(loss.detach()), [p.grad for p in run.model.parameters() if p.grad is not None]

    whole, in_parts = contrast(1), contrast(parts)
    assert in_parts[0] == pytest.approx(whole[0], rel=1e-6)
    for one, other in zip(whole[1], in_parts[1], strict=True):
        torch.testing.assert_close(one, other)


def test_activations_made_again_leave_running_statistics_alone() -> None:
    run = training.Training(small_molecules(), molecule_settings("graphcl", accumulate=2), 0, "cpu")
    seen = next(iter(run.views(torch.Generator().manual_seed(0))))
    loss = run.terms(seen, torch.Generator().manual_seed(1))["loss"]
    before = {name: b.clone() for name, b in run.model.named_buffers() if "running" in name}
    loss.backward()  # encodes every part a second time
    assert all(torch.equal(b, before[name]) for name, b in run.model.named_buffers() if name in before)
    assert all(p.grad is not None for p in run.model.parameters())


def test_a_store_of_another_family_is_refused() -> None:
    with pytest.raises(UserError, match="holds molecules, but encoder.family is 'tu'"):
        training.Training(small_molecules(), settings(), 0, "cpu")
    said = "rings-and-stars holds graphs with labels or none, but encoder.family is 'molecule'"
    with pytest.raises(UserError, match=said):
        training.Training(rings_and_stars(), molecule_settings(), 0, "cpu")


@pytest.mark.parametrize("method", ["graphcl", "khan_gcl"])
def test_a_tiny_set_is_overfitted(method: str) -> None:
    """Ten different graphs too small to lose a node: both views are the graph itself, to be told from nine others."""
    made = settings(method, learning_rate=1e-2).model_dump(mode="json")
    made = PretrainSettings.model_validate(merged(made, {"views": {"kinds": ["drop_nodes"]}}))
    run = training.Training(rings_and_stars(10), made, 0, "cpu")
    losses = [run.run_epoch()["loss_cl"] or 0.0 for _ in range(80)]
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.2
    assert np.std(losses[-5:]) < 0.01  # it has settled


def test_the_seed_alone_decides() -> None:
    def weights(seed: int) -> torch.Tensor:
        run = training.Training(rings_and_stars(), settings(), seed, "cpu")
        run.run_epoch()
        return torch.cat([p.detach().flatten() for p in run.model.parameters()])

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


def test_mixed_precision_trains() -> None:
    run = training.Training(rings_and_stars(), settings(precision="bfloat16"), 0, "cpu")
    row = run.run_epoch()
    exact = training.Training(rings_and_stars(), settings(), 0, "cpu").run_epoch()
    assert row["loss"] == pytest.approx(exact["loss"], rel=0.05)


def test_products_are_rounded_where_the_settings_say_so(store_path: Path, tmp_path: Path) -> None:
    try:
        for precision, found in (("tensorfloat32", "high"), ("float32", "highest")):
            changes = json.dumps({"optimiser": {"epochs": 0, "precision": precision}})
            words = ["--store", str(store_path), "--output", str(tmp_path / precision), "--device", "cpu"]
            pretrain.main([*words, "--settings", changes])
            assert torch.get_float32_matmul_precision() == found
    finally:
        torch.set_float32_matmul_precision("highest")


def test_outputs_are_whole_and_explain_themselves(undisturbed: Path, store_path: Path) -> None:
    assert sorted(p.name for p in undisturbed.iterdir()) == ["encoder.safetensors", "history.csv", "run.json"]
    with (undisturbed / "history.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["epoch"] for row in rows] == [str(e) for e in range(1, EPOCHS + 1)]
    z, y, info = embed(undisturbed / "encoder.safetensors", store_path)
    assert z.shape == (40, 96) and np.isfinite(z).all() and y.tolist() == [0, 1] * 20
    assert info["method"] == "khan_gcl" and info["dataset"] == "rings-and-stars"
    assert info["run"]["command"].startswith("python -m kanrepro.pretraining.pretrain --store")


def test_an_encoder_is_not_evaluated_on_another_version_of_its_set(undisturbed: Path, tmp_path: Path) -> None:
    rings_and_stars(20).save(tmp_path / "other.safetensors")
    with pytest.raises(UserError, match="was trained on another version of rings-and-stars"):
        embed(undisturbed / "encoder.safetensors", tmp_path / "other.safetensors")


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGTERM], ids=["kill -9", "SIGTERM"])
def test_interrupted_anywhere_it_resumes_to_the_same_bytes(
    kill: signal.Signals, undisturbed: Path, store_path: Path, tmp_path: Path
) -> None:
    """Three times at a random moment after the first epoch, then to the end."""
    state, chance = tmp_path / "state.safetensors", random.Random(int(kill))
    for _ in range(3):
        process = subprocess.Popen(command(store_path, tmp_path), stderr=subprocess.PIPE, text=True)
        while process.poll() is None and not state.exists():
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.3))
        process.send_signal(kill)
        process.communicate()
    done = subprocess.run(command(store_path, tmp_path), capture_output=True, text=True, check=True)
    assert (tmp_path / "encoder.safetensors").read_bytes() == (undisturbed / "encoder.safetensors").read_bytes()
    assert "resuming after epoch" in done.stderr or process.returncode == 0
    assert not list(tmp_path.glob(".*")) or kill == signal.SIGKILL  # only kill -9 can leave a temporary file


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--settings", '{"encoder": {"family": "molecul"}}'], "Did you mean 'molecule'?"),
        (["--settings", '{"encoder": {"family": "molecule", "join": "concat"}}'], "z from the 'last' layer"),
        (["--method", "attr_maskin"], "Did you mean 'attr_masking'?"),
        (["--limit", "1"], "--limit is 1, but contrast needs at least two graphs"),
        (["--threads", "0"], "--threads is 0, but at least 1 is needed"),
    ],
)
def test_mistakes_of_the_command_line_are_named(words: list[str], message: str, store_path: Path) -> None:
    with pytest.raises(UserError) as error:
        pretrain.main(["--store", str(store_path), "--output", "nowhere", *words])
    assert message in str(error.value)


@pytest.mark.parametrize("method", ["khan_gcl", "attr_masking"])
def test_a_killed_training_on_molecules_ends_with_the_same_bytes(method: str, tmp_path: Path) -> None:
    small_molecules().save(tmp_path / "store.safetensors")
    given = {**TINY, "encoder": {**TINY["encoder"], "family": "molecule"}, "optimiser": {"epochs": 20}}

    def words(output: str) -> list[str]:
        where = ["--store", str(tmp_path / "store.safetensors"), "--output", str(tmp_path / output)]
        return [*where, "--method", method, "--limit", "30", "--device", "cpu", "--settings", json.dumps(given)]

    pretrain.main(words("straight"))
    process = subprocess.Popen([sys.executable, "-m", "kanrepro.pretraining.pretrain", *words("broken")])
    while process.poll() is None and not (tmp_path / "broken/state.safetensors").exists():
        time.sleep(0.01)
    process.kill()
    process.communicate()
    pretrain.main(words("broken"))
    straight, broken = (tmp_path / run / "encoder.safetensors" for run in ("straight", "broken"))
    assert straight.read_bytes() == broken.read_bytes()


def test_a_corrupt_state_costs_one_epoch_and_changes_nothing(
    undisturbed: Path, store_path: Path, tmp_path: Path
) -> None:
    def row(run: training.Training) -> None:
        run.run_epoch()
        resume.save(run, state, {})

    state = tmp_path / "state.safetensors"
    run = training.Training(rings_and_stars(), settings(epochs=EPOCHS), 0, "cpu")
    for _ in range(3):
        row(run)
    state.write_bytes(state.read_bytes()[:-9])
    again = training.Training(rings_and_stars(), settings(epochs=EPOCHS), 0, "cpu")
    resume.train(again, state, {})
    assert again.epoch == EPOCHS
    straight = training.Training(rings_and_stars(), settings(epochs=EPOCHS), 0, "cpu")
    while straight.epoch < EPOCHS:
        straight.run_epoch()
    for name, tensor in straight.state()[0].items():
        assert torch.equal(tensor, again.state()[0][name]), name


def test_divergence_is_one_clear_error() -> None:
    run = training.Training(rings_and_stars(), settings(learning_rate=1e38), 0, "cpu")
    with pytest.raises(UserError, match="training diverged in epoch 1.*Lower optimiser.learning_rate"):
        for _ in range(3):
            run.run_epoch()
    assert run.epoch < 2


def test_one_graph_makes_no_contrast() -> None:
    with pytest.raises(UserError, match="at least two graphs"):
        training.Training(rings_and_stars(1), settings(), 0, "cpu").run_epoch()


@pytest.mark.slow
def test_a_compiled_encoder_gives_the_same_loss() -> None:
    compiled = training.Training(rings_and_stars(), settings("graphcl", "literal", compile=True), 0, "cpu").run_epoch()
    plain = training.Training(rings_and_stars(), settings("graphcl", "literal"), 0, "cpu").run_epoch()
    assert compiled["loss"] == pytest.approx(plain["loss"], rel=1e-3)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("method", of("variant"))
def test_cuda_agrees_with_the_cpu(method: str) -> None:
    gpu = training.Training(rings_and_stars(), settings(method, "literal"), 0, "cuda").run_epoch()
    cpu = training.Training(rings_and_stars(), settings(method, "literal"), 0, "cpu").run_epoch()
    assert gpu["loss"] == pytest.approx(cpu["loss"], rel=0.1)  # other random streams, the same expectation
