"""Stages of several processes, of which one is killed: an end with a word, and the same bytes from the same command."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

Happened = Callable[[object], None]
WORDS = [sys.executable, "-m", "kanrepro.molecules.shards", "--dataset", "nci", "--shard-rows", "500"]


def begun(folder: Path) -> "tuple[subprocess.Popen[str], list[psutil.Process]]":
    """Sharding on two processes, in the middle, and these two."""
    process = subprocess.Popen(
        [*WORDS, "--processes", "2", "--output", folder], stderr=subprocess.PIPE, text=True, cwd=folder.parent
    )
    while not list(folder.glob("*.safetensors")):
        assert process.poll() is None
        time.sleep(0.02)
    below = psutil.Process(process.pid).children()
    return process, [one for one in below if "spawn_main" in " ".join(one.cmdline())]


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shards, made by one process that nothing disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed") / "shards"
    subprocess.run([*WORDS, "--output", folder], check=True)
    return folder


@pytest.mark.fault(
    "Processes",
    "one of several processes of a stage is killed (kill -9)",
    "one of two that shard molecules, as the kernel does for want of memory; then the same command",
)
def test_a_worker_is_killed(tmp_path: Path, undisturbed: Path, happened: Happened) -> None:
    process, workers = begun(tmp_path / "shards")
    workers[0].kill()
    _, said = process.communicate(timeout=120)  # and does not wait for ever
    assert process.returncode == 2 and "one of 2 processes was killed, perhaps for want of memory" in said
    assert len(said.strip().splitlines()) == 1
    subprocess.run([*WORDS, "--processes", "2", "--output", tmp_path / "shards"], check=True)
    assert files(tmp_path / "shards") == files(undisturbed)
    happened("the stage ends with one message and exit code 2; then the same bytes")


@pytest.mark.fault(
    "Processes",
    "a stage of several processes is killed (kill -9)",
    "the one that the two others, which shard molecules, work for; then the same command",
)
def test_workers_end_with_their_stage(tmp_path: Path, undisturbed: Path, happened: Happened) -> None:
    process, workers = begun(tmp_path / "shards")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert not alive
    subprocess.run([*WORDS, "--output", tmp_path / "shards"], check=True)
    assert files(tmp_path / "shards") == files(undisturbed)
    happened("the others end too; then the same bytes")
