"""One writer: a run's folder belongs to the process that writes it, and after that process's death to the next one.

A file in the folder names the writer (host, process, Slurm job, start) and carries the operating system's own lock,
which ends with the process, however it dies. Where the writer was on another host that lock may prove nothing (some
shared file systems keep it to one node); then Slurm is asked whether the job is alive, and where it cannot say, the
file's time is watched, which a living writer keeps renewing. No clock is compared with another, so that one that is
wrong decides nothing. Even two writers would make no wrong result: they write equal bytes, whole or not at all.
"""

import contextlib
import dataclasses
import errno
import fcntl
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from kanrepro.core.errors import UserError
from kanrepro.core.files import sweep

NAME = "writer.lock"
BEAT = 15.0  # seconds after which a writer renews its file's time
WATCH = 60.0  # seconds without a renewal after which a writer on another host counts as dead
ALIVE = {"RUNNING", "SUSPENDED", "STOPPED", "CONFIGURING", "COMPLETING", "SIGNALING", "STAGE_OUT", "RESIZING"}
_HELD = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES}
_NO_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL}


@dataclasses.dataclass(frozen=True)
class Writer:
    """Who writes into a folder; `job` is the Slurm job's id, if there is one, `start` a time in UTC."""

    host: str
    process: int
    job: str | None
    start: str

    def __str__(self) -> str:
        job = f", Slurm job {self.job}" if self.job else ""
        return f"process {self.process} on {self.host}{job}, started {self.start}"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def run_lock(folder: Path, say: Callable[[str], None] = _say) -> Iterator[None]:
    """Be the only writer of `folder` (made where it is missing); take it over from a dead one, and say so.

    What a killed writer left half written there is removed, and in the end what this one did.

    Raises:
        UserError: a living process writes there (it is named), or the folder cannot be written.
    """
    path = folder / NAME
    mine = Writer(socket.gethostname(), os.getpid(), os.environ.get("SLURM_JOB_ID"), f"{datetime.now(UTC):%F %T} UTC")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stream, locked = _open(path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}. Choose a folder that you can write.") from error
    with stream:
        before = _read(stream)
        if before:
            if _lives(before, mine, locked, path):
                raise _taken(folder, before)
            say(f"{folder}: taking over from {before}, which is gone")
        _claim(stream, path, mine)
        sweep(folder)
        over = threading.Event()
        renewing = threading.Thread(target=_renew, args=(stream.fileno(), over), daemon=True)
        renewing.start()
        try:
            yield
        finally:
            over.set()
            renewing.join()
            if _read(stream) == mine:  # nobody took us for dead
                sweep(folder)  # SIGTERM may come where a temporary file is just being made or removed
                path.unlink(missing_ok=True)


def _taken(folder: Path, writer: Writer | None) -> UserError:
    return UserError(
        f"{folder} is being written by {writer or 'another process'}. Wait until it ends, or stop it; then run the "
        "same command again."
    )


def _open(path: Path) -> tuple[IO[str], bool]:
    """The lock file, opened, and whether the system's lock on it is ours (not where the file system has none)."""
    while True:
        stream = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "r+", encoding="utf-8")
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            locked = True
        except OSError as error:
            if error.errno in _HELD:
                with stream:
                    raise _taken(path.parent, _read(stream)) from None
            if error.errno not in _NO_LOCKS:
                stream.close()
                raise
            locked = False
        with contextlib.suppress(FileNotFoundError):
            if os.fstat(stream.fileno()).st_ino == path.stat().st_ino:
                return stream, locked
        stream.close()  # its writer removed it in between


def _read(stream: IO[str]) -> Writer | None:
    """Who the file names; None where it is new, or its writer died in writing it."""
    stream.seek(0)
    try:
        return Writer(**json.loads(stream.read()))
    except (ValueError, TypeError):
        return None


def _claim(stream: IO[str], path: Path, writer: Writer) -> None:
    try:
        stream.seek(0)
        stream.truncate()
        json.dump(dataclasses.asdict(writer), stream)
        stream.flush()
        os.fsync(stream.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise UserError(f"cannot write {path}: {error.strerror}. Nothing was left half written.") from error


def _lives(writer: Writer, mine: Writer, locked: bool, path: Path) -> bool:
    """Whether the writer whom the file names may still be at work."""
    if writer.host == mine.host:
        return not locked and _runs(writer.process)  # with the lock ours, it has ended
    if writer.job and writer.job == mine.job:
        return False  # Slurm started this job again, which it does only after its end
    job = slurm_job_lives(writer.job) if writer.job else None
    return _renews(path) if job is None else job


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's
    return True


def slurm_job_lives(job: str) -> bool | None:
    """Whether Slurm still runs a job; None where it cannot be asked."""
    if not job.isdigit():
        return None
    try:
        asked = subprocess.run(
            ["squeue", "--noheader", "--format=%T", "--jobs", job], capture_output=True, text=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if asked.returncode:
        return False if "Invalid job id" in asked.stderr else None  # long forgotten, or no answer
    return bool(ALIVE & set(asked.stdout.split()))


def _renews(path: Path) -> bool:
    """Watch whether the file's time changes."""
    first, end = path.stat().st_mtime_ns, time.monotonic() + WATCH
    while time.monotonic() < end:
        time.sleep(min(BEAT, WATCH) / 10)
        with contextlib.suppress(FileNotFoundError), path.open("rb") as fresh:  # opening it asks the file server anew
            if os.fstat(fresh.fileno()).st_mtime_ns != first:
                return True
    return False


def _renew(descriptor: int, over: threading.Event) -> None:
    while not over.wait(BEAT):
        with contextlib.suppress(OSError):
            os.utime(descriptor)
