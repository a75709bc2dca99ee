"""Which epoch counts: kept encoders are evaluated, and three rules pick."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from worlds import rings_and_stars

from kanrepro.core.record import Record
from kanrepro.pretraining import pretrain
from kanrepro.tu import epochs, probe, splits
from kanrepro.tu.epochs import best_of
from kanrepro.tu.settings import SvmSettings


def test_rules_pick_the_first_of_the_best() -> None:
    looks = [epochs.Look(5, 0.6, 0.7, [0.6]), epochs.Look(10, 0.8, 0.6, [0.8]), epochs.Look(15, 0.7, 0.7, [0.7])]
    assert {name: metric.value for name, metric in epochs.selected(looks).items()} == {
        "accuracy_best_validation": 0.6,
        "accuracy_best_test": 0.8,
    }
    assert epochs.selected(looks[:1]) == {}


def test_validation_machines_see_neither_their_fold_nor_the_test_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    y = np.arange(12) % 2
    test = [np.array([2, 0, 7]), np.array([1, 4, 9]), np.array([3, 5, 6, 8, 10, 11])]
    seen = []

    def look(z: np.ndarray, y: np.ndarray, folds: list[np.ndarray], *_: object) -> object:
        trained = np.delete(z[:, 0], folds[0])
        seen.append((sorted(trained.astype(int)), sorted(z[folds[0], 0].astype(int))))
        return type("Result", (), {"accuracies": [len(folds[0]) / 10]})

    monkeypatch.setattr(epochs, "cross_validate", look)
    found = epochs.validation(np.arange(12.0).reshape(-1, 1), y, test, SvmSettings(folds=3), 1)
    assert seen[0] == ([3, 5, 6, 8, 10, 11], [1, 4, 9])
    assert seen[2] == ([1, 4, 9], [0, 2, 7])
    assert found == pytest.approx((0.3 + 0.6 + 0.3) / 3)


def test_a_record_has_every_kept_epoch_and_the_last_is_its_accuracy(tmp_path: Path) -> None:
    store, given = tmp_path / "rings.safetensors", {"c_values": [1.0], "folds": 3, "inner_folds": 3}
    rings_and_stars(24).save(store)
    small = {"optimiser": {"epochs": 3, "keep_every": 1, "batch_size": 8}, "encoder": {"hidden": 4, "layers": 2}}
    pretrain.main(
        ["--store", str(store), "--method", "wo_hard_neg", "--output", str(tmp_path), "--device", "cpu",
         "--settings", json.dumps(small)]
    )  # fmt: skip
    splits.main(["--store", str(store), "--seed", "0", "--folds", "3", "--output", str(tmp_path / "folds.json")])
    paths = {"checkpoint": tmp_path / "encoder.safetensors", "store": store, "folds": tmp_path / "folds.json"}
    options = [part for name, file in paths.items() for part in (f"--{name}", str(file))]
    probe.main([*options, "--output", str(tmp_path / "record.json"), "--settings", json.dumps(given)])
    made = Record.read(tmp_path / "record.json")
    looks = made.details["epochs"]
    assert [look["epoch"] for look in looks] == [1, 2, 3]
    assert made.metrics["accuracy"].value == looks[-1]["test"]
    assert made.metrics["accuracy_best_test"].value == max(look["test"] for look in looks)


def test_best_of_k_is_the_mean_over_all_choices() -> None:
    scores = [0.3, 0.9, 0.5, 0.5, 0.1]
    for k, found in enumerate(best_of(scores), start=1):
        chosen = [max(some) for some in itertools.combinations(scores, k)]
        assert found == pytest.approx(sum(chosen) / len(chosen))
