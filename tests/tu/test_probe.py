"""The evaluation stage: from an encoder and folds to a record that can be made again; its control; what it refuses."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from worlds import rings_and_stars

from kanrepro.core.errors import UserError
from kanrepro.core.files import read_json, sha256, write_json
from kanrepro.core.record import Record
from kanrepro.pretraining import pretrain
from kanrepro.tu import probe, splits
from kanrepro.tu.svm import cross_validate

SVM = {"c_values": [0.1, 10.0], "folds": 4, "inner_folds": 3}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store, an untrained encoder with seed 3, and four folds."""
    folder = tmp_path_factory.mktemp("world")
    store = folder / "rings.safetensors"
    rings_and_stars(60).save(store)
    pretrain.main(
        ["--store", str(store), "--method", "untrained_kan", "--seed", "3", "--output", str(folder), "--device", "cpu"]
    )
    splits.main(["--store", str(store), "--seed", "3", "--folds", "4", "--output", str(folder / "folds.json")])
    return folder


def run(world: Path, output: str, *more: str, **changed: str) -> Record:
    paths = {"checkpoint": "encoder.safetensors", "store": "rings.safetensors", "folds": "folds.json", **changed}
    options = [part for name, file in paths.items() for part in (f"--{name}", str(world / file))]
    probe.main([*options, "--output", str(world / output), "--settings", json.dumps(SVM), *more])
    return Record.read(world / output)


def test_the_record_says_what_was_measured_and_from_what(world: Path) -> None:
    made = run(world, "record.json")
    accuracy = made.metrics["accuracy"]
    assert accuracy.value == np.mean(accuracy.folds) == 1.0  # rings and stars differ in degree: any encoder tells them
    assert len(accuracy.folds) == len(made.details["chosen_c"]) == 4
    assert set(made.details["chosen_c"]) <= {0.1, 10.0}
    assert made.details["embedding_size"] == 96 and made.details["majority_share"] == 0.5
    assert (made.dataset, made.method, made.encoder, made.reading) == (
        "rings-and-stars", "untrained_kan", "kan", "repaired",
    )  # fmt: skip
    assert made.seed == 3 and made.data.graphs == 60 and made.history["epochs"] == 0
    assert made.settings["svm"] == SVM and made.settings["pretrain"]["optimiser"]["epochs"] == 0
    for part in (made.data, made.checkpoint, made.folds):
        assert part is not None and part.sha256 == sha256(part.path)
    assert made.commands[0].startswith("python -m kanrepro.pretraining.pretrain ")
    assert made.commands[1].startswith("python -m kanrepro.tu.probe ") and "--folds" in made.commands[1]


def test_the_same_again_is_the_same_record_but_for_its_cost(world: Path) -> None:
    first, second = (run(world, name, "--threads", threads) for name, threads in (("a.json", "1"), ("b.json", "2")))
    assert first.metrics == second.metrics
    assert first.details["chosen_c"] == second.details["chosen_c"]
    assert first.code == second.code


def test_shuffled_labels_sit_at_chance(world: Path) -> None:
    made = run(world, "shuffled.json", "--shuffle-labels")
    assert made.method == "shuffled_labels"
    assert 0.25 < made.metrics["accuracy"].value < 0.75
    assert made.metrics == run(world, "again.json", "--shuffle-labels").metrics


def test_shuffled_labels_have_folds_of_their_own(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fold holds the permuted classes in equal parts, as folds of true labels hold the true ones."""
    seen: list[list[int]] = []

    def look(z: Any, y: Any, test: Any, *rest: Any) -> Any:
        seen.append([int(y[fold].sum()) for fold in test])
        return cross_validate(z, y, test, *rest)

    monkeypatch.setattr(probe, "cross_validate", look)
    run(world, "own.json", "--shuffle-labels")
    assert all(abs(ones - 30 / 4) < 1 for ones in seen[0])


def test_shuffling_permutes_by_seed() -> None:
    y = np.arange(50) % 3
    assert sorted(probe.shuffled(y, 0)) == sorted(y)
    np.testing.assert_array_equal(probe.shuffled(y, 0), probe.shuffled(y, 0))
    assert (probe.shuffled(y, 0) != probe.shuffled(y, 1)).any()
    assert (probe.shuffled(y, 0) != y).any()


def test_folds_of_another_store_are_refused(world: Path) -> None:
    write_json(world / "other.json", {**read_json(world / "folds.json"), "store_sha256": "0" * 64})
    with pytest.raises(UserError, match=r"rings-and-stars: .*other.json was made for another version"):
        run(world, "no.json", folds="other.json")
    assert not (world / "no.json").exists()


def test_another_number_of_folds_is_refused(world: Path) -> None:
    with pytest.raises(UserError, match=r"holds 4 folds, but svm.folds is 10"):
        run(world, "no.json", "--settings", "{}")


def test_one_class_is_refused(world: Path) -> None:
    test = [np.asarray(fold) for fold in read_json(world / "folds.json")["test"]]
    z, one = np.random.default_rng(0).normal(size=(60, 2)), np.zeros(60, np.int64)
    with pytest.raises(UserError, match="one class only"):
        cross_validate(z, one, test, [1.0], 3, threads=1)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--threads", "0"], "--threads is 0"),
        (["--settings", '{"c_value": [1]}'], "c_values"),
        (["--settings", '{"c_values": [-1]}'], "c_values"),
        (["--settings", "{"], "not valid JSON"),
    ],
)
def test_options_at_fault_are_named(world: Path, more: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        run(world, "no.json", *more)


def test_a_missing_checkpoint_is_named(world: Path) -> None:
    with pytest.raises(UserError, match="gone.safetensors"):
        run(world, "no.json", checkpoint="gone.safetensors")
