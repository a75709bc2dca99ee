"""Snakemake killed, stopped and started twice: what one has to type then, and that the results are the same."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import yaml

Happened = Callable[[object], None]
ROOT = Path(__file__).resolve().parents[2]
TINY = {
    "preset": "demo",
    "device": "cpu",
    "superpixels": {"dataset": None},
    "images": {"datasets": []},
    "tu": {
        "datasets": ["CHEMBL-ACT"],
        "methods": ["khan_gcl"],
        "controls": [],
        "readings": {"own": None, "literal": None},
        "seeds": [0],
        "pretrain": {"optimiser": {"epochs": 10}},
        "svm": {"c_values": [1.0], "folds": 2, "inner_folds": 2},
    },
}
RUN = Path("results/demo/runs/tu/CHEMBL-ACT/khan_gcl/repaired/0")
ENCODER = RUN / "encoder.safetensors"


def checkout(folder: Path) -> Path:
    """A work folder with the project's workflow in it."""
    shutil.copy(ROOT / "Snakefile", folder)
    for name in ("workflow", "profiles"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "config.yaml").write_text(yaml.safe_dump(TINY))
    return folder


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which nothing disturbed the run."""
    place = checkout(tmp_path_factory.mktemp("undisturbed"))
    said = run(place, str(ENCODER))
    assert said.startswith("0\n"), said[-3000:]
    return place


@pytest.fixture
def folder(tmp_path: Path, undisturbed: Path) -> Path:
    """A work folder with prepared data."""
    shutil.copytree(undisturbed / "resources", tmp_path / "resources")
    return checkout(tmp_path)


def words(*options: str) -> list[str]:
    return [sys.executable, "-m", "snakemake", "--cores", "1", *options]


def environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def run(folder: Path, *options: str) -> str:
    """Snakemake to its end; what it said, after its exit code."""
    ended = subprocess.run(words(*options), cwd=folder, capture_output=True, text=True, env=environment())
    return f"{ended.returncode}\n{ended.stdout}{ended.stderr}"


def state(folder: Path, seed: str) -> Path:
    """What a training of this seed resumes from."""
    return folder / RUN.parent / seed / "state.safetensors"


def started(folder: Path) -> "subprocess.Popen[bytes]":
    """Snakemake, begun, with a training that has saved its first state."""
    with (folder / "first.log").open("wb") as log:
        process = subprocess.Popen(words(str(ENCODER)), cwd=folder, stdout=log, stderr=log, env=environment())
    while process.poll() is None and not state(folder, "0").exists():
        time.sleep(0.02)
    assert process.poll() is None, (folder / "first.log").read_text()
    return process


def below(process: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def same(folder: Path, other: Path) -> bool:
    return (folder / ENCODER).read_bytes() == (other / ENCODER).read_bytes()


@pytest.mark.fault(
    "Processes",
    "Snakemake and its jobs are killed (kill -9)",
    "in a training; then the same command, then `--unlock` and the same command",
)
def test_killed_with_its_jobs(folder: Path, undisturbed: Path, happened: Happened) -> None:
    process = started(folder)
    jobs = below(process)
    process.kill()
    process.wait()
    for job in jobs:
        job.kill()
    psutil.wait_procs(jobs)
    refused = run(folder, str(ENCODER))
    assert refused.startswith("1\n") and "LockException" in refused and "--unlock" in refused
    assert run(folder, "--unlock").startswith("0\n")
    said = run(folder, str(ENCODER))
    assert said.startswith("0\n"), said[-3000:]
    assert same(folder, undisturbed)
    log = (folder / "logs/demo/pretrain/CHEMBL-ACT-khan_gcl-repaired-0.log").read_text()
    assert "resuming after epoch" in log and "taking over from process" in log
    happened(
        "the first is refused and names `--unlock`; after it the training resumes, and its encoder has the same bytes"
    )


@pytest.mark.fault(
    "One writer",
    "Snakemake is killed (kill -9), but its job lives on",
    "`--unlock` and the same command while the training still runs; then once more",
)
def test_killed_alone(folder: Path, undisturbed: Path, happened: Happened) -> None:
    process = started(folder)
    jobs = below(process)
    training = next(job for job in jobs if job.name().startswith("python"))
    training.suspend()  # so that it surely lives until the second has been refused
    process.kill()
    process.wait()
    assert run(folder, "--unlock").startswith("0\n")
    refused = run(folder, str(ENCODER), "--retries", "0")
    assert refused.startswith("1\n") and f"is being written by process {training.pid} on" in refused, refused[-3000:]
    training.resume()
    psutil.wait_procs(jobs)
    said = run(folder, str(ENCODER))
    assert said.startswith("0\n"), said[-3000:]
    assert same(folder, undisturbed)
    happened("the training is not started twice, and Snakemake shows who writes; once that has ended, the same bytes")


@pytest.mark.fault("Processes", "Snakemake gets SIGTERM", "it and its jobs, in a training; then the same command")
def test_sigterm(folder: Path, undisturbed: Path, happened: Happened) -> None:
    process = started(folder)
    for one in (psutil.Process(process.pid), *below(process)):
        one.send_signal(signal.SIGTERM)
    process.wait()
    assert not list((folder / RUN).glob(".*.part")) and not (folder / RUN / "writer.lock").exists()
    said = run(folder, str(ENCODER))
    assert said.startswith("0\n"), said[-3000:]
    assert same(folder, undisturbed)
    happened("both stop; nothing else is to be typed; the training resumes, and its encoder has the same bytes")


@pytest.mark.fault("One writer", "Snakemake is started twice in one folder", "while the first is in a training")
def test_started_twice(folder: Path, undisturbed: Path, happened: Happened) -> None:
    first = started(folder)
    training = next(job for job in below(first) if job.name().startswith("python"))
    training.suspend()  # so that it surely lives until the second has been refused
    second = run(folder, str(ENCODER))
    assert second.startswith("1\n") and "LockException" in second
    training.resume()
    assert first.wait() == 0, (folder / "first.log").read_text()[-3000:]
    assert same(folder, undisturbed)
    happened("the second is refused by Snakemake's own lock; the first ends with the same bytes")


def training(process: "subprocess.Popen[bytes]", folder: Path, seed: str, besides: int = 0) -> psutil.Process:
    """The training of a seed, stopped in the middle, once there is one other than `besides`."""
    while True:
        assert process.poll() is None, (folder / "first.log").read_text()
        with contextlib.suppress(FileNotFoundError, ValueError):  # not there yet, or being written
            writer = json.loads((folder / RUN.parent / seed / "writer.lock").read_text())["process"]
            if writer != besides and state(folder, seed).exists():
                found = psutil.Process(writer)
                found.suspend()
                return found
        time.sleep(0.02)


@pytest.mark.fault(
    "Processes",
    "one of two jobs that Snakemake runs is killed (kill -9)",
    "of two trainings on two cores one, and in a second case its second try too; then the same command",
)
@pytest.mark.parametrize("kills", [1, 2])
def test_one_of_two_jobs_is_killed(folder: Path, undisturbed: Path, happened: Happened, kills: int) -> None:
    other = RUN.parent / "1" / "encoder.safetensors"
    command = [*words(str(ENCODER), str(other)), "--cores", "2"]
    with (folder / "first.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=environment())
    second = training(process, folder, "1")
    killed = 0
    for _ in range(kills):
        first = training(process, folder, "0", killed)
        first.kill()
        killed = first.pid
    second.resume()
    ended = process.wait(timeout=300)  # and does not wait for ever
    assert ended == kills - 1, (folder / "first.log").read_text()[-3000:]
    assert (folder / other).exists()
    said = run(folder, str(ENCODER))
    assert said.startswith("0\n"), said[-3000:]
    assert same(folder, undisturbed)
    happened(
        "Snakemake tries it again, and ends well"
        if kills == 1
        else "the other job ends well, then Snakemake ends with exit code 1; the same command ends in the same bytes"
    )
