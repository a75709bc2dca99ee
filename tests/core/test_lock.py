"""One writer: a living one is not joined, a dead one is followed, on this host and on others."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kanrepro.core import lock
from kanrepro.core.errors import UserError
from kanrepro.core.lock import NAME, run_lock

Happened = Callable[[object], None]

HOLD = """
import sys, time
from pathlib import Path
from kanrepro.core.lock import run_lock
with run_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def holder(folder: Path) -> "subprocess.Popen[str]":
    """Another process that writes into `folder`."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def named(folder: Path, **fields: Any) -> Path:
    """A lock file as a writer on another host left it, or may still hold it."""
    folder.mkdir(exist_ok=True)
    claim = {"host": "node7", "process": 1, "job": None, "start": "2026-01-01 00:00:00 UTC", **fields}
    (folder / NAME).write_text(json.dumps(claim))
    return folder


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let `squeue` answer with this text and exit code."""

    def answer(text: str, code: int = 0) -> None:
        program = tmp_path / "bin" / "squeue"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\necho '{text}' {'>&2' if code else ''}\nexit {code}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)

    return answer


@pytest.fixture
def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "WATCH", 0.2)


def test_the_file_names_the_writer_and_goes_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "42")
    with run_lock(tmp_path / "run"):
        claim = json.loads((tmp_path / "run" / NAME).read_text())
        assert (claim["host"], claim["process"], claim["job"]) == (socket.gethostname(), os.getpid(), "42")
    assert list((tmp_path / "run").iterdir()) == []


def test_a_living_writer_is_named_and_not_joined(tmp_path: Path) -> None:
    other = holder(tmp_path)
    with pytest.raises(UserError) as refused, run_lock(tmp_path):
        pass
    for part in (str(tmp_path), f"process {other.pid} on {socket.gethostname()}, started 20", "Wait until it ends"):
        assert part in str(refused.value)
    other.terminate()
    other.wait()


def test_one_process_does_not_write_twice_either(tmp_path: Path) -> None:
    with run_lock(tmp_path):
        with pytest.raises(UserError, match=f"process {os.getpid()} on"), run_lock(tmp_path):
            pass
        assert (tmp_path / NAME).exists()


def test_a_killed_writer_is_followed_and_its_halves_are_swept(tmp_path: Path) -> None:
    other = holder(tmp_path)
    half = tmp_path / ".encoder.safetensors.x1y2.part"
    half.mkdir()
    (half / ".tmpAbCdEf").write_bytes(b"half")
    (tmp_path / "state.safetensors").write_bytes(b"whole")
    other.send_signal(signal.SIGKILL)
    other.wait()
    said: list[str] = []
    with run_lock(tmp_path, said.append):
        assert sorted(path.name for path in tmp_path.iterdir()) == ["state.safetensors", NAME]
    assert len(said) == 1 and f"taking over from process {other.pid} on" in said[0] and "gone" in said[0]


def test_a_stopped_writer_leaves_no_half_even_where_it_was_just_making_one(tmp_path: Path) -> None:
    """SIGTERM is an exception that may come between the making of a temporary folder and the `try` that removes it."""
    with pytest.raises(SystemExit), run_lock(tmp_path):
        (tmp_path / ".state.safetensors.x1y2.part").mkdir()
        raise SystemExit(143)
    assert not list(tmp_path.iterdir())


def test_a_file_that_names_nobody_is_no_hindrance(tmp_path: Path) -> None:
    for content in ("", "{", '{"host": 1}', "[]", "\0" * 100):
        (tmp_path / NAME).write_text(content)
        with run_lock(tmp_path):
            pass
        assert not (tmp_path / NAME).exists()


@pytest.mark.fault(
    "One writer",
    "the writer is a Slurm job on another node that is alive",
    "`squeue` answers RUNNING, COMPLETING, SUSPENDED, and several states",
)
@pytest.mark.parametrize("state", ["RUNNING", "COMPLETING", "SUSPENDED", "PENDING\nRUNNING"])
def test_a_living_job_on_another_node_is_not_joined(happened: Happened, tmp_path: Path, slurm: Any, state: str) -> None:
    slurm(state)
    folder = named(tmp_path / "run", job="77")
    before = (folder / NAME).read_bytes()
    with pytest.raises(UserError, match="process 1 on node7, Slurm job 77, started 2026-01-01"), run_lock(folder):
        pass
    assert (folder / NAME).read_bytes() == before
    happened("refused; the message names host, process, job and start")


