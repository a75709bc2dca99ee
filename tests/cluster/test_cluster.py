"""The workflow on a real Slurm cluster: what its jobs ask for and get, and what happens when they end too early.

Three runs side by side: the workflow on this machine, the same through Slurm, where one of its trainings is cancelled,
and a small workflow whose first attempt outlasts its limit. What is asserted is what Slurm says of its jobs.
"""

import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from slurm import Cluster

ROOT = Path(__file__).resolve().parents[2]
TINY = {
    "preset": "demo",
    "device": "auto",  # asks for a GPU, and computes on the CPU where it finds none
    "tu": {
        "datasets": ["CHEMBL-ACT"],
        "methods": ["khan_gcl"],
        "controls": [],
        "readings": {"own": None, "literal": None},
        "seeds": [0, 1],
        "pretrain": {"optimiser": {"epochs": 1}},
        "svm": {"c_values": [1.0], "folds": 2, "inner_folds": 2},
    },
    "superpixels": {"dataset": None},
    "molecules": {"pretrain_set": None, "datasets": []},
}
SOON = ["--slurm-arrays-init-seconds-before-status-checks", "1", "--latency-wait", "5"]
SHARE = ["sharing:gpu=0", "sharing:gres=shard:1", "sharing:slurm_partition=gpu"]  # as docs/cluster.md has it
LIMIT = 900  # seconds, on a machine that is busy with other things


@dataclass(frozen=True)
class Outcome:
    """Where the three runs were, whether they came to their end, and what Slurm said of its jobs, in order of ids."""

    here: Path
    there: Path
    small: Path
    failures: dict[str, str]
    jobs: list[dict[str, str]]

    def of(self, folder: Path, rule: str) -> list[dict[str, str]]:
        """The jobs of a rule of the run in `folder`."""
        return [job for job in self.jobs if job["WorkDir"] == str(folder) and job["rule"] == rule]


def begin(folder: Path, environment: dict[str, str], *options: str) -> "subprocess.Popen[bytes]":
    """Start Snakemake in a folder; what it says goes into `said` there."""
    with (folder / "said").open("wb") as said:
        words = [sys.executable, "-m", "snakemake", *options]
        return subprocess.Popen(words, cwd=folder, env=environment, stdout=said, stderr=subprocess.STDOUT)


def watch(cluster: Cluster, runs: list["subprocess.Popen[bytes]"], victims: Path) -> list[dict[str, str]]:
    """Wait for the end of runs; cancel the first training that starts in the folder `victims`.

    Returns:
        What `scontrol` said of each job, while it ran or after.
    """
    known: dict[str, dict[str, str]] = {}
    cancelled = False
    until = time.monotonic() + LIMIT
    while any(run.poll() is None for run in runs) and time.monotonic() < until:
        for job in cluster.jobs():
            rule = job.get("Comment", "").removeprefix("rule_").partition("_wildcards_")[0]
            known.setdefault(job["JobId"], {"rule": rule}).update({k: v for k, v in job.items() if v})
            training = job["JobState"] == "RUNNING" and rule == "pretrain_tu" and job["WorkDir"] == str(victims)
            if training and not cancelled:
                cancelled = cluster.run("scancel", f"{job['ArrayJobId']}_{job['ArrayTaskId']}").returncode == 0
        time.sleep(0.5)
    for run in runs:
        if run.poll() is None:
            run.kill()
            run.wait()
    return [known[key] for key in sorted(known, key=int)]


def site(folder: Path) -> Path:
    """The profile as a user of this cluster would change it: partitions have the names that it suggests."""
    shutil.copytree(ROOT / "profiles/slurm", folder, dirs_exist_ok=True)
    profile = folder / "config.yaml"
    changed = profile.read_text().replace("# gpu_model: h200", "gpu_model: h200")
    assert "\n  gpu_model: h200" in changed
    profile.write_text(changed)
    return folder


