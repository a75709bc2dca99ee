"""Two processes (gloo) that share a batch have the loss and the gradients of one that encodes it in two parts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from worlds import small_molecules

from kanrepro.core.distributed import Ranks, gathered, join_ranks
from kanrepro.core.errors import UserError
from kanrepro.molecules.settings import MoleculeSettings
from kanrepro.pretraining import training
from kanrepro.pretraining.settings import PretrainSettings
from kanrepro.store.store import GraphBatch

PROCESSES = 2


def settings(accumulate: int) -> PretrainSettings:
    tiny = {"encoder": {"hidden": 8, "layers": 2}, "contrast": {"head": [8, 8]}}
    optimiser = {"batch_size": 16, "accumulate": accumulate}
    made = MoleculeSettings.model_validate({"pretrain": {**tiny, "optimiser": optimiser}})
    return made.pretrain_settings("khan_gcl", "repaired")


def a_batch() -> tuple[GraphBatch, GraphBatch]:
    """Two views of 16 molecules, the same in every process."""
    whole = training.Training(small_molecules(), settings(1), 0, "cpu")
    first, second = next(iter(whole.views(torch.Generator().manual_seed(0))))
    return first, second


def step(run: training.Training, views: tuple[GraphBatch, GraphBatch]) -> tuple[float, list[torch.Tensor]]:
    """Loss and gradients; the perturbations are those of the whole batch."""
    loss = run.terms(views, torch.Generator().manual_seed(1))["loss"]
    loss.backward()
    return float(loss.detach()), [p.grad for p in run.model.parameters() if p.grad is not None]


def share(output: Path) -> None:
    """What each process does: its half of the batch; the first one writes."""
    torch.set_num_threads(1)
    ranks, device = join_ranks("cpu")
    assert (ranks.world, device) == (PROCESSES, "cpu")
    run = training.Training(small_molecules(), settings(1), 0, "cpu", ranks=ranks)
    half = slice(8 * ranks.rank, 8 * ranks.rank + 8)
    first, second = (view.slice(half.start, half.stop) for view in a_batch())
    loss, gradients = step(run, (first, second))
    seen = [len(view.node_ptr) - 1 for view, _ in run.views(torch.Generator().manual_seed(ranks.rank))]
    order = torch.tensor([float(sum(seen))])
    total = gathered(order)
    if ranks.first:
        torch.save({"loss": loss, "gradients": gradients, "seen": seen, "total": total}, output)
    torch.distributed.destroy_process_group()


def launch(*words: str) -> subprocess.CompletedProcess[str]:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(PROCESSES)]
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }  # helpers of the tests
    return subprocess.run([*launcher, *words], capture_output=True, text=True, env=environment)


def test_two_processes_take_the_step_of_one(tmp_path: Path) -> None:
    done = launch(__file__, str(tmp_path / "shared.pt"))
    assert done.returncode == 0, done.stderr[-3000:]
    shared = torch.load(tmp_path / "shared.pt", weights_only=True)
    loss, gradients = step(training.Training(small_molecules(), settings(PROCESSES), 0, "cpu"), a_batch())
    assert shared["loss"] == pytest.approx(loss, rel=1e-6)
    assert len(gradients) == len(shared["gradients"])
    for one, two in zip(gradients, shared["gradients"], strict=True):
        torch.testing.assert_close(two, one, rtol=1e-4, atol=1e-6)
    assert shared["seen"] == [8, 8, 4] and shared["total"].tolist() == [20, 20]  # 40 molecules, each seen once


def test_the_stage_trains_in_two_processes(tmp_path: Path) -> None:
    small_molecules().save(tmp_path / "store.safetensors")
    told = {"encoder": {"family": "molecule", "hidden": 8, "layers": 2}, "optimiser": {"epochs": 2, "batch_size": 16}}
    words = ["-m", "kanrepro.pretraining.pretrain", "--store", str(tmp_path / "store.safetensors"), "--device", "cpu"]
    done = launch(*words, "--output", str(tmp_path / "run"), "--settings", json.dumps(told))
    assert done.returncode == 0, done.stderr[-3000:]
    run = json.loads((tmp_path / "run/run.json").read_text())
    assert run["processes"] == PROCESSES and run["command"].startswith("torchrun --standalone --nproc-per-node 2 -m ")
    assert len((tmp_path / "run/history.csv").read_text().splitlines()) == 3
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == ["encoder.safetensors", "history.csv", "run.json"]


def test_one_process_needs_no_meeting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert join_ranks("auto") == (Ranks(), "auto")
    part = torch.ones(2, 3)
    assert gathered(part) is part
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="2 processes would share one GPU"):
        join_ranks("cuda:0")


if __name__ == "__main__":
    share(Path(sys.argv[1]))
