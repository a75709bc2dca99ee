"""Two writers of one folder, and stages that are asked to stop."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import stages
from squares import option, write_world
from worlds import rings_and_stars

Happened = Callable[[object], None]


def graphs(folder: Path) -> tuple[str, list[object], str]:
    rings_and_stars().save(folder / "rings.safetensors")
    settings = json.dumps({"optimiser": {"epochs": 30, "batch_size": 16}})
    return (
        "kanrepro.pretraining.pretrain",
        ["--store", folder / "rings.safetensors", "--settings", settings, "--device", "cpu"],
        "encoder.safetensors",
    )


def images(folder: Path) -> tuple[str, list[object], str]:
    store, split = write_world(folder)
    given = [
        "--store",
        store,
        "--split",
        split,
        "--model",
        "cnn",
        "--settings",
        option(epochs=80, patience=80),
        "--device",
        "cpu",
    ]
    return "kanrepro.images.classify", given, "model.safetensors"


def waited(path: Path, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.01)
    assert path.exists()


@pytest.mark.fault(
    "One writer",
    "a training is started while it runs already",
    "twice into one folder, graphs and images, while it works",
)
@pytest.mark.parametrize("kind", [graphs, images])
def test_a_second_start_is_refused(
    kind: Callable[[Path], tuple[str, list[object], str]], tmp_path: Path, happened: Happened
) -> None:
    module, given, made = kind(tmp_path)
    run = tmp_path / "run"
    stages.finish(module, *given, "--output", tmp_path / "undisturbed", log=tmp_path / "log")
    first = stages.start(module, *given, "--output", run, log=tmp_path / "first.log")
    waited(run / "writer.lock")
    assert first.pid is not None
    while not (run / "writer.lock").read_text():
        time.sleep(0.01)
    os.kill(first.pid, signal.SIGSTOP)  # so that it surely is at work still; a stopped process holds its lock
    second = stages.start(module, *given, "--output", run, log=tmp_path / "second.log")
    second.join()
    os.kill(first.pid, signal.SIGCONT)
    first.join()
    said = (tmp_path / "second.log").read_text()
    assert second.exitcode == 2 and len(said.splitlines()) == 1
    assert f"run is being written by process {first.pid} on " in said
    assert first.exitcode == 0, (tmp_path / "first.log").read_text()
    assert (run / made).read_bytes() == (tmp_path / "undisturbed" / made).read_bytes()
    refusal = (
        "is being written by process N on HOST, started TIME. Wait until it ends, or stop it; then run the same ..."
    )
    happened(f"the second ends at once with exit code 2: “... {refusal}” The first ends undisturbed")


@pytest.mark.fault("Processes", "a stage gets SIGTERM", "both trainings in the middle; then the same command")
@pytest.mark.parametrize("kind", [graphs, images])
def test_sigterm(kind: Callable[[Path], tuple[str, list[object], str]], tmp_path: Path, happened: Happened) -> None:
    module, given, made = kind(tmp_path)
    run, log = tmp_path / "run", tmp_path / "log"
    stages.finish(module, *given, "--output", tmp_path / "undisturbed", log=log)
    process = stages.start(module, *given, "--output", run, log=log)
    waited(run / "state.safetensors")
    process.terminate()
    process.join()
    assert process.exitcode == 128 + signal.SIGTERM
    assert {path.name for path in run.iterdir()} <= {"state.safetensors", "state.safetensors.previous"}
    assert "resuming after epoch" in stages.finish(module, *given, "--output", run, log=log)
    assert (run / made).read_bytes() == (tmp_path / "undisturbed" / made).read_bytes()
    happened("it stops at once, lock and half-written files removed; then it resumes to the same bytes")
