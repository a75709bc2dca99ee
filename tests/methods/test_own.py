"""A method of the user's own: that of docs/own-method.md, from the configuration to the bundle, and its faults."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from worlds import rings_and_stars

from kanrepro.bundle import check, make
from kanrepro.core import provenance
from kanrepro.core.errors import UserError
from kanrepro.core.files import read_json
from kanrepro.methods import folder
from kanrepro.methods.folder import find, training_code
from kanrepro.pretraining import pretrain
from kanrepro.pretraining.choice import without_own
from kanrepro.settings import resolve

ROOT = Path(__file__).resolve().parents[2]
PRESETS = ROOT / "workflow" / "presets"
WHOLE = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "own-method.md").read_text(encoding="utf-8"), re.DOTALL)[0]
SMALLEST = """from kanrepro.methods import Method


class Mine(Method):
    label = "Mine"
    network = "mlp"

    def loss(self, model, view1, view2, generator):
        return {"loss": model.z(view1).square().mean()}
"""


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Files that a test reads are not remembered, and lie where it works."""
    monkeypatch.setattr(folder, "_own", {})
    monkeypatch.chdir(tmp_path)


def written(text: str, name: str = "mine.py") -> str:
    Path(name).write_text(text)
    return name


def test_the_configuration_names_it_by_its_file_and_sets_its_keys() -> None:
    written(WHOLE, "barlow_twins.py")
    tu = {
        "methods": ["graphcl", "barlow_twins.py"],
        "pretrain": {"barlow_twins": {"redundancy": 0.01}},
        "readings": {"strict": {"barlow_twins": {"redundancy": 0.1}}},
    }
    settings = resolve({"preset": "small", "tu": tu}, PRESETS)
    assert settings.tu.methods == ("graphcl", "barlow_twins")
    made: Any = settings.tu.pretrain_settings("barlow_twins", "literal")
    assert (made.objective, made.barlow_twins.redundancy) == ("barlow_twins.py", 0.01)
    assert settings.tu.pretrain_settings("barlow_twins", "strict").barlow_twins.redundancy == 0.1
    assert "barlow_twins" not in settings.tu.pretrain_settings("graphcl", "literal").model_dump()
    dumped = settings.model_dump(mode="json")
    assert resolve(dumped, PRESETS) == settings  # as `kanrepro.settings --check` prints it
    without = without_own(dumped)["tu"]
    assert without["methods"] == ["graphcl"] and "barlow_twins" not in without["pretrain"]


def test_the_whole_one_keeps_to_the_contract() -> None:
    written(WHOLE, "barlow_twins.py")
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", str(ROOT / "tests/methods/test_contract.py")]
    done = subprocess.run([sys.executable, *words, "--method", "barlow_twins.py"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]


def test_from_the_configuration_to_the_bundle(tmp_path: Path) -> None:
    """Trained, in tables and figures, planned, explained, bundled; an edit trains it again and nothing else."""
    for name in set(make.SOURCE) - {"config.yaml"}:
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, tmp_path / name)
    written(WHOLE, "barlow_twins.py")
    tu: dict[str, Any] = {
        "datasets": ["CHEMBL-ACT"], "methods": ["graphcl", "barlow_twins.py"], "controls": [], "seeds": [0],
        "readings": {"own": None, "literal": None, "literal_silu": None},
        "pretrain": {"optimiser": {"epochs": 1}}, "svm": {"c_values": [1.0], "folds": 2, "inner_folds": 2},
    }  # fmt: skip
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"preset": "demo", "device": "cpu", "tu": tu}))

    def ran(*words: str) -> str:
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout + done.stderr

    targets = ["table2", "figure4", "results/demo/figures/history.png"]
    ran("snakemake", "--cores", "2", *targets)
    record = read_json(Path("results/demo/records/tu/CHEMBL-ACT/barlow_twins-repaired-0.json"))
    assert record["own_method"]["label"] == "Barlow Twins" and record["history"]["overlap"] > 0
    assert "| Barlow Twins | measured, repaired |" in Path("results/demo/tables/table2.md").read_text()
    told = ran("kanrepro", "explain", "table2", "CHEMBL-ACT", "barlow twins", "--results", "results/demo", "--full")
    assert "Barlow Twins (barlow_twins)" in told and "the same now" in told and "DIFFERS" not in told
    assert "barlow_twins.py" in told  # the command by hand
    written(WHOLE.replace("1e-5", "1e-6"), "barlow_twins.py")
    planned = ran("snakemake", "-n", "--cores", "2", "table2")
    assert re.search(r"pretrain_tu +1\n", planned) and "Code has changed" not in planned
    written(WHOLE, "barlow_twins.py")
    assert "pretrain_tu" not in ran("snakemake", "-n", "--cores", "2", "table2")
    make.make(Path("results/demo"), tmp_path / "bundle.zip", "2026-01-31")
    assert zipfile.ZipFile("bundle.zip").read("barlow_twins.py").decode() == WHOLE
    Path("barlow_twins.py").write_text("raise SystemExit('executed')")
    assert any("table2: all four forms made again" in line for line in check.check(tmp_path / "bundle.zip"))


