"""The plan: what a dry run says is read whole, estimates come from measurements alone, bounds are bounds."""

import dataclasses
import itertools
import json
import random
import shutil
from pathlib import Path

import pytest

from kanrepro import plan as planning
from kanrepro.core.costs import Job
from kanrepro.core.errors import UserError
from kanrepro.core.files import read_json
from kanrepro.images.variants import IMAGE_MODELS
from kanrepro.plan import printed
from kanrepro.plan.__main__ import main as plan_main
from kanrepro.plan.costs import Costs
from kanrepro.plan.jobs import jobs, read
from kanrepro.plan.measured import Benchmark
from kanrepro.pretraining.settings import recorded
from kanrepro.report.results import METHODS

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / "results/small/records/tu/MUTAG/khan_gcl-repaired-0.json"

DRY_RUN = """Building DAG of jobs...
Job stats:
job            count
-----------  -------
all                1
pretrain_tu        1
total              2


[Sun Nov 22 12:10:55 2026]
rule pretrain_tu:
    input: resources/tu/A.safetensors
    output: results/demo/runs/tu/A/khan_gcl/literal/1/encoder.safetensors, results/demo/runs/tu/A/x.csv
    jobid: 7
    benchmark: benchmarks/demo/pretrain/A-khan_gcl-literal-1.tsv
    wildcards: dataset=A, method=khan_gcl, reading=literal, seed=1
    threads: 2
    resources: tmpdir=/tmp, gpu=1, runtime=25, mem_mb=2167, mem=2.17 GB, disk_mb=<TBD>
Shell command: python -m kanrepro.pretraining.pretrain --device auto --settings '{"optimiser": {"epochs": 60}}' > a.log

[Sun Nov 22 12:10:55 2026]
localrule all:
    input: results/demo/report.html
    jobid: 0
    resources: tmpdir=/tmp
Shell command: None
Job stats:
job            count
-----------  -------
all                1
pretrain_tu        1
total              2

Reasons:
    input files updated by another job:
        all
"""


def test_a_dry_run_is_read_with_everything_that_the_plan_needs() -> None:
    training, target = read(DRY_RUN)
    assert (training.rule, training.number, training.threads, training.gpus) == ("pretrain_tu", 7, 2, 1)
    assert training.memory_mb == 2167 and training.preset == "demo" and training.device == "auto"
    assert training.wildcards == {"dataset": "A", "method": "khan_gcl", "reading": "literal", "seed": "1"}
    assert training.settings == {"optimiser": {"epochs": 60}} and len(training.outputs) == 2
    assert target.command is None and target.inputs == ("results/demo/report.html",) and target.settings is None


def test_a_dry_run_in_another_layout_is_noticed() -> None:
    with pytest.raises(RuntimeError, match="another way"):
        read(DRY_RUN.replace("rule pretrain_tu:", "rule: pretrain_tu"))
    assert read("Building DAG of jobs...\nNothing to be done.\n") == []


