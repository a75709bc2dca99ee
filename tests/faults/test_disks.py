"""Full disks, disks that cannot be written, and clocks that go wrong."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import stages
import torch
from squares import option, write_world
from worlds import rings_and_stars

from kanrepro.core import checkpoint
from kanrepro.core.errors import UserError
from kanrepro.core.files import write_json
from kanrepro.pretraining import pretrain
from kanrepro.tu import splits

Happened = Callable[[object], None]
SETTINGS = json.dumps({"optimiser": {"epochs": 20, "batch_size": 16}})


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Mount something at a folder; a skip where that cannot be done. All is unmounted in the end."""
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("mounting a file system needs root")
    places: list[Path] = []

    def mount(name: str, *words: object) -> Path:
        place = tmp_path / name
        place.mkdir(exist_ok=True)
        done = subprocess.run(["mount", *map(str, words), str(place)], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"nothing can be mounted here: {done.stderr.strip().replace(str(tmp_path), '...')}")
        places.append(place)
        return place

    yield mount
    for place in reversed(places):
        subprocess.run(["umount", "--lazy", str(place)], check=True)  # tensors of a file there may still be mapped


def small(mounted: Callable[..., Path], size: str) -> Path:
    return mounted("disk", "-t", "tmpfs", "-o", f"size={size}", "tmpfs")


def arguments(folder: Path, output: Path) -> list[str]:
    store = folder / "rings.safetensors"
    if not store.exists():
        rings_and_stars().save(store)
    return ["--store", str(store), "--settings", SETTINGS, "--device", "cpu", "--output", str(output)]


@pytest.mark.fault("Disks and clocks", "the disk is full", "a file system of 64 kB; JSON and a training state")
def test_nothing_half_written_and_the_old_file_stays(mounted: Callable[..., Path], happened: Happened) -> None:
    disk = small(mounted, "64k")
    write_json(disk / "a.json", {"x": 1})
    before = (disk / "a.json").read_bytes()
    with pytest.raises(UserError, match="cannot write .*a.json: No space left on device") as error:
        write_json(disk / "a.json", {"x": "y" * 200_000})
    assert (disk / "a.json").read_bytes() == before
    state = disk / "state.safetensors"
    checkpoint.save_state(state, {"a": torch.zeros(100)}, {"identity": {}, "epoch": 1})
    with pytest.raises(UserError, match="No space left on device.*Nothing was left half written"):
        checkpoint.save_state(state, {"a": torch.zeros(100_000)}, {"identity": {}, "epoch": 2})
    found = checkpoint.load_state(state, {})
    assert found is not None and found[1]["epoch"] == 1
    assert sorted(path.name for path in disk.iterdir()) == ["a.json", "state.safetensors.previous"]
    happened(f"“{error.value}” The file and the state before are still there")


@pytest.mark.fault(
    "Disks and clocks",
    "the disk fills up in a training",
    "on a disk for less than two states, graphs and images; then room",
)
@pytest.mark.parametrize("kind", ["graphs", "images"])
def test_a_training_goes_on_when_there_is_room(
    kind: str, tmp_path: Path, mounted: Callable[..., Path], happened: Happened
) -> None:
    disk = small(mounted, "4m")
    if kind == "graphs":
        module, given, made = "kanrepro.pretraining.pretrain", arguments(tmp_path, disk / "run"), "encoder.safetensors"
    else:
        store, split = write_world(tmp_path)
        module, made = "kanrepro.images.classify", "model.safetensors"
        given = ["--store", str(store), "--split", str(split), "--model", "cnn", "--settings", option(epochs=3)]
        given += ["--device", "cpu", "--output", str(disk / "run")]
    log = tmp_path / "log"
    stages.finish(module, *given[:-1], tmp_path / "undisturbed", log=log)
    size = (tmp_path / "undisturbed" / made).stat().st_size
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(4 * 2**20 - 3 * size))  # a state holds the weights three times: with moments
    process = stages.start(module, *given, log=log)
    process.join()
    assert process.exitcode == 2 and "No space left on device" in log.read_text(), log.read_text()
    assert log.read_text().count("kanrepro: error: ") == len(log.read_text().splitlines()) == 1
    assert not [path for path in (disk / "run").iterdir() if path.name.endswith(".part")]
    ballast.unlink()
    stages.finish(module, *given, log=log)
    assert (disk / "run" / made).read_bytes() == (tmp_path / "undisturbed" / made).read_bytes()
    happened("one line, exit code 2; with room the same command ends in the same bytes")


@pytest.mark.fault(
    "Disks and clocks", "the folder of results cannot be written", "a read-only mount; training, folds and records"
)
def test_a_read_only_folder(tmp_path: Path, mounted: Callable[..., Path], happened: Happened) -> None:
    given = arguments(tmp_path, tmp_path / "results" / "run")
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "old.json").write_text("{}")
    place = mounted("results", "--bind", tmp_path / "results")
    done = subprocess.run(["mount", "-o", "remount,ro,bind", str(place)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"nothing can be mounted read-only here: {done.stderr.strip()}")
    said = []
    for attempt in (
        lambda: pretrain.main(given),
        lambda: splits.split(tmp_path / "rings.safetensors", 4, 0, place / "folds.json"),
        lambda: write_json(place / "old.json", {"x": 1}),
    ):
        with pytest.raises(UserError, match="cannot write .*Read-only file system. Choose a folder") as error:
            attempt()
        said.append(str(error.value))
    assert [path.name for path in place.iterdir()] == ["old.json"] and (place / "old.json").read_text() == "{}"
    happened(f"“{said[0].replace(str(place.parent) + '/', '')}”")


@pytest.mark.fault(
    "Disks and clocks",
    "the clock was moved back",
    "store, states and lock of a killed training carry times of next year; then the same command",
)
def test_files_of_the_future(tmp_path: Path, happened: Happened) -> None:
    run, log = tmp_path / "run", tmp_path / "log"
    given = arguments(tmp_path, run)
    stages.finish("kanrepro.pretraining.pretrain", *given[:-1], tmp_path / "undisturbed", log=log)
    process = stages.start("kanrepro.pretraining.pretrain", *given, log=log)
    while process.is_alive() and not (run / "state.safetensors").exists():
        time.sleep(0.01)
    process.kill()
    process.join()
    future = time.time() + 365 * 86_400
    for path in (*run.iterdir(), tmp_path / "rings.safetensors"):
        os.utime(path, (future, future))
    said = stages.finish("kanrepro.pretraining.pretrain", *given, log=log)
    assert "resuming after epoch" in said and "taking over from process" in said
    made, expected = (tmp_path / name / "encoder.safetensors" for name in ("run", "undisturbed"))
    assert made.read_bytes() == expected.read_bytes()
    happened("it resumes and takes the lock over all the same: no clock is compared; the same bytes")
