"""Bringing files of SMILES here: from a mirror, a path, by hand; and what is said where none serves."""

from pathlib import Path
from typing import Any

import pytest

from kanrepro.core.catalog import Mirror
from kanrepro.core.download import Patience
from kanrepro.core.errors import UserError
from kanrepro.core.files import sha256
from kanrepro.molecules import catalog as molecule_catalog
from kanrepro.molecules.catalog import MoleculeEntry
from kanrepro.molecules.fetch import fetch, main

QUICK = Patience(timeout=1, attempts=1, wait=0.01)


def entry(*files: dict[str, Any]) -> MoleculeEntry:
    return MoleculeEntry.model_validate({"name": "DYES", "files": list(files)})


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    (tmp_path / "mirror" / "molecules").mkdir(parents=True)
    (tmp_path / "mirror" / "dyes.csv").write_text("smiles\nC\n")
    return tmp_path / "mirror"


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "downloads" / "DYES.1"


def test_the_mirror_s_copy_comes_first_and_is_checked(mirror: Path, output: Path) -> None:
    digest = sha256(mirror / "dyes.csv")
    fetch(
        entry({"address": "http://localhost:9/x.csv", "mirror": {"path": "dyes.csv", "sha256": digest}}),
        1,
        output,
        mirror,
    )
    assert output.read_text() == "smiles\nC\n"
    wrong = entry({"address": "http://localhost:9/x.csv", "mirror": {"path": "dyes.csv", "sha256": "0" * 64}})
    output.unlink()
    with pytest.raises(UserError, match="has checksum .* but the catalogue states 000"):
        fetch(wrong, 1, output, mirror)
    assert not output.exists()


def test_one_that_is_right_already_is_left_alone(mirror: Path, output: Path) -> None:
    file = {"address": "nowhere.csv", "mirror": {"path": "dyes.csv", "sha256": sha256(mirror / "dyes.csv")}}
    fetch(entry(file), 1, output, mirror)
    fetch(entry(file), 1, output)


def test_a_copy_put_there_by_hand_may_have_any_checksum(mirror: Path, output: Path) -> None:
    (mirror / "molecules" / "dyes.csv").write_text("smiles\nCC\n")
    fetch(entry({"address": "http://localhost:9/a/dyes.csv", "sha256": "0" * 64}), 1, output, mirror, QUICK)
    assert output.read_text() == "smiles\nCC\n"


def test_each_file_of_a_set_has_its_number(tmp_path: Path, output: Path) -> None:
    for name in ("a.smi", "b.smi"):
        (tmp_path / name).write_text(name)
    own = tmp_path / "own.yaml"
    own.write_text("DYES: {files: [{address: a.smi, format: smi}, {address: b.smi, format: smi}]}")
    main(["--dataset", "DYES", "--catalog", str(own), "--file", "2", "--output", str(output)])
    assert output.read_text() == "b.smi"
    with pytest.raises(UserError, match="--file is 3, but DYES has the files 1 to 2"):
        fetch(molecule_catalog.entry("DYES", [own]), 3, output)


def test_what_cannot_be_had_is_said(tmp_path: Path, output: Path) -> None:
    with pytest.raises(UserError, match="nci needs no download: it comes with RDKit"):
        fetch(molecule_catalog.entry("nci"), 1, output)
    with pytest.raises(UserError, match="does not exist. Correct `address` in the catalogue"):
        fetch(entry({"address": str(tmp_path / "x.csv")}), 1, output)
    only = {"mirror": Mirror(path="dyes.csv", sha256="0" * 64).model_dump()}
    with pytest.raises(UserError, match="file 1 is only in a mirror folder, as dyes.csv"):
        fetch(entry(only), 1, output)
    with pytest.raises(UserError, match="the mirror folder .* does not exist"):
        fetch(entry(only), 1, output, tmp_path / "none")
    with pytest.raises(UserError, match="could not fetch http://localhost:9/x.csv in 1 attempts"):
        fetch(entry({"address": "http://localhost:9/x.csv"}), 1, output, patience=QUICK)