def checkout(folder: Path) -> Path:
    """A work folder with the project's workflow in it."""
    for name in ("Snakefile", "config.yaml"):
        shutil.copy(ROOT / name, folder / name)
    for name in ("workflow", "profiles"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def test_plan_of_the_demo_by_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(checkout(tmp_path))
    plan_main(["images", "--json", "--cores", "3", "--config", "preset=demo", "images={seeds: [0, 1]}"])
    made = json.loads(capsys.readouterr().out)
    rules = {rule["rule"]: rule for rule in made["rules"]}
    (training, *_) = [job for job in jobs(["images"], ["--config", "preset=demo"], 1) if job.rule == "classify"]
    assert training.settings and training.settings["training"]["epochs"]  # by a file in the command, whole in the plan
    models = 7
    assert models < len(IMAGE_MODELS) and rules["classify"]["jobs"] == rules["assess"]["jobs"] == 2 * models
    assert made["cores"] == 3 and "images" not in rules  # a target is no job
    assert all(rule["known_time"] == 0 and list(rule["sources"])[0].startswith("no data") for rule in made["rules"])


@pytest.mark.parametrize(
    ("targets", "options", "said"),
    [
        (["table5"], [], "No rule to produce table5"),
        ([], ["--config", "threads=0"], "threads = 0"),
        ([], ["--configfile", "none.yaml"], "none.yaml"),
    ],
)
def test_what_snakemake_refuses_is_said_in_one_line(
    tmp_path: Path, targets: list[str], options: list[str], said: str
) -> None:
    with pytest.raises(UserError) as error:
        jobs(targets, options, 1, checkout(tmp_path))
    assert said in str(error.value) and "\n" not in str(error.value) and "Traceback" not in str(error.value)


def test_without_a_snakefile_the_plan_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no Snakefile"):
        jobs([], [], 1, tmp_path)


# estimates


def world(folder: Path, dataset: str = "MUTAG", seconds: float = 50.0, seed: int = 0, **cost: object) -> dict:
    """A record of the committed ones, with other cost, in a preset `small` below `folder`."""
    record = read_json(RECORD)
    record |= {"dataset": dataset, "seed": seed}
    record["cost"] |= {"pretrain_seconds": seconds, "probe_seconds": seconds / 10, "device": "cpu", **cost}
    path = folder / f"results/small/records/tu/{dataset}/khan_gcl-repaired-{seed}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record))
    return record


def training(record: dict, dataset: str = "MUTAG", epochs: int = 60, preset: str = "paper", **fields: object) -> Job:
    """The training job of a record's settings, on another set or with another number of epochs."""
    settings = json.loads(json.dumps(record["settings"]["pretrain"]))
    settings["optimiser"]["epochs"] = epochs
    wildcards = {"dataset": dataset, "method": "khan_gcl", "reading": "repaired", "seed": "0"}
    return Job(
        **{
            "rule": "pretrain_tu",
            "number": 1,
            "inputs": (f"resources/tu/{dataset}.safetensors",),
            "outputs": (f"results/{preset}/runs/tu/{dataset}/khan_gcl/repaired/0/encoder.safetensors",),
            "benchmark": f"benchmarks/{preset}/pretrain/{dataset}-khan_gcl-repaired-0.tsv",
            "wildcards": wildcards,
            "command": f"python --device cpu --settings '{json.dumps(settings)}' > log 2>&1",
            **fields,
        }
    )


def test_a_training_costs_what_it_cost_before_in_proportion_to_its_epochs(tmp_path: Path) -> None:
    record = world(tmp_path, seconds=50, seed=0)
    world(tmp_path, seconds=70, seed=1)
    same, half = (Costs(tmp_path, []).of(training(record, epochs=epochs)) for epochs in (60, 30))
    assert same.seconds == pytest.approx(60) and same.source == "2 records of small" and not same.gpu
    assert half.seconds == pytest.approx(30) and "scaled by epochs" in half.source
    assert same.disk is None and same.memory_mb == record["cost"]["peak_memory_mb"]


def test_a_key_that_came_after_a_record_has_its_default_there(tmp_path: Path) -> None:
    record = world(tmp_path, seconds=50)
    now = recorded(record["settings"]["pretrain"]).model_dump(mode="json")
    assert now != record["settings"]["pretrain"]  # the committed record is older than some keys
    job = training({**record, "settings": {"pretrain": now}})
    assert Costs(tmp_path, []).of(job).seconds == 50
    now["encoder"]["dropout"] = 0.5
    assert Costs(tmp_path, []).of(training({**record, "settings": {"pretrain": now}})).seconds is None


def test_runs_of_figure_5_cost_what_those_of_the_tables_do(tmp_path: Path) -> None:
    record = world(tmp_path, seconds=50)
    job = training(record, command=training(record).command.replace('"epsilon_delta": 0.075', '"epsilon_delta": 0.3'))  # type: ignore[union-attr]
    assert '"epsilon_delta": 0.3' in str(job.command)
    moved = dataclasses.replace(job, rule="pretrain_tu_moved")
    assert [Costs(tmp_path, []).of(one).seconds for one in (job, moved)] == [50, 50]


def test_other_data_sets_speak_for_one_that_was_never_run_in_proportion_to_its_size(tmp_path: Path) -> None:
    record = world(tmp_path, seconds=10)
    found = Costs(tmp_path, []).of(training(record, "PROTEINS"))
    mutag, proteins = 188 * 17.93 + 7442 / 4, 1113 * 39.06 + 162088 / 4  # Table 4 and the catalogue
    assert found.seconds == pytest.approx(10 * proteins / mutag, rel=1e-3)
    assert "other data sets" in found.source and found.memory_mb is None


def test_what_was_never_measured_is_not_guessed(tmp_path: Path) -> None:
    record = world(tmp_path)
    costs = Costs(tmp_path, [])
    wider = training(record, command=training(record).command.replace('"hidden": 32', '"hidden": 64'))  # type: ignore[union-attr]
    assert costs.of(wider).seconds is None and "other settings" in costs.of(wider).source
    own = costs.of(training(record, "MY-OWN"))
    assert own.seconds is None and own.source == "no data: nothing here has counted MY-OWN"
    cuda = training(record, command=training(record).command.replace("--device cpu", "--device cuda:1"))  # type: ignore[union-attr]
    assert costs.of(cuda).source == "no data: never run on a GPU"
    empty = Costs(tmp_path / "empty", []).of(training(record))
    assert empty.seconds is None and empty.source == "no data: no earlier run"


def test_gpu_hours_come_from_gpus_alone(tmp_path: Path) -> None:
    record = world(tmp_path, seconds=50)
    world(tmp_path, seconds=5, seed=1, device="cuda: NVIDIA H200")
    auto = training(record).command.replace("--device cpu", "--device auto")  # type: ignore[union-attr]
    on_gpu = training(record, command=auto, resources={"gpu": 1.0, "mem_mb": 100.0})
    found = planning.plan([on_gpu, training(record, number=2)], 2, 1, tmp_path).rules[0]
    assert found.gpu_seconds == 5 and found.cpu_seconds == 55 and found.on_gpu == 1


def test_a_benchmark_file_counts_more_than_its_record(tmp_path: Path) -> None:
    record = world(tmp_path, seconds=50)
    path = tmp_path / "benchmarks/small/pretrain/MUTAG-khan_gcl-repaired-0.tsv"
    path.parent.mkdir(parents=True)
    path.write_text("s\th:m:s\tmax_rss\n58\t0:00:58\t700\n")
    found = Costs(tmp_path, []).of(training(record))
    assert (found.seconds, found.memory_mb, found.source) == (58, 700, "1 benchmarks of small")
    path.write_text("s\th:m:s\tmax_rss\n8\t0:00:08\t700\n")  # a run that was resumed shortly before its end
    assert Costs(tmp_path, []).of(training(record)).seconds == 50


def test_light_jobs_speak_for_each_other_and_disk_comes_from_what_is_there(tmp_path: Path) -> None:
    for name, seconds in (("A-0", 2), ("B-1", 4)):
        path = tmp_path / f"benchmarks/folds/{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t-\t-\n")
    (tmp_path / "resources").mkdir()
    (tmp_path / "resources/A.folds10-0.json").write_bytes(b"12345678")
    wildcards = {"dataset": "A", "seed": "5"}
    job = Job("fold_tu", 1, (), ("resources/A.folds10-5.json",), "benchmarks/folds/A-5.tsv", wildcards, command="x")
    found = Costs(tmp_path, []).of(job)
    assert (found.seconds, found.disk, found.memory_mb) == (2, 8, None)
    other = Job("fold_tu", 2, (), ("resources/C.json",), "benchmarks/folds/C-0.tsv", {"dataset": "C"}, command="x")
    assert Costs(tmp_path, []).of(other).seconds == 3 and Costs(tmp_path, []).of(other).disk is None


