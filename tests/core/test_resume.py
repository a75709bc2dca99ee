"""The loop that trains, saves and goes on: which epochs leave a state, and who writes it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from kanrepro.core import checkpoint
from kanrepro.core.resume import ALWAYS, ByEpochs, train


class Counting(ByEpochs):
    """A training that counts: its state is how far it came."""

    seed = 7

    def __init__(self, epochs: int) -> None:
        self.history, self.most = [], epochs

    @property
    def epochs(self) -> int:
        return self.most

    def run_epoch(self) -> dict[str, float | None]:
        self.history.append({"epoch": self.epoch + 1})
        return self.history[-1]

    def describe(self, row: Mapping[str, float | None]) -> str:
        return f"counted to {row['epoch']}"

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        return {"count": torch.tensor(self.epoch)}, {"epochs_done": self.epoch}

    def restore(self, tensors: dict[str, Tensor], kept: dict[str, Any]) -> None:
        self.history = [{"epoch": 1 + i} for i in range(int(tensors["count"]))]
        assert kept["epochs_done"] == self.epoch


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The epochs after which a state was saved, as they come."""
    epochs: list[int] = []
    save = checkpoint.save_state

    def noted(path: Path, tensors: dict[str, Tensor], meta: dict[str, Any]) -> None:
        epochs.append(meta["epochs_done"])
        save(path, tensors, meta)

    monkeypatch.setattr(checkpoint, "save_state", noted)
    return epochs


def test_always_is_after_each_epoch_and_each_row_is_shown(tmp_path: Path, saved: list[int]) -> None:
    shown = []
    train(Counting(5), tmp_path / "state", {}, ALWAYS, watch=lambda row: shown.append(row["epoch"]))
    assert saved == shown == [1, 2, 3, 4, 5]


def test_quick_epochs_are_saved_rarely_but_the_last_one_is(tmp_path: Path, saved: list[int]) -> None:
    train(Counting(200), tmp_path / "state", {}, share=1e-9)
    assert saved == [1, 200]  # the first tells what saving takes


def test_it_goes_on_where_it_was(tmp_path: Path, saved: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    train(Counting(3), tmp_path / "state", {"run": 1}, ALWAYS)
    longer = Counting(5)
    train(longer, tmp_path / "state", {"run": 1}, ALWAYS)
    assert longer.epoch == 5 and saved == [1, 2, 3, 4, 5]
    assert "seed 7: resuming after epoch 3" in capsys.readouterr().err
    other = Counting(2)
    train(other, tmp_path / "state", {"run": 2}, ALWAYS)
    assert other.epoch == 2 and saved[-2:] == [1, 2]


def test_only_the_first_of_several_processes_writes_and_speaks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    second = Counting(4)
    train(second, tmp_path / "state", {}, ALWAYS, first=False)
    assert second.epoch == 4 and not list(tmp_path.iterdir()) and capsys.readouterr().err == ""
