"""The catalogue of molecule sets: what it states, and what it says about a user's own file."""

import csv
import json
from pathlib import Path

import pytest

from kanrepro.core.errors import UserError
from kanrepro.molecules import catalog as molecule_catalog

PUBLISHED = Path(__file__).resolve().parents[2] / "workflow/published/table4.csv"
TASKS = {"bbbp": 1, "tox21": 12, "clintox": 2, "muv": 17, "hiv": 1, "bace": 1}


def test_it_holds_the_sets_of_the_experiments_and_the_demo() -> None:
    entries = molecule_catalog.load()
    labelled = {e.name for e in entries.values() if e.tasks and not e.demo}
    assert labelled == {"bbbp", "tox21", "toxcast", "sider", "clintox", "muv", "hiv", "bace"}
    assert {e.name for e in entries.values() if not e.tasks and not e.demo} == {"zinc-2m", "zinc-parts"}
    assert {e.name for e in entries.values() if e.demo} == {"nci", "chembl-activity"}
    assert {name: len(entries[name].tasks) for name in TASKS} == TASKS
    assert [e.name for e in entries.values() if e.tasks == "others"] == ["toxcast", "sider"]


def test_what_hu_et_al_make_canonical_is_so_here_and_all_fragments_stay() -> None:
    entries = molecule_catalog.load().values()
    assert {e.name for e in entries if e.canonical} == {"bbbp", "toxcast", "clintox"}
    assert {e.fragments for e in entries} == {"all"}
    assert {e.name for e in entries if e.duplicates == "drop"} == {"zinc-parts"}


def test_molecules_are_those_of_table_4() -> None:
    printed = {row["dataset"]: int(row["graphs"]) for row in csv.DictReader(PUBLISHED.read_text().splitlines())}
    checked = [e for e in molecule_catalog.load().values() if e.printed in printed]
    assert len(checked) == 8
    for entry in checked:
        assert entry.expected.molecules == printed[entry.printed]


def test_mirror_checksums_and_counts_are_those_of_the_manifest(mirror: Path) -> None:
    listed = {row["path"]: row for row in json.loads((mirror / "MANIFEST.json").read_text())}
    for entry in molecule_catalog.load().values():
        for file in entry.files:
            if file.mirror:
                assert file.mirror.sha256 == listed[file.mirror.path]["sha256"]
        if entry.tasks and entry.files:
            assert entry.files[0].mirror
            counts = listed[entry.files[0].mirror.path]["counts"]
            expected = entry.expected
            assert (expected.rows, expected.positives, expected.negatives) == (
                counts["rows"], counts["label_positives"], counts["label_negatives"],
            )  # fmt: skip


def test_an_own_file_adds_a_set_beside_itself(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        "DYES: {address: dyes.csv, smiles: SMILES, tasks: [blue]}\nINKS: {files: [{address: a.smi, format: smi}]}"
    )
    dyes, inks = (molecule_catalog.entry(name, [own]) for name in ("DYES", "INKS"))
    assert (dyes.files[0].address, dyes.files[0].smiles) == (str(tmp_path / "dyes.csv"), "SMILES")
    assert (dyes.printed, dyes.fragments, dyes.duplicates, dyes.demo) == ("DYES", "all", "keep", False)
    assert (inks.files[0].address, inks.tasks) == (str(tmp_path / "a.smi"), [])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("DYES: {address: x, task_s: [a]}", "DYES: unknown key 'task_s'. Did you mean 'tasks'?"),
        ("DYES: {address: x, smile: a}", "unknown key 'smile'. Did you mean 'smiles'?"),
        ("DYES: {files: [{address: x, smile: a}]}", "unknown key 'smile'. Did you mean 'smiles'?"),
        ("DYES: {address: x, expected: {row: 1}}", "unknown key 'row'. Did you mean 'rows'?"),
        ("DYES: {tasks: [a]}", "DYES: needs an `address`"),
        ("DYES: {files: [{smiles: a}]}", "DYES: files.0: needs an `address`"),
        ("DYES: {address: x, rdkit: nci}", "DYES: needs an `address` (or a path) of its file, or"),
        ("DYES: {address: x, files: [{address: y}]}", "says `files` and `address`"),
        ("DYES: {address: ftp://x/y.csv}", "must be an http, https or file URL, or a path"),
        ("DYES: {address: x, format: sdf}", "DYES: files.0.format: "),
        ("DYES: {address: x, fragments: some}", "DYES: fragments: "),
        ("DYES: {address: x, format: smi, tasks: [a]}", "a file in format smi has no columns"),
        ("DYES: {tasks: others, files: [{address: x}, {address: y}]}", "name the columns of `tasks`"),
        ("DYES: {address: x, tasks: [a, a]}", "names a column of `tasks` twice"),
        ("DYES: {address: x, mirror: {path: /etc/x, sha256: " + "0" * 64 + "}}", "must lie below the mirror folder"),
        ("DYES: {address: x, 3: y}", "DYES: 3: Keys should be strings"),
        (
            "DYES: {address: x, expected: {rows: {a: b}}}",
            "rows: a whole number is expected (found {'a'",
        ),
        ("DYES: {address: x, name: y}", "`name` is the key of the entry"),
        ("DYES: 3", "expected fields such as `address` and `tasks`, found 3"),
        ("- DYES", "must map names of molecule sets to their entries"),
        ("DYES: {", "is not valid YAML"),
        ("bbbp: {address: x}", "the name 'bbbp' is taken"),
    ],
)
def test_what_is_wrong_with_an_own_file_is_named(tmp_path: Path, text: str, says: str) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(text)
    with pytest.raises(UserError) as caught:
        molecule_catalog.load([own])
    assert says in str(caught.value) and str(own) in str(caught.value)


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(UserError, match=r"unknown molecule set 'BBPB'. Did you mean 'bbbp'\?"):
        molecule_catalog.entry("BBPB")
    with pytest.raises(UserError, match="nowhere.yaml cannot be read"):
        molecule_catalog.entry("bbbp", ["nowhere.yaml"])