@pytest.mark.parametrize("content", ["", "s\tmax_rss\n", "s\tmax_rss\nx\t1\n", "nothing\n1\n", "s\tmax_rss\n1\n"])
def test_a_broken_benchmark_file_is_no_data(tmp_path: Path, content: str) -> None:
    path = tmp_path / "b.tsv"
    path.write_text(content)
    assert Benchmark.read(path) is None and Benchmark.read(tmp_path / "none.tsv") is None


# bounds


def test_the_longest_chain_is_that_of_all_paths() -> None:
    draw = random.Random(0)
    for _ in range(50):
        count = draw.randint(1, 7)
        needs = {j: [i for i in range(j) if draw.random() < 0.4] for j in range(count)}
        seconds = {j: float(draw.randint(0, 9)) for j in range(count)}
        order = [Job(f"r{j}", j, tuple(f"f{i}" for i in needs[j]), (f"f{j}",), command="x") for j in range(count)]
        draw.shuffle(order)
        found, _ = planning.longest_chain(order, seconds)
        paths = (
            path
            for length in range(1, count + 1)
            for path in itertools.combinations(range(count), length)
            if all(a in needs[b] for a, b in itertools.pairwise(path))
        )
        assert found == max(sum(seconds[j] for j in path) for path in paths)


def test_memory_together_is_of_jobs_that_fit_cores_and_gpus() -> None:
    def job(memory: float, threads: int = 1, gpus: int = 0) -> Job:
        return Job("r", threads=threads, resources={"mem_mb": memory, "gpu": float(gpus)}, command="x")

    assert planning.memory_together([job(10), job(20), job(30)], 2, 1) == 50
    assert planning.memory_together([job(10, gpus=1), job(20, gpus=1), job(5)], 3, 1) == 25
    assert planning.memory_together([job(100, threads=4), job(30)], 4, 1) == 100
    assert planning.memory_together([job(100, threads=4), job(30), job(80)], 4, 1) == 110
    assert planning.memory_together([], 4, 1) == 0