@pytest.fixture(scope="module")
def outcome(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """All three runs, ended."""
    folders = {name: tmp_path_factory.mktemp(name) for name in ("here", "there", "small")}
    for name in ("here", "there"):
        for part in ("Snakefile", "config.yaml", "workflow"):
            (folders[name] / part).symlink_to(ROOT / part)
        (folders[name] / "tiny.yaml").write_text(yaml.safe_dump(TINY))
    shutil.copy(ROOT / "tests/cluster/Snakefile", folders["small"] / "Snakefile")
    environment = {
        **cluster.environment,
        "PATH": f"{Path(sys.executable).parent}:{cluster.environment['PATH']}",
        "PYTHONPATH": f"{ROOT / 'workflow'}:{ROOT / 'profiles/slurm/arrays'}",
        "OMP_NUM_THREADS": "1",
    }
    profile = ["--workflow-profile", str(site(tmp_path_factory.mktemp("site")))]
    tiny = ["table2", "--configfile", "tiny.yaml"]
    runs = {
        "there": begin(folders["there"], environment, *profile, *SOON, *tiny),
        # fewer at a time than are ready; two jobs share a GPU
        "small": begin(folders["small"], environment, *profile, *SOON, "--jobs", "3", "--set-resources", *SHARE),
        "here": begin(folders["here"], environment, "--cores", "1", *tiny),
    }
    jobs = watch(cluster, list(runs.values()), folders["there"])
    failures = {name: (folders[name] / "said").read_text()[-3000:] for name, run in runs.items() if run.returncode}
    return Outcome(**folders, failures=failures, jobs=jobs)


def test_every_run_comes_to_its_end(outcome: Outcome) -> None:
    assert not outcome.failures, "\n\n".join(f"{name}: {said}" for name, said in outcome.failures.items())


def test_jobs_with_a_gpu_resource_get_a_gpu_and_no_others(outcome: Outcome) -> None:
    trainings = outcome.of(outcome.there, "pretrain_tu")
    others = [job for job in outcome.jobs if job["rule"] not in ("pretrain_tu", "sharing")]
    assert trainings and {job["rule"] for job in others} == {"prepare_tu", "probe_tu", "patient", "alike"}
    for job in trainings:
        assert job["Partition"] == "gpu" and job["TresPerJob"] == "gres:gpu:h200:1"
        assert job["GRES"] in ("gpu:h200:1(IDX:0)", "gpu:h200:1(IDX:1)")  # what it was given while it ran
    for job in others:
        assert job["Partition"] == "cpu" and job["TresPerJob"] == "gres:gpu:h200:0" and "GRES" not in job


def test_a_gpu_can_be_shared(outcome: Outcome) -> None:
    sharing = outcome.of(outcome.small, "sharing")
    assert [(job["JobState"], job["Partition"], job["TresPerNode"]) for job in sharing] == [
        ("COMPLETED", "gpu", "gres:shard:1")
    ] * 2


def test_seeds_are_one_array(outcome: Outcome) -> None:
    first = outcome.of(outcome.there, "pretrain_tu")[:2]
    assert len({job["ArrayJobId"] for job in first}) == 1
    assert {job["ArrayTaskId"] for job in first} == {"1", "2"}


def test_a_cancelled_training_is_done_again_with_twice_the_limits(outcome: Outcome) -> None:
    jobs = outcome.of(outcome.there, "pretrain_tu")
    assert Counter(job["JobState"] for job in jobs) == {"CANCELLED": 1, "COMPLETED": 2}
    again, first = jobs[-1], jobs[0]
    assert again["JobState"] == "COMPLETED" and minutes(again) == 2 * minutes(first) > 0


def test_a_job_that_outlasts_its_limit_is_done_again_with_more(outcome: Outcome) -> None:
    tried = [(job["JobState"], minutes(job), job["TRES"]) for job in outcome.of(outcome.small, "patient")]
    cpu = "node=1,billing=1"
    assert tried == [("TIMEOUT", 1, f"cpu=1,mem=100M,{cpu}"), ("COMPLETED", 2, f"cpu=1,mem=200M,{cpu}")]


def test_more_jobs_than_may_be_submitted_are_submitted_in_turn(outcome: Outcome) -> None:
    assert [job["JobState"] for job in outcome.of(outcome.small, "alike")] == ["COMPLETED"] * 5


def test_slurms_log_of_ended_jobs_tells_the_same(cluster: Cluster, outcome: Outcome) -> None:
    logged = {job["JobId"]: job["JobState"] for job in cluster.completed()}
    assert logged == {job["JobId"]: job["JobState"] for job in outcome.jobs}


def test_tables_of_the_cluster_are_those_of_this_machine_to_the_last_byte(outcome: Outcome) -> None:
    for form in ("md", "csv", "tex", "html"):
        table = f"results/demo/tables/table2.{form}"
        assert (outcome.there / table).read_bytes() == (outcome.here / table).read_bytes()


def minutes(job: dict[str, str]) -> int:
    """A job's time limit."""
    hours, minutes, seconds = map(int, job["TimeLimit"].split(":"))
    return 60 * hours + minutes + bool(seconds)


def test_a_stopped_cluster_leaves_nothing_behind(cluster: Cluster) -> None:
    other = Cluster(cpus=2)
    try:
        stubborn = "trap '' TERM; srun sleep 297; sleep 298"
        other.run("sbatch", "--mem=10", "--time=5", "--output=/dev/null", "--wrap", stubborn)
        until = time.monotonic() + 60
        while not any("sleep" in process.name() for process in other.processes()):
            assert time.monotonic() < until, other.jobs()
            time.sleep(0.2)
    finally:
        other.stop()
    assert not other.processes() and not other.folder.exists()


def test_arrays_hold_only_jobs_that_ask_for_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = pytest.importorskip("snakemake_executor_plugin_slurm", reason="install envs/slurm.txt")
    monkeypatch.syspath_prepend(str(ROOT / "profiles/slurm/arrays"))
    from snakemake_executor_plugin_slurm_arrays import Executor

    submitted: list[Any] = []
    monkeypatch.setattr(plugin.Executor, "_submit_job", lambda self, job: submitted.append(job.jobid))
    monkeypatch.setattr(
        plugin.Executor, "_submit_array_jobs", lambda self, jobs: submitted.append([job.jobid for job in jobs])
    )

    def job(number: int, rule: str, minutes: int) -> Any:
        resources = {"runtime": minutes, "gpu": 1}
        return SimpleNamespace(jobid=number, name=rule, threads=1, resources=resources, is_group=lambda: False)

    executor = object.__new__(Executor)
    executor._main_event_loop, executor.array_jobs = None, {"train"}
    ready = [("train", 60), ("train", 10), ("train", 60), ("train", 120), ("train", 10), ("probe", 5), ("probe", 5)]
    executor.run_jobs([job(number, *one) for number, one in reversed(list(enumerate(ready)))])
    assert submitted == [[0, 2], [1, 4], 3, 5, 6]