@pytest.mark.fault(
    "One writer",
    "the writer was a Slurm job on another node that is gone",
    "`squeue` answers nothing, CANCELLED, PENDING, or that it knows no such job",
)
@pytest.mark.parametrize(
    ("text", "code"),
    [("", 0), ("CANCELLED", 0), ("PENDING", 0), ("slurm_load_jobs error: Invalid job id specified", 1)],
)
def test_a_dead_job_on_another_node_is_followed(
    happened: Happened, tmp_path: Path, slurm: Any, text: str, code: int
) -> None:
    slurm(text, code)
    said: list[str] = []
    with run_lock(named(tmp_path / "run", job="77"), said.append):
        pass
    assert "taking over from process 1 on node7, Slurm job 77" in said[0]
    happened("taken over, and said whose place")


@pytest.mark.fault(
    "One writer",
    "Slurm starts a job again on another node",
    "the same job id as in the lock",
)
def test_a_job_that_slurm_started_again_elsewhere_goes_on(
    happened: Happened, tmp_path: Path, slurm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    slurm("RUNNING")
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    with run_lock(named(tmp_path / "run", job="77"), lambda text: None):
        pass
    happened("it goes on")


@pytest.mark.fault(
    "One writer",
    "the writer was on another node, and Slurm cannot be asked",
    "files of long ago, of the future, and one that is renewed",
)
@pytest.mark.parametrize("job", [None, "77", "77; touch harm"])
def test_where_slurm_cannot_say_the_renewals_of_the_file_do(
    happened: Happened, tmp_path: Path, slurm: Any, job: str | None, no_wait: None
) -> None:
    """A dead writer's file rests, whatever its time says; a living one's moves."""
    slurm("squeue: error: Unable to contact slurm controller", 1)
    folder = named(tmp_path / "run", job=job)
    for stamp in (0, time.time() + 86_400):  # long ago, and of a clock that was ahead
        os.utime(folder / NAME, (stamp, stamp))
        said: list[str] = []
        with run_lock(folder, said.append):
            pass
        assert said
        named(folder, job=job)
    alive = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import os, sys, time\nwhile True: os.utime(sys.argv[1]); time.sleep(0.01)",
            folder / NAME,
        ]
    )
    first = (folder / NAME).stat().st_mtime_ns
    while (folder / NAME).stat().st_mtime_ns == first:
        time.sleep(0.01)
    with pytest.raises(UserError, match="node7"), run_lock(folder):
        pass
    alive.kill()
    alive.wait()
    assert not (tmp_path / "harm").exists()
    happened("a file that rests is taken over whatever its time; one that is renewed is refused")


def test_the_writer_renews_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "BEAT", 0.01)
    with run_lock(tmp_path):
        os.utime(tmp_path / NAME, (0, 0))
        while (tmp_path / NAME).stat().st_mtime == 0:
            time.sleep(0.01)


@pytest.mark.fault(
    "One writer",
    "the file system has no locks",
    "a dead and a living process of this host",
)
def test_where_the_file_system_has_no_locks_the_process_is_looked_for(
    happened: Happened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(*arguments: Any) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(lock.fcntl, "flock", flock)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with run_lock(named(tmp_path / "run", host=socket.gethostname(), process=ended.pid), lambda text: None):
        pass
    for process in (os.getppid(), 1):
        named(tmp_path / "run", host=socket.gethostname(), process=process)
        with pytest.raises(UserError, match=f"process {process} on"), run_lock(tmp_path / "run"):
            pass
    happened("the dead one is followed, the living one refused")


def test_who_was_taken_for_dead_leaves_its_successors_file(tmp_path: Path) -> None:
    with run_lock(tmp_path):
        named(tmp_path)
    assert json.loads((tmp_path / NAME).read_text())["host"] == "node7"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*file.*Choose a folder"), run_lock(tmp_path / "file" / "run"):
        pass
