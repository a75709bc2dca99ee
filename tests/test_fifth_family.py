"""A fifth family, known by its door alone, stands in settings, plan, explanation, bundle, page and command line.

Each tool runs in a process of its own, in which the family is one more entry of FAMILIES: no roof module changes.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from kanrepro.core.files import write_json

ROOT = Path(__file__).resolve().parents[1]
ADDED = "from kanrepro import families; import coins; families.FAMILIES = (*families.FAMILIES, coins.FAMILY)\n"
RECORD = {
    "schema": 1, "dataset": "MUTAG", "seed": 4, "preset": "demo", "heads": 0.5,
    "data": {"path": "resources/coins/MUTAG", "sha256": "d" * 64, "graphs": 1},
    "code": {"toss": "0123456789abcdef"}, "versions": {"python": "3.11.7"},
    "cost": {"hardware": "a hand", "device": "cpu", "seconds": 20.0}, "commands": ["python -m coins --seed 4"],
}  # fmt: skip


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of the workflow with one record of the family and its table."""
    root = tmp_path_factory.mktemp("checkout")
    for name in ("Snakefile", "config.yaml", "CITATION.cff"):
        shutil.copy(ROOT / name, root / name)
    shutil.copytree(ROOT / "workflow", root / "workflow", ignore=shutil.ignore_patterns("__pycache__"))
    results = root / "results" / "demo"
    write_json(results / "records" / "coins" / "MUTAG" / "4.json", RECORD)
    (results / "tables").mkdir()
    run(root, "import coins; coins.main(['--table', 'table-of-coins', '--records-from', 'results/demo/records',"
        " '--output-stem', 'results/demo/tables/table-of-coins'])")  # fmt: skip
    return root


def run(root: Path, code: str) -> str:
    """What a program prints in which there is the family."""
    path = os.pathsep.join([str(ROOT / "workflow"), str(ROOT / "tests")])
    done = subprocess.run(
        [sys.executable, "-c", ADDED + code], cwd=root, env={**os.environ, "PYTHONPATH": path}, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_settings_know_its_keys_and_their_neighbours(checkout: Path) -> None:
    said = run(
        checkout,
        "from pathlib import Path; from kanrepro.settings import resolve; from kanrepro.core.errors import UserError\n"
        "presets = Path('workflow/presets')\n"
        "made = resolve({'preset': 'demo', 'coins': {'throws': 3}, 'data': {'coin_catalog': ['my.yaml']}}, presets)\n"
        "print(made.coins.throws, made.data.coin_catalog)\n"
        "try: resolve({'coins': {'throw': 3}}, presets)\n"
        "except UserError as error: print(error)",
    )
    assert "3 ('my.yaml',)" in said and "Did you mean 'coins.throws'?" in said


def test_the_plan_knows_what_its_jobs_take(checkout: Path) -> None:
    said = run(
        checkout,
        "from pathlib import Path; from kanrepro.core.costs import Job; from kanrepro.plan.costs import Costs\n"
        "for name in ('MUTAG', 'NCI1'):\n"
        "    cost = Costs(Path(), []).of(Job('toss', wildcards={'dataset': name})); print(cost.seconds, cost.source)",
    )
    assert said.splitlines() == ["20.0 1 records of demo", "60.0 1 records of demo, scaled by throws, other data sets"]


def test_its_numbers_are_explained(checkout: Path) -> None:
    said = run(
        checkout,
        "from kanrepro import explain\n"
        "explain.main(['table-of-coins', 'MUTAG', '--thrower', 'me', '--results', 'results/demo', '--full'])",
    )
    assert said.startswith("table-of-coins, MUTAG, thrown by me\n") and "python -m coins --seed 4" in said


def test_the_page_has_its_chapter(checkout: Path) -> None:
    run(
        checkout,
        "from kanrepro.page import page\n"
        "page.main(['--preset', 'demo', '--records-from', 'results/demo/records', '--output', 'report.html'])",
    )
    text = (checkout / "report.html").read_text()
    assert '<h2 id="coins">Coins</h2>' in text and "Table of coins: heads" in text and "and coins, reproduced" in text


def test_a_bundle_holds_and_makes_again_what_it_made(checkout: Path) -> None:
    said = run(
        checkout,
        "from pathlib import Path; from kanrepro.bundle.__main__ import main\n"
        "main(['make', '--results', 'results/demo', '--output', 'demo.zip', '--date', '2026-01-31'])\n"
        "main(['check', 'demo.zip'])",
    )
    assert "1 of coins are valid" in said and "table-of-coins: all four forms made again from the records" in said
    with zipfile.ZipFile(checkout / "demo.zip") as archive:
        told = archive.read("ro-crate-metadata.json").decode()
    assert "#stage-coins-0123456789abcdef" in told and '"MUTAG, seed 4"' in told


def test_its_stages_are_commands(checkout: Path) -> None:
    assert "('coins toss', 'coins', ['--help'])" in run(
        checkout, "from kanrepro.__main__ import find; print(find(['coins', 'toss', '--help']))"
    )
