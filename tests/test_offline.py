"""The file for machines without a network: packed, unpacked and set up, with nothing but itself."""

import hashlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from kanrepro.bundle import offline
from kanrepro.core.errors import UserError
from kanrepro.plan.jobs import jobs

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("setuptools", "iniconfig")  # pure, small, and here: what builds the project, and one more
CATALOG = "RINGS:\n  address: RINGS.zip\n  expected: {graphs: 2, classes: 2, node_labels: 0}\n"
CONFIG = "preset: demo\ndata: {catalog: [sets.yaml]}\ntu: {datasets: [RINGS, NCI-TPSA]}\nsuperpixels: {dataset: null}\n"


def wheel(package: str, folder: Path) -> None:
    """An installed pure package as the wheel that it came from."""
    found = importlib.metadata.distribution(package)
    name = f"{found.metadata['Name'].replace('-', '_')}-{found.version}"
    with zipfile.ZipFile(folder / f"{name}-py3-none-any.whl", "w") as archive:
        for path in found.files or []:
            inside = not str(path).startswith("..") and path.suffix != ".pyc"
            if inside and path.name not in ("INSTALLER", "REQUESTED", "direct_url.json"):
                archive.write(str(found.locate_file(path)), str(path))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a checkout in git, which has a small set of its own, and with an index of wheels."""
    place = tmp_path_factory.mktemp("offline")
    root = place / "checkout"
    shutil.copytree(ROOT / "workflow", root / "workflow", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "profiles", root / "profiles", ignore=shutil.ignore_patterns("build", "*.egg-info"))
    for name in ("Snakefile", "Makefile", "pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, root / name)
    (root / "config.yaml").write_text(CONFIG)
    (root / "sets.yaml").write_text(CATALOG)
    with zipfile.ZipFile(root / "RINGS.zip", "w") as archive:
        for part, lines in {"A": "1, 2\n2, 1\n", "graph_indicator": "1\n1\n2\n", "graph_labels": "0\n1\n"}.items():
            archive.writestr(f"RINGS_{part}.txt", lines)
    (root / "envs").mkdir()
    pins = [f"{package}=={importlib.metadata.version(package)}\n" for package in PACKAGES]
    (root / "envs/tiny.txt").write_text("".join(pins))
    for words in (["init", "--quiet"], ["add", "--all"]):
        subprocess.run(["git", *words], cwd=root, check=True)
    (place / "index").mkdir()
    for package in PACKAGES:
        wheel(package, place / "index")
    return place


@pytest.fixture(scope="module")
def packed(place: Path) -> Path:
    """The file, packed by the command that `make offline-pack` runs."""
    output = place / "kanrepro-offline.tar"
    environment = {
        **os.environ,
        "PYTHONPATH": str(place / "checkout/workflow"),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(place / "index"),
    }
    words = [
        sys.executable,
        "-m",
        "kanrepro.bundle.offline",
        "--output",
        str(output),
        "--requirements",
        "envs/tiny.txt",
    ]
    done = subprocess.run(words, cwd=place / "checkout", env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return output


def test_it_holds_the_checkout_its_downloads_its_packages_and_their_checksums(place: Path, packed: Path) -> None:
    with tarfile.open(packed) as archive:
        content = {m.name: archive.extractfile(m).read() for m in archive if m.isfile()}  # type: ignore[union-attr]
        assert len(content) == len(archive.getnames())  # nothing but plain files
        assert {(m.uid, m.uname) for m in archive} == {(0, "")}
    root = place / "checkout"
    tracked = {f"kanrepro/{name}" for name in offline.tracked(root)}
    wheels = {f"kanrepro/wheels/{path.name}" for path in (place / "index").iterdir()}
    downloads = {"kanrepro/resources/downloads/tu/RINGS.zip"}  # the other set comes with RDKit
    made = {"kanrepro/wheels/python.txt", "kanrepro/manifest-sha256.txt"}
    assert set(content) == tracked | wheels | downloads | made
    assert content["kanrepro/resources/downloads/tu/RINGS.zip"] == (root / "RINGS.zip").read_bytes()
    lines = content.pop("kanrepro/manifest-sha256.txt").decode().splitlines()
    assert {f"kanrepro/{name}": digest for digest, name in (line.split("  ") for line in lines)} == {
        name: hashlib.sha256(data).hexdigest() for name, data in content.items()
    }
    assert not list(place.glob(".*"))  # no folder of wheels stays behind


@pytest.fixture(scope="module")
def unpacked(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file, unpacked where nothing else is."""
    folder = tmp_path_factory.mktemp("elsewhere")
    subprocess.run(["tar", "xf", str(packed), "-C", str(folder)], check=True)
    return folder / "kanrepro"


def setup(folder: Path) -> subprocess.CompletedProcess[str]:
    """`make offline-setup`, with an index that nobody answers for."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHONPATH"))}
    environment |= {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": "http://127.0.0.1:9/simple"}
    words = ["make", "offline-setup", "OFFLINE=envs/tiny.txt", f"PYTHON={sys.executable}"]
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)


def test_a_damaged_file_is_named_and_nothing_is_installed(unpacked: Path, tmp_path: Path) -> None:
    shutil.copytree(unpacked, tmp_path / "kanrepro")
    (tmp_path / "kanrepro/config.yaml").write_text("preset: paper\n")
    done = setup(tmp_path / "kanrepro")
    assert done.returncode and "config.yaml: FAILED" in done.stdout
    assert not (tmp_path / "kanrepro/.venv/.ready").exists()


def test_it_is_set_up_without_an_index_and_has_nothing_to_download(unpacked: Path) -> None:
    done = setup(unpacked)
    assert done.returncode == 0, done.stdout + done.stderr
    python = unpacked / ".venv/bin/python"
    listed = subprocess.run([python, "-m", "pip", "list", "--format=freeze"], capture_output=True, text=True).stdout
    there = {line.partition("==")[0] for line in listed.splitlines()}
    assert there == {"pip", *PACKAGES, "kanrepro", "snakemake-executor-plugin-slurm-arrays"}
    assert not (unpacked / "profiles/slurm/arrays/build").exists()
    assert (unpacked / ".venv/.ready").exists()  # other targets of make then install nothing
    plan = subprocess.run(
        [sys.executable, "-m", "snakemake", "downloads", "--dry-run", "-p", "--cores", "1"],
        cwd=unpacked, capture_output=True, text=True,
    )  # fmt: skip
    assert plan.returncode == 0 and "rule fetch_tu:" not in plan.stdout + plan.stderr


def test_whatever_a_target_fetches_is_among_the_downloads() -> None:
    targets = [name for name in re.findall(r"^rule (\w+):", (ROOT / "Snakefile").read_text(), re.MULTILINE)]
    assert {"all", "table2", "images"} <= set(targets)
    found = jobs([*targets, "downloads"], ["--forceall", "--config", "preset=paper"], 1, ROOT)
    fetched = {path for job in found if job.rule.startswith("fetch_") for path in job.outputs}
    (target,) = (job for job in found if job.rule == "downloads")
    assert len(fetched) > 20 and set(target.inputs) == fetched


def test_only_a_git_checkout_is_packed(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a git checkout"):
        offline.tracked(tmp_path)


def test_a_package_that_cannot_be_had_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    (tmp_path / "pins.txt").write_text("no-such-package==1.0\n")
    (tmp_path / "wheels").mkdir()
    with pytest.raises(UserError, match=r"pip download: .*no-such-package==1\.0"):
        offline.wheels(tmp_path / "wheels", [tmp_path / "pins.txt"], "3.12")
