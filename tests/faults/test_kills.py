"""Stages killed at random moments, and started again: the same bytes as of a run that nothing disturbed."""

import json
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import stages
from image_worlds import encoded, noise, tarred
from squares import option, write_world
from worlds import rings_and_stars

from kanrepro.tu import splits

Arguments = Sequence[object]
Happened = Callable[[object], None]
VOLATILE = {"cost", "commands", "versions", "seconds", "path", "content_sha256"}  # what two equal runs may differ in


def killed(module: str, arguments: Arguments, log: Path, kills: int, seed: int, duration: float) -> None:
    """Start a stage and kill it (-9) `kills` times at random moments of `duration` seconds, then run it to its end.

    A stage that ended before its moment is started again and killed earlier.
    """
    chance = random.Random(seed)
    for _ in range(kills):
        moment, met = chance.uniform(0, duration), False
        while not met:
            process = stages.start(module, *arguments, log=log)
            process.join(moment)
            met = process.is_alive()
            process.kill()
            process.join()
            print(f"seed {seed}: kill -9 after {moment:.2f} of {duration:.2f} s", "" if met else "(it had ended)")
            moment /= 2
    stages.finish(module, *arguments, log=log)


def timed(module: str, arguments: Arguments, log: Path) -> float:
    """Run a stage undisturbed; the seconds that it took."""
    start = time.perf_counter()
    stages.finish(module, *arguments, log=log)
    return time.perf_counter() - start


def same(path: Path, other: Path) -> bool:
    return path.read_bytes() == other.read_bytes()


def steady(content: Any) -> Any:
    """JSON without what tells of time, place and machine."""
    if isinstance(content, dict):
        return {key: steady(value) for key, value in content.items() if key not in VOLATILE}
    return [steady(value) for value in content] if isinstance(content, list) else content


def record(path: Path) -> Any:
    return steady(json.loads(path.read_text()))