def test_the_table_says_what_is_not_known(tmp_path: Path) -> None:
    record = world(tmp_path, seconds=3600)
    unknown = training(record, "MY-OWN", number=2)
    made = planning.plan([training(record), unknown], 2, 1, tmp_path)
    shown = printed.text(made)
    assert "at least 1.0 h  " in shown and "1 of 2: no data: nothing here has counted MY-OWN" in shown
    assert "Wall time: at least 1.0 h, without the 1 jobs" in shown and "longest chain, pretrain_tu" in shown
    assert printed.text(planning.plan([], 2, 1, tmp_path)).startswith("Nothing to do")
    assert "no data on any of the 1 jobs" in printed.text(planning.plan([unknown], 2, 1, tmp_path))
    json.dumps(printed.document(made))


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.8, "0.8 s"), (59, "59.0 s"), (60, "1.0 min"), (3600, "1.0 h"), (116 * 3600, "116 h")]
)
def test_times_are_told_in_the_unit_that_a_person_takes(seconds: float, words: str) -> None:
    assert printed.duration(seconds) == words


def test_committed_records_tell_of_every_method() -> None:
    rules = {
        found.ran.what[1] for found in planning.Costs(ROOT, []).measured["pretrain_tu", ("khan_gcl", "literal", "", "")]
    }
    methods = {key[1][0] for key in Costs(ROOT, []).measured if key[0] == "pretrain_tu"}
    assert rules == {"khan_gcl"} and set(METHODS) <= methods and "shuffled_labels" not in methods


def test_sources_that_differ_in_numbers_alone_are_one_line() -> None:
    by = ", scaled by graphs squared, other data sets"
    sources = {"5 records of small": 3, "2 records of small and 1 record of norms": 4, f"9 records of small{by}": 5}
    sources |= {"no data: no earlier run": 6, "no data: nothing here has counted X": 1}
    shown = planning.RulePlan("probe_tu", jobs=19, sources=sources)
    lines = [
        line for line in printed.text(planning.Plan(1, 1, [shown], 0, 0, 0, [], 0, [])).splitlines() if " of 19" in line
    ]
    assert lines == [
        "  probe_tu: 7 of 19: runs of norms, small",
        "  probe_tu: 6 of 19: no data: no earlier run",
        f"  probe_tu: 5 of 19: 9 records of small{by}",
        "  probe_tu: 1 of 19: no data: nothing here has counted X",
    ]
