"""The whole workflow at miniature size: plan, run, rerun, table from existing records, and user errors at the door."""

import csv
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

from kanrepro.core.files import read_json
from kanrepro.core.gpus import gpus_here
from kanrepro.plan.jobs import jobs
from kanrepro.studies.sensitivity_settings import PARAMETERS

ROOT = Path(__file__).resolve().parents[1]
TINY = {
    "preset": "demo",
    "superpixels": {"dataset": None},
    "tu": {
        "datasets": ["CHEMBL-ACT"],
        "methods": ["graphcl", "khan_gcl"],
        "controls": ["untrained_kan", "shuffled_labels"],
        "readings": {"own": None, "literal": {}},
        "seeds": [0, 1],
        "pretrain": {"optimiser": {"epochs": 1}},
        "svm": {"c_values": [1.0], "folds": 2, "inner_folds": 2},
    },
    "sensitivity": {
        "datasets": ["CHEMBL-ACT"],
        "transfer": ["chembl-activity"],
        "readings": ["repaired"],
        "parameters": ["epsilon_delta"],
        "epsilon_delta": [0.5],
    },
    "molecules": {"limit": 40, "methods": ["khan_gcl"], "controls": [], "pretrain": {"optimiser": {"epochs": 1}}},
}
TABLES = [f"results/demo/tables/table2.{form}" for form in ("md", "csv", "tex", "html")]


