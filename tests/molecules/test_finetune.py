"""Fine-tuning: what its loss counts, that it learns, both rules, resume to the same record, and what it refuses."""

import json
import math
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from molecule_worlds import amines_and_alkanes, molecules, write_encoder, write_world

from kanrepro.core.errors import UserError
from kanrepro.core.files import read_json, write_json
from kanrepro.models.encoders import load_encoder
from kanrepro.molecules import finetune
from kanrepro.molecules.finetune_settings import FinetuneSettings
from kanrepro.molecules.finetuning import Finetuning, masked_bce
from kanrepro.molecules.labelled import open_labelled
from kanrepro.molecules.record import TransferRecord


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a set, its split, and untrained MLP encoders of the seeds 0 and 1."""
    folder = tmp_path_factory.mktemp("world")
    store, _ = write_world(folder, amines_and_alkanes())
    for seed in (0, 1):
        write_encoder(folder / str(seed), store, seed=seed)
    return folder


def options(world: Path, output: Path, **settings: Any) -> list[str]:
    changes = {"epochs": 6, "batch_size": 4, **settings}
    return [
        "--checkpoint", str(world / "0/encoder.safetensors"), "--store", str(world / "toy.safetensors"),
        "--split", str(world / "toy.scaffold-0.json"), "--output", str(output / "{seed}.json"),
        "--states", str(output / "states"), "--settings", json.dumps(changes), "--device", "cpu",
    ]  # fmt: skip


def run(world: Path, output: Path, *more: str, **settings: Any) -> TransferRecord:
    finetune.main([*options(world, output, **settings), *more])
    return TransferRecord.read(output / "0.json")


def training(world: Path, **settings: Any) -> Finetuning:
    labelled = open_labelled(world / "toy.safetensors", world / "toy.scaffold-0.json")
    made = FinetuneSettings(**{"epochs": 3, "batch_size": 4, **settings})
    return Finetuning(labelled, load_encoder(world / "0/encoder.safetensors", made.dropout)[0], made, 0, "cpu")


def without_cost(record: TransferRecord) -> dict[str, Any]:
    return record.model_dump(exclude={"cost", "commands"})


def test_the_loss_is_a_mean_over_the_labels_that_are_there() -> None:
    logits = torch.tensor([[0.0, 2.0], [1.0, -3.0]], requires_grad=True)
    y = torch.tensor([[1, 0], [-1, 0]], dtype=torch.int8)
    loss = masked_bce(logits, y)
    assert loss.item() == pytest.approx((math.log(2) + math.log(1 + math.e)) / 2)
    loss.backward()
    assert logits.grad is not None and logits.grad[:, 1].tolist() == [0, 0]
    none = masked_bce(logits, torch.zeros(2, 2, dtype=torch.int8))
    assert none.item() == 0 and torch.autograd.grad(none, logits)[0].abs().sum() == 0


@pytest.mark.parametrize("method", ["untrained_mlp", "untrained_kan"])
def test_a_separable_set_is_learnt_to_the_last_molecule(method: str, world: Path, tmp_path: Path) -> None:
    encoder = write_encoder(tmp_path, world / "toy.safetensors", method)
    labelled = open_labelled(world / "toy.safetensors", world / "toy.scaffold-0.json")
    settings = FinetuneSettings(epochs=40, batch_size=4, dropout=0.0, learning_rate=1e-2)
    run = Finetuning(labelled, load_encoder(encoder, 0.0)[0], settings, 0, "cpu")
    rows = [run.run_epoch() for _ in range(40)]
    assert rows[-1]["train_loss"] < 0.05 < rows[0]["train_loss"]
    assert run.last is not None and run.last.test == 1.0


def test_the_record_says_everything(world: Path, tmp_path: Path) -> None:
    record = run(world, tmp_path)
    assert record.tasks == ["amine", "half", "none"]
    assert record.excluded == {part: ["none"] for part in ("train", "validation", "test")}
    assert record.last is not None and record.last.epoch == 6
    assert record.best.test_tasks[2] is None and record.best.test_tasks[0] is not None
    found = [auc for auc in record.best.test_tasks if auc is not None]
    assert record.best.test == pytest.approx(sum(found) / 2)
    best = record.curves.validation.index(max(record.curves.validation))  # the first of equals
    assert (record.best.epoch, record.best.test) == (best + 1, record.curves.test[best])
    assert record.last.test == record.curves.test[-1] and len(record.curves.train_loss) == 6
    assert record.pretraining is not None and (record.pretraining.epochs, record.encoder) == (0, "mlp")
    assert record.commands[0].startswith("python -m kanrepro.pretraining.pretrain") and record.method == "untrained_mlp"
    assert not list((tmp_path / "states").iterdir())


def test_several_seeds_in_one_process_are_what_each_is_alone(world: Path, tmp_path: Path) -> None:
    pattern = str(world / "{seed}/encoder.safetensors")
    given = [*options(world, tmp_path / "both"), "--checkpoint", pattern, "--seeds", "1", "0"]
    finetune.main(given)
    both = [TransferRecord.read(tmp_path / f"both/{seed}.json") for seed in (0, 1)]
    for seed, record in enumerate(both):
        alone = tmp_path / f"alone{seed}"
        finetune.main([*options(world, alone), "--checkpoint", pattern, "--seeds", str(seed)])
        assert without_cost(TransferRecord.read(alone / f"{seed}.json")) == without_cost(record)
    assert both[0].checkpoint != both[1].checkpoint and both[0].curves != both[1].curves


def test_killed_it_goes_on_to_the_same_record(world: Path, tmp_path: Path) -> None:
    undisturbed = run(world, tmp_path / "undisturbed", epochs=60)
    state = tmp_path / "killed/states/finetune-0.safetensors"
    command = [sys.executable, "-m", "kanrepro.molecules.finetune", *options(world, tmp_path / "killed", epochs=60)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not state.exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "resuming after epoch" in done.stderr or process.returncode == 0
    assert without_cost(TransferRecord.read(tmp_path / "killed/0.json")) == without_cost(undisturbed)


def test_a_state_holds_all_that_an_epoch_depends_on(world: Path) -> None:
    straight = training(world)
    straight.run_epoch()
    tensors, kept = straight.state()
    again = training(world)
    again.restore({name: tensor.clone() for name, tensor in tensors.items()}, json.loads(json.dumps(kept)))
    for one in (straight, again):
        one.run_epoch()
    first, second = straight.state()[0], again.state()[0]
    assert first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
    assert straight.best == again.best and straight.last == again.last


def test_divergence_is_one_clear_error(world: Path) -> None:
    with pytest.raises(UserError, match="toy: fine-tuning with seed 0 diverged in epoch .*Lower learning_rate"):
        diverging = training(world, learning_rate=1e38)
        for _ in range(3):
            diverging.run_epoch()


def test_a_part_without_both_classes_is_refused(tmp_path: Path) -> None:
    store, split = write_world(tmp_path, amines_and_alkanes(), [range(20), [20, 22], [21, 23]])
    with pytest.raises(UserError, match="no task has both classes in the validation part"):
        open_labelled(store, split)


def test_labels_out_of_range_name_molecule_and_task(tmp_path: Path) -> None:
    store, split = write_world(tmp_path, molecules(["CN", "CC", "CO"], [[1], [-1], [3]], ["odd"]), [[0], [1], [2]])
    with pytest.raises(UserError, match="molecule 2, task 'odd': the label 3 is none of 1, -1 and 0"):
        open_labelled(store, split)


def test_files_that_do_not_belong_together_are_named(world: Path, tmp_path: Path) -> None:
    content = read_json(world / "toy.scaffold-0.json")
    write_json(tmp_path / "other.json", {**content, "set": "0" * 64})
    with pytest.raises(UserError, match="was drawn for another version"):
        open_labelled(world / "toy.safetensors", tmp_path / "other.json")
    molecules(["CN", "CC"], [[], []], []).save(tmp_path / "plain.safetensors")
    with pytest.raises(UserError, match="holds no molecules with labels"):
        open_labelled(tmp_path / "plain.safetensors", world / "toy.scaffold-0.json")
    with pytest.raises(UserError, match=r"2 seeds need a name with \{seed\}"):
        finetune.main([*options(world, tmp_path), "--output", str(tmp_path / "one.json"), "--seeds", "0", "1"])
    with pytest.raises(UserError, match="give each seed once"):
        finetune.main([*options(world, tmp_path), "--seeds", "1", "1"])


def test_predictions_do_not_depend_on_their_neighbours(world: Path) -> None:
    run = training(world)
    together = run.predict("test")
    index = run.parts["test"]
    run.model.eval()
    with torch.inference_mode():
        alone = [run.model(run.store.batch(index[i : i + 1])).double().numpy() for i in range(len(index))]
    assert np.concatenate(alone) == pytest.approx(together, abs=1e-5)
