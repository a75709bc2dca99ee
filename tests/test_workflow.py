"""The whole workflow at miniature size: plan, run, rerun, table from existing records, and user errors at the door."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

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
    return folder


def test_one_command_makes_tables_figures_and_the_page(done: Path) -> None:
    made = {str(p.relative_to(done)) for p in (done / "results/demo").rglob("*") if p.is_file()}
    assert set(TABLES) | {"results/demo/report.html"} <= made
    assert {
        f"results/demo/figures/{name}"
        for name in ("figure4.png", "figure4.svg", "history.png", "history-molecules.png")
    } <= made
    methods = {"graphcl-literal", "graphcl-repaired"}
    methods |= {f"{m}-{r}" for m in ("khan_gcl", "untrained_kan", "shuffled_labels") for r in ("literal", "repaired")}
    expected = {f"results/demo/records/tu/CHEMBL-ACT/{m}-{seed}.json" for m in methods for seed in (0, 1)}
    assert {name for name in made if name.startswith("results/demo/records/tu")} == expected


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
    plan = snakemake(done, "-n", "table2", config=TINY)
    assert "rule table:" in plan.stdout + plan.stderr
    assert "pretrain_tu" not in plan.stdout + plan.stderr
    assert snakemake(done, "table2", config=TINY).returncode == 0
    assert {path: (done / path).read_bytes() for path in TABLES} == before


def test_tables_of_committed_records_need_neither_data_nor_training(done: Path, tmp_path: Path) -> None:
    """As after a fresh clone: records alone, and more of them wanted than are there."""
    folder = checkout(tmp_path)
    shutil.copytree(done / "results/demo/records", folder / "results/demo/records")
    wanted = {**TINY, "tu": {**TINY["tu"], "seeds": [0, 1, 2, 3]}, "report": {"records": "existing"}}
    run = snakemake(folder, "table2", "figure4", config=wanted)
    assert run.returncode == 0, run.stderr[-3000:]
    assert "pretrain_tu" not in run.stderr and "prepare_tu" not in run.stderr
    assert (folder / TABLES[0]).read_bytes() == (done / TABLES[0]).read_bytes()


def test_a_changed_setting_reruns_what_depends_on_it(done: Path) -> None:
    changed = {**TINY, "tu": {**TINY["tu"], "svm": {**TINY["tu"]["svm"], "c_values": [2.0]}}}
    plan = snakemake(done, "-n", "table2", config=changed)
    text = plan.stdout + plan.stderr
    assert "probe_tu" in text and "pretrain_tu" not in text


@pytest.mark.parametrize("preset", ["demo", "small", "paper"])
def test_every_target_of_every_preset_has_a_plan(preset: str, tmp_path: Path) -> None:
    targets = ["all", "table2", "table3", "table4", "figure4", "table7", "figure2b", "figure3", "ckfi"]
    plan = snakemake(checkout(tmp_path), "-n", *targets, "--quiet", config={"preset": preset})
    assert plan.returncode == 0, plan.stderr[-2000:]


def test_table4_needs_no_training(tmp_path: Path) -> None:
    plan = snakemake(checkout(tmp_path), "-n", "table4", config={"preset": "small"})
    assert "describe_tu" in plan.stdout + plan.stderr
    assert "pretrain_tu" not in plan.stdout + plan.stderr


def test_table3_trains_only_the_full_method(tmp_path: Path) -> None:
    plan = snakemake(checkout(tmp_path), "-n", "table3", config={"preset": "small"})
    text = plan.stdout + plan.stderr
    assert "method=khan_gcl" in text and "method=graphcl" not in text


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"preset": "smal"}, "unknown preset 'smal'. Did you mean 'small'?"),
        ({"preset": "demo", "tu": {"datasets": ["MUTG"]}}, "unknown data set 'MUTG'. Did you mean 'MUTAG'?"),
        ({"preset": "demo", "tu": {"methods": ["khangcl"]}}, "Did you mean 'khan_gcl'?"),
        ({"preset": "demo", "tu": {"sedes": [1]}}, "Did you mean 'tu.seeds'?"),
        ({"preset": "demo", "superpixels": {"dataset": "digit"}}, "Did you mean 'digits'?"),
        ({"preset": "demo", "analysis": {"datasets": ["NCI"]}}, "Did you mean 'NCI1'?"),
        ({"preset": "demo", "analysis": {"readings": ["repared"]}}, "Did you mean 'repaired'?"),
    ],
)
def test_mistakes_stop_before_any_job(config: dict, message: str, tmp_path: Path) -> None:
    run = snakemake(checkout(tmp_path), "-n", config=config)
    assert run.returncode != 0
    assert message in run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr


def test_a_failed_job_shows_its_log_and_leaves_no_output(tmp_path: Path) -> None:
    folder = checkout(tmp_path)
    diverging = {
        **TINY,
        "tu": {**TINY["tu"], "pretrain": {"optimiser": {"epochs": 2, "learning_rate": 1e38}}, "seeds": [0]},
    }
    target = "results/demo/runs/tu/CHEMBL-ACT/khan_gcl/repaired/0/encoder.safetensors"
    run = snakemake(folder, "--retries", "0", target, config=diverging)
    assert run.returncode != 0
    assert "training diverged in epoch" in run.stderr
    assert not (folder / target).exists()