def checkout(folder: Path) -> Path:
    """A work folder with the project's workflow in it."""
    for name in ("Snakefile", "config.yaml"):
        shutil.copy(ROOT / name, folder / name)
    for name in ("workflow", "profiles"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def snakemake(folder: Path, *arguments: str, config: dict) -> subprocess.CompletedProcess[str]:
    """Snakemake in `folder`, with `config` over config.yaml."""
    (folder / "over.yaml").write_text(yaml.safe_dump(config))
    words = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments, "--configfile", "over.yaml"]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, env=environment)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the tiny workflow has run to its page."""
    folder = checkout(tmp_path_factory.mktemp("workflow"))
    run = snakemake(folder, config=TINY)
    assert run.returncode == 0, run.stderr[-3000:]
    (folder / "said").write_text(run.stderr)
    return folder


def test_a_run_says_how_far_it_is_and_ends_in_a_box(done: Path) -> None:
    said = (done / "said").read_text()
    assert re.search(r"^  probe_tu +16 of 16   total ", said, re.MULTILINE)
    assert len(said.splitlines()) < 120 and max(map(len, said.splitlines())) < 200
    assert "first numbers of" in said and "|   results/demo/report.html" in said and "kanrepro explain " in said


def test_one_command_makes_tables_figures_and_the_page(done: Path) -> None:
    made = {str(p.relative_to(done)) for p in (done / "results/demo").rglob("*") if p.is_file()}
    assert set(TABLES) | {"results/demo/report.html"} <= made
    assert {
        f"results/demo/figures/{name}"
        for name in ("figure4.png", "figure4.svg", "figure5.png", "figure5.svg", "history.png", "history-molecules.png")
    } <= made
    methods = {"graphcl-literal", "graphcl-repaired"}
    methods |= {f"{m}-{r}" for m in ("khan_gcl", "untrained_kan", "shuffled_labels") for r in ("literal", "repaired")}
    expected = {f"results/demo/records/tu/CHEMBL-ACT/{m}-{seed}.json" for m in methods for seed in (0, 1)}
    assert {name for name in made if name.startswith("results/demo/records/tu")} == expected


def test_figure_5_shows_the_tables_runs_and_those_beside_them(done: Path) -> None:
    with (done / "results/demo/figures/figure5.csv").open(newline="") as stream:
        rows = {(row["target"], row["value"]): row for row in csv.DictReader(stream)}
    assert rows.keys() == {(target, value) for target in ("CHEMBL-ACT", "AVG") for value in ("0.075", "0.5")}
    beside = "khan_gcl/repaired/epsilon_delta-0.5_epsilon_rho-0.075_sigma_delta-0.05_sigma_rho-0.05"
    for (target, value), kind, dataset in (
        (("CHEMBL-ACT", "0.5"), "tu", "CHEMBL-ACT"),
        (("AVG", "0.5"), "transfer", "chembl-activity"),
    ):
        moved = [f"../records/sensitivity/{kind}/{dataset}/{beside}/{seed}.json" for seed in (0, 1)]
        default = [f"../records/{kind}/{dataset}/khan_gcl-repaired-{seed}.json" for seed in (0, 1)]
        assert rows[target, value]["records"].split(";") == moved
        assert rows[target, "0.075"]["records"].split(";") == default
        for i, paths in ((0.5, moved), (0.075, default)):
            for path in paths:
                found = read_json(done / "results/demo/figures" / path)
                settings = found["settings"]["pretrain"] if kind == "tu" else found["pretraining"]["settings"]
                assert settings["contrast"]["negatives"]["epsilon_delta"] == i
                assert (found["experiment"] == "sensitivity") == (i == 0.5)
    assert "Figure 5: sensitivity" in (done / "results/demo/report.html").read_text()


def test_snakemakes_own_report_and_graph(done: Path) -> None:
    report = snakemake(done, "--report", "report.zip", config=TINY)
    assert report.returncode == 0 and (done / "report.zip").stat().st_size > 100_000, report.stderr[-2000:]
    graph = snakemake(done, "table2", "--dag", "dot", config=TINY)
    assert graph.stdout.startswith("digraph") and "pretrain_tu" in graph.stdout


def test_a_second_run_has_nothing_to_do(done: Path) -> None:
    again = snakemake(done, config=TINY)
    assert again.returncode == 0 and "Nothing to be done" in again.stderr


def test_a_lost_table_is_made_again_without_training(done: Path) -> None:
    before = {path: (done / path).read_bytes() for path in TABLES}
    for path in TABLES:
        (done / path).unlink()
    plan = snakemake(done, "-n", "-p", "table2", config=TINY)
    assert "rule table:" in plan.stdout + plan.stderr
    assert "pretrain_tu" not in plan.stdout + plan.stderr
    assert snakemake(done, "table2", config=TINY).returncode == 0
    assert {path: (done / path).read_bytes() for path in TABLES} == before


def test_tables_of_committed_records_need_neither_data_nor_training(done: Path, tmp_path: Path) -> None:
    """As after a fresh clone: records alone, and more of them wanted than are there."""
    folder = checkout(tmp_path)
    shutil.copytree(done / "results/demo/records", folder / "results/demo/records")
    wanted = {**TINY, "tu": {**TINY["tu"], "seeds": [0, 1, 2, 3]}, "report": {"records": "existing"}}
    run = snakemake(folder, "table2", "figure4", "figure5", config=wanted)
    assert run.returncode == 0, run.stderr[-3000:]
    figure5 = "results/demo/figures/figure5.csv"
    assert (folder / figure5).read_bytes() == (done / figure5).read_bytes()
    assert "pretrain_tu" not in run.stderr and "prepare_tu" not in run.stderr
    assert (folder / TABLES[0]).read_bytes() == (done / TABLES[0]).read_bytes()


def test_a_target_shows_all_records_that_lie_there(done: Path) -> None:
    """A run of one seed drops no other from the tables."""
    before = (done / TABLES[0]).read_bytes()
    fewer = {**TINY, "tu": {**TINY["tu"], "seeds": [0], "methods": ["khan_gcl"]}}
    run = snakemake(done, "table2", "--force", config=fewer)
    assert run.returncode == 0 and "pretrain_tu" not in run.stderr, run.stderr[-2000:]
    assert (done / TABLES[0]).read_bytes() == before


def test_a_clone_trains_nothing_again_for_its_figures(done: Path, tmp_path: Path) -> None:
    folder = checkout(tmp_path)
    for part in ("records", "figures", "tables"):
        shutil.copytree(done / "results/demo" / part, folder / "results/demo" / part)
    kept = {path: path.read_bytes() for path in (folder / "results/demo/figures").glob("*-curves.png")}
    assert kept
    run = snakemake(folder, config=TINY)
    assert run.returncode == 0, run.stderr[-2000:]
    assert not {"classify", "pretrain_tu", "prepare_images"} & set(run.stderr.replace(":", " ").split())
    assert "images-curves: stays as it is" in run.stderr and "history: stays as it is" in run.stderr
    assert {path: path.read_bytes() for path in kept} == kept
    assert "Training curves of image classifiers" in (folder / "results/demo/report.html").read_text()


def test_a_changed_setting_reruns_what_depends_on_it(done: Path) -> None:
    changed = {**TINY, "tu": {**TINY["tu"], "svm": {**TINY["tu"]["svm"], "c_values": [2.0]}}}
    plan = snakemake(done, "-n", "table2", config=changed)
    text = plan.stdout + plan.stderr
    assert "probe_tu" in text and "pretrain_tu" not in text


def test_the_space_of_figure_5_is_trained_once_a_point_and_the_default_by_the_tables(tmp_path: Path) -> None:
    given = {"datasets": ["PROTEINS"], "transfer": ["bace"], "readings": ["repaired"], "seeds": [0, 3]}
    given |= {"parameters": ["epsilon_rho", "sigma_delta"], "epsilon_rho": [0, 0.075, 0.3], "sigma_delta": [0.2]}
    (tmp_path / "over.yaml").write_text(yaml.safe_dump({"preset": "small", "sensitivity": given}))
    planned = jobs(["figure5"], ["--configfile", "over.yaml"], 1, checkout(tmp_path))
    points = [
        f"epsilon_delta-0.075_epsilon_rho-{rho}_sigma_delta-{delta}_sigma_rho-0.05"
        for rho, delta in (("0.0", "0.05"), ("0.3", "0.05"), ("0.075", "0.2"))
    ]
    records = "results/small/records"
    moved = {f"{records}/sensitivity/tu/PROTEINS/khan_gcl/repaired/{p}/{s}.json" for p in points for s in (0, 3)}
    moved |= {f"{records}/sensitivity/transfer/bace/khan_gcl/repaired/{p}/{s}.json" for p in points for s in (0, 3)}
    default = {
        f"{records}/{kind}/khan_gcl-repaired-{s}.json" for kind in ("tu/PROTEINS", "transfer/bace") for s in (0, 3)
    }
    (figure,) = [job for job in planned if job.rule == "sensitivity_figure"]
    assert {path for path in figure.inputs if path.endswith(".json")} == moved | default
    trained = {name: sum(job.rule == name for job in planned) for name in ("pretrain_tu", "pretrain_molecules")}
    assert trained == {"pretrain_tu": 2, "pretrain_molecules": 1}  # the default
    for job in planned:
        if job.rule in ("pretrain_tu_moved", "pretrain_molecules_moved"):
            negatives = job.settings["contrast"]["negatives"]  # type: ignore[index]
            told = "_".join(f"{name}-{negatives[name]}" for name in PARAMETERS)
            assert told in points and told in job.outputs[0]
    counted = Counter(job.rule for job in planned if job.rule.endswith("_moved"))
    assert counted == {"pretrain_tu_moved": 6, "probe_tu_moved": 6, "pretrain_molecules_moved": 3, "finetune_moved": 3}


@pytest.mark.parametrize("preset", ["demo", "small", "gpu", "paper"])
def test_every_target_of_every_preset_has_a_plan(preset: str, tmp_path: Path) -> None:
    targets = ["all", "table2", "table3", "table4", "figure4", "figure5", "table7", "figure2b", "figure3", "ckfi"]
    plan = snakemake(checkout(tmp_path), "-n", *targets, "--quiet", config={"preset": preset})
    assert plan.returncode == 0, plan.stderr[-2000:]


def test_table4_needs_no_training(tmp_path: Path) -> None:
    plan = snakemake(checkout(tmp_path), "-n", "table4", config={"preset": "small"})
    assert "describe_tu" in plan.stdout + plan.stderr
    assert "pretrain_tu" not in plan.stdout + plan.stderr


def test_table3_trains_only_the_full_method(tmp_path: Path) -> None:
    plan = snakemake(checkout(tmp_path), "-n", "-p", "table3", config={"preset": "small"})
    text = plan.stdout + plan.stderr
    assert "method=khan_gcl" in text and "method=graphcl" not in text


DIGIT_RULES = {"fetch_digits", "prepare_superpixels", "split_digits", "pretrain_superpixels", "finetune_superpixels"}


@pytest.mark.parametrize(
    ("target", "needed"),
    [
        ("table2", {"fetch_tu", "prepare_tu", "describe_tu", "fold_tu", "pretrain_tu", "probe_tu", "table"}),
        ("figure4", {"fetch_tu", "prepare_tu", "describe_tu", "fold_tu", "pretrain_tu", "probe_tu", "figure"}),
        ("table7", {*DIGIT_RULES, "table"}),
    ],
)  # fmt: skip
def test_a_table_asks_for_no_other_tables_data(target: str, needed: set[str], tmp_path: Path) -> None:
    planned = jobs([target], ["--config", "preset=small"], 1, checkout(tmp_path))
    assert {job.rule for job in planned} - {target} == needed


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"preset": "smal"}, "unknown preset 'smal'. Did you mean 'small'?"),
        ({"preset": "demo", "tu": {"datasets": ["MUTG"]}}, "unknown data set 'MUTG'. Did you mean 'MUTAG'?"),
        ({"preset": "demo", "tu": {"methods": ["khangcl"]}}, "Did you mean 'khan_gcl'?"),
        ({"preset": "demo", "tu": {"sedes": [1]}}, "Did you mean 'tu.seeds'?"),
        ({"preset": "demo", "tu.seeds": [0]}, "write 'tu: {seeds: ...}'"),
        ({"preset": "demo", "superpixels": {"dataset": "digit"}}, "Did you mean 'digits'?"),
        ({"preset": "demo", "analysis": {"datasets": ["NCI"]}}, "Did you mean 'NCI1'?"),
        ({"preset": "demo", "analysis": {"readings": ["repared"]}}, "Did you mean 'repaired'?"),
        ({"preset": "demo", "sensitivity": {"datasets": ["PROTEIN"]}}, "Did you mean 'PROTEINS'?"),
        ({"preset": "demo", "sensitivity": {"transfer": ["bac"]}}, "Did you mean 'bace'?"),
        ({"preset": "demo", "sensitivity": {"readings": ["repared"]}}, "Did you mean 'repaired'?"),
        ({"preset": "demo", "sensitivity": {"sigma_rho": [-1]}}, "sensitivity.sigma_rho.0 = -1"),
    ],
)
def test_mistakes_stop_before_any_job(config: dict, message: str, tmp_path: Path) -> None:
    run = snakemake(checkout(tmp_path), "-n", config=config)
    assert run.returncode != 0
    assert message in run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr


def test_a_key_with_a_dot_is_answered_with_how_to_write_it(tmp_path: Path) -> None:
    run = snakemake(checkout(tmp_path), "-n", "--config", "tu.svm.folds=3", config=TINY)
    assert run.returncode == 2
    assert run.stderr == "kanrepro: error: --config tu.svm.folds=3: write 'tu={svm: {folds: 3}}'.\n"


def test_only_a_machine_with_a_gpu_or_a_cluster_is_asked_for_one(tmp_path: Path) -> None:
    folder, options = checkout(tmp_path), ["--config", "preset=paper", "tu={datasets: [MUTAG], seeds: [0]}"]
    asked = [
        {job.gpus for job in jobs(["table2"], [*options, *more], 1, folder) if job.rule == "pretrain_tu"}
        for more in ([], ["--workflow-profile", "none"])  # a profile of this machine, and one that counts no GPUs
    ]
    assert asked == [{min(gpus_here(), 1)}, {1}]


def test_a_failed_job_shows_its_log_and_leaves_no_output(tmp_path: Path) -> None:
    folder = checkout(tmp_path)
    diverging = {
        **TINY,
        "tu": {**TINY["tu"], "pretrain": {"optimiser": {"epochs": 2, "learning_rate": 1e38}}, "seeds": [0]},
    }
    target = "results/demo/runs/tu/CHEMBL-ACT/khan_gcl/repaired/0/encoder.safetensors"
    run = snakemake(folder, "--retries", "0", target, config=diverging)
    assert run.returncode != 0
    assert "training diverged in epoch" in run.stderr and "| 1 failed; read why in" in run.stderr
    assert not (folder / target).exists()