@pytest.fixture(scope="module")
def graphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store and folds of it."""
    folder = tmp_path_factory.mktemp("graphs")
    rings_and_stars().save(folder / "rings.safetensors")
    splits.split(folder / "rings.safetensors", 4, 0, folder / "folds.json")
    return folder


def pretraining(graphs: Path, output: Path) -> Arguments:
    changes = json.dumps({"optimiser": {"epochs": 8, "batch_size": 16}})
    return ["--store", graphs / "rings.safetensors", "--output", output, "--settings", changes, "--device", "cpu"]


@pytest.fixture(scope="module")
def encoder(graphs: Path) -> tuple[Path, float]:
    """What a pre-training makes that nothing disturbs, and how long it takes."""
    output = graphs / "undisturbed"
    stages.finish("kanrepro.pretraining.pretrain", *pretraining(graphs, graphs / "warm"), log=graphs / "log")  # caches
    return output, timed("kanrepro.pretraining.pretrain", pretraining(graphs, output), graphs / "log")


@pytest.mark.fault(
    "Processes",
    "a pre-training on graphs is killed (kill -9)",
    "six times at random moments of one run, start to end (seed 1); then the same command",
)
def test_pretraining(graphs: Path, encoder: tuple[Path, float], tmp_path: Path, happened: Happened) -> None:
    output, duration = encoder
    run = tmp_path / "run"
    killed("kanrepro.pretraining.pretrain", pretraining(graphs, run), tmp_path / "log", 6, 1, duration)
    assert same(run / "encoder.safetensors", output / "encoder.safetensors")
    assert sorted(path.name for path in run.iterdir()) == ["encoder.safetensors", "history.csv", "run.json"]
    happened("the encoder has the same bytes; nothing half written is left")


@pytest.mark.fault(
    "Processes",
    "a training on images is killed (kill -9)",
    "six times at random moments of one run, start to end (seed 2); then the same command",
)
def test_classifying(tmp_path: Path, happened: Happened) -> None:
    store, split = write_world(tmp_path)
    log = tmp_path / "log"

    def arguments(output: str) -> Arguments:
        given = ["--store", store, "--split", split, "--output", tmp_path / output, "--model", "deq_kan"]
        return [*given, "--settings", option(epochs=6), "--device", "cpu"]

    stages.finish("kanrepro.images.classify", *arguments("warm"), log=log)
    duration = timed("kanrepro.images.classify", arguments("undisturbed"), log)
    killed("kanrepro.images.classify", arguments("run"), log, 6, 2, duration)
    assert same(tmp_path / "run" / "model.safetensors", tmp_path / "undisturbed" / "model.safetensors")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "history.csv",
        "model.safetensors",
        "run.json",
    ]
    happened("the classifier has the same bytes; nothing half written is left")

    def assessing(output: str) -> Arguments:
        given = ["--checkpoint", tmp_path / "run" / "model.safetensors", "--store", store, "--split", split]
        return [*given, "--output", tmp_path / output, "--settings", '{"bootstrap": 50}', "--device", "cpu"]

    duration = timed("kanrepro.images.assess", assessing("undisturbed.json"), log)
    killed("kanrepro.images.assess", assessing("record.json"), log, 4, 3, duration)
    assert record(tmp_path / "record.json") == record(tmp_path / "undisturbed.json")
    happened("the record of its assessment, killed four times more (seed 3), is the same but for times")


@pytest.mark.fault(
    "Processes",
    "an evaluation of an encoder is killed (kill -9)",
    "four times at random moments (seed 4); then the same command",
)
def test_probing(graphs: Path, encoder: tuple[Path, float], tmp_path: Path, happened: Happened) -> None:
    def arguments(output: Path) -> Arguments:
        given = ["--checkpoint", encoder[0] / "encoder.safetensors", "--store", graphs / "rings.safetensors"]
        svm = json.dumps({"c_values": [0.1, 1.0], "folds": 4, "inner_folds": 2})
        return [*given, "--folds", graphs / "folds.json", "--output", output, "--settings", svm]

    log = tmp_path / "log"
    stages.finish("kanrepro.tu.probe", *arguments(tmp_path / "warm.json"), log=log)
    duration = timed("kanrepro.tu.probe", arguments(tmp_path / "undisturbed.json"), log)
    killed("kanrepro.tu.probe", arguments(tmp_path / "record.json"), log, 4, 4, duration)
    assert record(tmp_path / "record.json") == record(tmp_path / "undisturbed.json")
    happened("the record is the same but for times")


@pytest.mark.fault(
    "Processes",
    "preparing a set is killed (kill -9)",
    "graphs, images, and molecules in shards, three times each at random moments (seeds 5 to 7); then the same command",
)
@pytest.mark.parametrize("kind", ["graphs", "images", "molecules"])
def test_preparing(kind: str, tmp_path: Path, happened: Happened) -> None:
    own, log = tmp_path / "own.yaml", tmp_path / "log"
    if kind == "graphs":
        module, output, seed = "kanrepro.tu.prepare", "set.safetensors", 5
        arguments = ["--dataset", "CHEMBL-ACT"]
    elif kind == "images":
        module, output, seed = "kanrepro.images.prepare", "set.safetensors", 6
        files = {f"{'cats' if i % 2 else 'dogs'}/{i}.png": encoded(noise(i, 64, 48)) for i in range(200)}
        tarred(tmp_path / "pets.tar.gz", files, "w:gz")
        own.write_text("PETS: {address: pets.tar.gz, channels: 1, classes: {cat: [cats], dog: [dogs]}}")
        arguments = ["--dataset", "PETS", "--archive", tmp_path / "pets.tar.gz", "--size", 32, "--catalog", own]
    else:
        module, output, seed = "kanrepro.molecules.shards", "shards", 7
        arguments = ["--dataset", "chembl-activity", "--shard-rows", 100]
    for name in ("warm", "undisturbed", "made"):
        (tmp_path / name).mkdir()
    stages.finish(module, *arguments, "--output", tmp_path / "warm" / output, log=log)
    duration = timed(module, [*arguments, "--output", tmp_path / "undisturbed" / output], log)
    killed(module, [*arguments, "--output", tmp_path / "made" / output], log, 3, seed, duration)

    def files_of(name: str) -> dict[str, bytes]:
        files = (path for path in (tmp_path / name).rglob("*") if path.is_file())
        # half-written files of a killed process stay, in folders that nothing reads
        found = (path for path in files if path.parent.suffix != ".part")
        return {str(path.relative_to(tmp_path / name)): path.read_bytes() for path in found}

    assert files_of("made") == files_of("undisturbed")
    happened({"molecules": "whole shards stay, the others are made; the same bytes"}.get(kind, "the same bytes"))