def test_an_edit_changes_its_digest_and_no_other() -> None:
    word = written(SMALLEST)
    before, other = training_code(find(word).name), training_code("graphcl")
    written("# a comment\n" + SMALLEST)
    assert training_code(find(word).name) == before
    written(SMALLEST.replace("square().mean()", "abs().mean()"))
    assert training_code(find(word).name) != before and training_code("graphcl") == other
    assert provenance.code_digest("kanrepro.pretraining.pretrain") not in (before, other)


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("x = 1\n", "mine.py", "mine.py defines no methods"),
        (SMALLEST + SMALLEST.replace("Mine", "Other"), "mine.py", "mine.py defines 2 methods"),
        (SMALLEST.replace("def loss", "def lost"), "mine.py", "mine.py: class Mine has no objective"),
        (SMALLEST.replace("label =", "title ="), "mine.py", "mine.py: class Mine has no label"),
        (SMALLEST, "khan_gcl.py", "khan_gcl.py: the name khan_gcl is taken"),
        (SMALLEST, "My-Own.py", "My-Own.py: the name of a method's file has small letters"),
        (SMALLEST + "\n1 / 0\n", "mine.py", "mine.py, line 11: ZeroDivisionError: division by zero"),
        ("def (", "mine.py", "mine.py: SyntaxError"),
        (SMALLEST.replace('network = "mlp"', 'families = ("molecule",)'), "mine.py", "learns from the families mol"),
    ],
)
def test_faults_of_a_file_are_told_at_the_door(text: str, name: str, message: str) -> None:
    written(text, name)
    with pytest.raises(UserError) as error:
        resolve({"preset": "small", "tu": {"methods": [name]}}, PRESETS)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_a_file_that_is_not_there_and_a_mistyped_key_are_named() -> None:
    with pytest.raises(UserError, match="cannot read the method nowhere.py"):
        resolve({"preset": "small", "tu": {"methods": ["nowhere.py"]}}, PRESETS)
    written(WHOLE, "barlow_twins.py")
    tu = {"methods": ["barlow_twins.py"], "readings": {"x": {"barlow_twins": {"redundance": 1}}}}
    with pytest.raises(UserError, match=r"Did you mean 'barlow_twins.redundancy'\?"):
        resolve({"preset": "small", "tu": tu}, PRESETS)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("square().mean()}", "square()}", "mine.py: loss() must give a scalar named 'loss' with a gradient, not a "),
        ("square().mean()}", "detach().mean()}", "mine.py: loss() must give a scalar named 'loss'"),
        ('{"loss":', '{"lost":', "mine.py: loss() must give a scalar named 'loss' with a gradient, not none"),
        ("square().mean()}", "square().mean() / model.nothing}", "mine.py, line 9: AttributeError"),
        ("square().mean()}", 'square().mean(), "more": view1.x.mean()}', "mine.py: 'more' is no column of its history"),
    ],
)
def test_faults_of_a_training_are_told_in_one_line(old: str, new: str, message: str, tmp_path: Path) -> None:
    rings_and_stars().save("store.safetensors")
    word = written(SMALLEST.replace(old, new))
    given = json.dumps({"optimiser": {"epochs": 1}})
    with pytest.raises(UserError) as error:
        pretrain.main(["--store", "store.safetensors", "--method", word, "--output", "run", "--settings", given])
    assert message in str(error.value) and "\n" not in str(error.value)
    assert not (tmp_path / "run/encoder.safetensors").exists()
