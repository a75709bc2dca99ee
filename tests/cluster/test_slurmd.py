"""kill -9 of slurmd under a training: the job lives on, is not started twice, and ends with the same bytes."""

import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import stages
from slurm import Cluster
from worlds import rings_and_stars


def waited(condition: Callable[[], object], what: str, seconds: float = 180) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.1)


@pytest.fixture
def own(cluster: Cluster) -> Iterator[Cluster]:
    """A cluster that may be broken (the shared one shows that there can be one here)."""
    running = Cluster(cpus=2)
    yield running
    running.stop()


@pytest.mark.fault(
    "Processes",
    "slurmd is killed (kill -9) under a training",
    "the same run is started by hand while slurmd is down; then slurmd is started again",
)
def test_a_training_outlives_slurmd(own: Cluster, tmp_path: Path, happened: Callable[[object], None]) -> None:
    rings_and_stars().save(tmp_path / "rings.safetensors")
    settings = json.dumps({"optimiser": {"epochs": 10, "batch_size": 16}})
    given = ["--store", str(tmp_path / "rings.safetensors"), "--settings", settings, "--device", "cpu", "--output"]
    run, log = tmp_path / "run", tmp_path / "log"
    stages.finish("kanrepro.pretraining.pretrain", *given, tmp_path / "undisturbed", log=log)
    command = shlex.join([sys.executable, "-m", "kanrepro.pretraining.pretrain", *given, str(run)])
    sent = own.run("sbatch", "--parsable", "--mem=500", "--time=10", f"--output={tmp_path}/job.log", "--wrap", command)
    job = sent.stdout.strip()
    waited((run / "state.safetensors").exists, f"no training: {own.jobs()}")
    writer = json.loads((run / "writer.lock").read_text())
    assert writer["job"] == job
    os.kill(writer["process"], signal.SIGSTOP)  # so that it surely lives until the second has been refused
    own.daemons["slurmd"].kill()
    own.daemons["slurmd"].wait()
    second = stages.start("kanrepro.pretraining.pretrain", *given, run, log=log)
    second.join()
    assert (
        second.exitcode == 2 and f"process {writer['process']} on {writer['host']}, Slurm job {job}," in log.read_text()
    )
    own.start_node()
    os.kill(writer["process"], signal.SIGCONT)
    waited(lambda: {"JobState": "COMPLETED"}.items() <= own.jobs()[0].items(), f"not completed: {own.jobs()}")
    made, expected = (folder / "encoder.safetensors" for folder in (run, tmp_path / "undisturbed"))
    assert made.read_bytes() == expected.read_bytes()
    assert own.jobs()[0].get("Restarts") == "0"
    happened("the job goes on; the second start is refused and names it; Slurm completes it; the same bytes")
