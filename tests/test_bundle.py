"""Bundles: complete, the same bytes for the same content, and no change to one that a check does not name."""

import hashlib
import io
import json
import shutil
import stat
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import transfer_records

from kanrepro.bundle import check as bundle_check
from kanrepro.bundle import make as bundle_make
from kanrepro.bundle.__main__ import main as bundle_main
from kanrepro.bundle.kinds import KINDS, STAGES, TABLES, kind_of
from kanrepro.bundle.make import MANIFEST, METADATA
from kanrepro.core.errors import UserError
from kanrepro.core.family import Results, load
from kanrepro.core.files import read_json, write_json
from kanrepro.families import FAMILIES
from kanrepro.images.metrics import METRICS
from kanrepro.images.report import table as image_table
from kanrepro.report.make_table import write_table

ROOT = Path(__file__).resolve().parents[1]
DATE = "2026-01-31"
Members = dict[str, bytes]
RECORD = "results/small/records/tu/MUTAG/khan_gcl-literal-0.json"
DIGITS = "results/small/records/superpixels/mnist/khan_gcl-literal-0.json"


def image_record(model: str, seed: int) -> dict[str, Any]:
    """A small valid record of an image classifier."""
    scores = {name: {"value": 0.5 + seed / 10, "low": 0.4, "high": 0.8} for name in METRICS}
    harmed = [
        {"strength": s, "accuracy": 0.5, "auc": 0.5, "f1": 0.5, "ece": 0.1, "converged": None} for s in range(1, 6)
    ]
    shares = dict.fromkeys(("precision", "recall", "specificity", "f1", "auc"), 0.5)
    return {
        "schema": 1, "experiment": "images", "dataset": "brain-mri", "split": "grouped", "model": model, "seed": seed,
        "preset": "small", "size": 48, "classes": ["a", "b"], "demo": False, "metrics": scores,
        "per_class": {name: {**shares, "support": 2} for name in "ab"}, "confusion": [[1, 1], [1, 1]],
        "without_leaks": None, "robustness": {"noise": harmed}, "equilibrium": None,
        "model_size": {"parameters": 10, "flops": 20},
        "test": {
            "units": 4, "index": [0, 1, 2, 3], "y": [0, 0, 1, 1], "p": [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.1, 0.9]]
        },
        "history": {"epochs": 5, "best_epoch": 3, "validation_loss": 0.5},
        "settings": {"classify": {"model": {}, "training": {}}, "evaluation": {}},
        "data": {"path": "resources/images/brain-mri-48.safetensors", "sha256": "d" * 64, "images": 9},
        "checkpoint": {"path": "model.safetensors", "sha256": "1" * 64},
        "split_file": {"path": "s.json", "sha256": "2" * 64},
        "code": {"classify": "a" * 16, "assess": "b" * 16}, "versions": {"torch": "2.13.0"},
        "cost": {"hardware": "h", "device": "cpu", "train_seconds": 1, "assess_seconds": 1, "peak_memory_mb": 1},
        "commands": ["python -m kanrepro.images.classify", "python -m kanrepro.images.assess"],
    }  # fmt: skip


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with some of the committed records, some of each other kind, and their tables."""
    root = tmp_path_factory.mktemp("checkout")
    for name in bundle_make.SOURCE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, root / name)
    results = root / "results" / "small"
    for path in [
        *ROOT.glob("results/small/records/tu/MUTAG/*-literal-[01].json"),
        *ROOT.glob("results/small/records/data/M*"),
    ]:
        target = root / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(read_json(path), indent=1))  # without its digest, which a forger would renew
    for model in ("cnn", "deq_kan"):
        for seed in (0, 1):
            write_json(results / f"records/images/brain-mri/grouped/{model}-{seed}.json", image_record(model, seed))
    transfer_records.write(results / "records", "bace", "khan_gcl", "repaired", [(70, 71), (72, 73)])
    transfer_records.write(results / "records", "bace", "fingerprint", "none", [(80, 80)])
    transfer_records.write_measure(results / "records", {"graphcl/literal": 1.0, "khan_gcl/repaired": 2.0})
    digits = read_json(ROOT / RECORD) | {"experiment": "superpixels", "dataset": "mnist"}
    digits["details"] = {"pretrained_on": 60_000}
    digits["settings"] = {"pretrain": {}, "finetune": {"epochs": 1000}}
    write_json(root / DIGITS, digits)
    for kind, like in (("tu", root / RECORD), ("transfer", results / "records/transfer/bace/khan_gcl-repaired-0.json")):
        moved = read_json(like) | {"experiment": "sensitivity"}
        write_json(results / f"records/sensitivity/{kind}/bace/khan_gcl/repaired/epsilon_delta-0.3/0.json", moved)
    settings = bundle_make.Checkout.of(results).settings()
    own: dict[str, tuple[Path, ...]] = {key: () for family in FAMILIES for key in family.catalogues}
    given = Results("small", results / "records", root / "workflow/published", settings, own)
    for name, table in TABLES.items():
        document, rows = load(table.module).again(name, given, results / "tables")
        write_table(document, rows, results / "tables" / name)
    (results / "runs").mkdir()
    (results / "runs" / "weights.bin").write_bytes(b"heavy")
    (results / "report.html").write_text("<p>page</p>")
    return root


@pytest.fixture(scope="module")
def made(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "small.crate.zip"
    bundle_make.make(checkout / "results/small", path, DATE)
    return path


def members(path: Path) -> Members:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(path: Path, content: Members) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def forged(content: Members, **changes: bytes | None) -> Members:
    """The members with changes, and metadata and a manifest that agree with them: a fault that only reading reveals."""
    new = {name: data for name, data in {**content, **changes}.items() if data is not None}
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in new.items()}
    if METADATA not in changes:
        document = json.loads(new[METADATA])
        for entity in document["@graph"]:
            if entity["@id"] in digests and "sha256" in entity:
                entity["sha256"] = digests[entity["@id"]]
        new[METADATA] = json.dumps(document).encode()
        digests[METADATA] = hashlib.sha256(new[METADATA]).hexdigest()
    del digests[MANIFEST]
    new[MANIFEST] = "".join(f"{digest}  {name}\n" for name, digest in digests.items()).encode()
    return new


def test_a_bundle_holds_results_source_settings_and_environment(made: Path, checkout: Path) -> None:
    content = members(made)
    assert {"Snakefile", "workflow/kanrepro/settings.py", "envs/pins.txt", "LICENSE", "CITATION.cff", RECORD} <= set(
        content
    )
    assert {"results/small/report.html", "results/small/tables/table2.tex", MANIFEST, METADATA} <= set(content)
    assert not any("runs/" in name or "__pycache__" in name for name in content)
    assert json.loads(content["settings.json"])["preset"] == "small"
    environment = json.loads(content["environment.json"])
    assert environment["commit"] is None and set(environment["code"]) == set(STAGES)
    assert environment["versions_of_records"]["torch"] == ["2.13.0", "2.13.0+cpu"]
    assert all(content[name] == (checkout / name).read_bytes() for name in content if (checkout / name).is_file())


def test_the_check_says_what_it_checked(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle_main(["check", str(made)])
    said = capsys.readouterr().out
    assert "every SHA-256 is right" in said and said.endswith("in order\n")
    assert "3 of molecules, 1 of clocked steps, 1 of digits, 4 of images, " in said
    assert "1 of graphs for Figure 5, 1 of molecules for Figure 5 are valid" in said
    for name in TABLES:
        assert f"{name}: all four forms made again from the records, the same bytes" in said


def test_the_manifest_is_one_that_sha256sum_reads(made: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(made) as archive:
        archive.extractall(tmp_path)
    assert subprocess.run(["sha256sum", "--check", "--quiet", MANIFEST], cwd=tmp_path).returncode == 0


def test_equal_content_makes_equal_bytes(made: Path, checkout: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(checkout, tmp_path / "elsewhere")
    for path in copy.rglob("*"):
        path.touch()
    bundle_make.make(copy / "results/small", tmp_path / "again.zip", DATE)
    assert (tmp_path / "again.zip").read_bytes() == made.read_bytes()
    assert str(checkout) not in members(made)[METADATA].decode()


def test_the_metadata_links_tables_to_records_and_records_to_data_and_code(made: Path) -> None:
    graph = {entity["@id"]: entity for entity in json.loads(members(made)[METADATA])["@graph"]}
    root = graph["./"]
    assert root["datePublished"] == DATE and root["mainEntity"] == {"@id": "Snakefile"}
    assert graph[root["author"][0]["@id"]]["name"] == "The kanrepro developers" and "MIT" in root["license"]["@id"]
    record = json.loads(members(made)[RECORD])
    action = graph[f"#made-{RECORD}"]
    assert [graph[one["@id"]]["sha256"] for one in action["object"]] == [record["data"]["sha256"]]
    assert {graph[one["@id"]]["version"] for one in action["instrument"]} == {
        f"code digest {record['code'][stage]}" for stage in ("pretrain", "probe")
    }
    assert all(command in action["description"] for command in record["commands"])
    assert {"@id": RECORD} in graph["#made-table2"]["object"] and {"@id": RECORD} not in graph["#made-images"]["object"]
    assert all(reference["@id"] in graph for reference in root["mentions"])


def actions(path: Path) -> tuple[dict[str, dict[str, Any]], Callable[[str, str], list[str]]]:
    """The entities of a bundle's metadata, and what an action names under a key."""
    graph = {entity["@id"]: entity for entity in json.loads(members(path)[METADATA])["@graph"]}

    def named(action: str, key: str) -> list[str]:
        found = graph[f"#made-{action}"][key]
        return [one["@id"] for one in (found if isinstance(found, list) else [found])]

    return graph, named


def test_every_record_of_every_kind_was_made_by_its_stages_from_its_sets(made: Path) -> None:
    graph, named = actions(made)
    records = [name for name in members(made) if kind_of(name)]
    assert {kind_of(name) for name in records} == set(KINDS)
    for name in records:
        assert {graph[i]["version"].removeprefix("code digest ") for i in named(name, "instrument")}
        assert all(graph[one["isPartOf"]["@id"]]["@type"] for one in (graph[i] for i in named(name, "instrument")))

    def stages(name: str) -> list[str]:
        return sorted(graph[one]["name"] for one in named(name, "instrument"))

    transfer = "results/small/records/transfer/bace/"
    assert stages(DIGITS) == ["kanrepro.pretraining.pretrain", "kanrepro.superpixels.finetune"]
    assert stages(f"{transfer}khan_gcl-repaired-1.json") == [
        "kanrepro.molecules.finetune",
        "kanrepro.pretraining.pretrain",
    ]
    moved = "results/small/records/sensitivity/{}/bace/khan_gcl/repaired/epsilon_delta-0.3/0.json"
    assert stages(moved.format("transfer")) == ["kanrepro.molecules.finetune", "kanrepro.pretraining.pretrain"]
    assert stages(moved.format("tu")) == ["kanrepro.pretraining.pretrain", "kanrepro.tu.probe"]
    assert stages(f"{transfer}fingerprint-none-0.json") == ["kanrepro.molecules.fingerprint"]
    assert stages("results/small/records/measure/64.json") == ["kanrepro.molecules.measure"]
    used = named(f"{transfer}khan_gcl-repaired-1.json", "object")
    assert used == ["#data-" + "d" * 64, "#data-zinc-parts-100000"] and graph[used[1]]["license"]
    assert named(f"{transfer}fingerprint-none-0.json", "object") == used[:1]


def test_every_table_was_made_by_its_module_from_its_records_alone(made: Path) -> None:
    graph, named = actions(made)
    kinds = {"table1": "transfer", "table2": "tu", "table3": "tu", "table6": "measure", "table7": "superpixels"}
    kinds |= dict.fromkeys(image_table.TABLES, "images")
    for name, kind in kinds.items():
        used = named(name, "object")
        assert {kind_of(one) for one in used} - {None} == {kind}
        assert graph[f"#made-{name}"]["instrument"]["@id"] == f"#stage-{TABLES[name].module}"
    assert {kind_of(one) for one in named("table4", "object")} == {None}


def test_git_gives_commit_and_date(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="--date"):
        bundle_make.make(checkout / "results/small", tmp_path / "b.zip")
    copy = shutil.copytree(checkout, tmp_path / "copy", ignore=shutil.ignore_patterns("runs"))
    for name, value in {"NAME": "n", "EMAIL": "e@x.org", "DATE": "2025-05-05T12:00:00Z"}.items():
        monkeypatch.setenv(f"GIT_AUTHOR_{name}", value)
        monkeypatch.setenv(f"GIT_COMMITTER_{name}", value)
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
        subprocess.run(["git", *words], cwd=copy, check=True)
    bundle_make.make(copy / "results/small", tmp_path / "b.zip")
    environment = json.loads(members(tmp_path / "b.zip")["environment.json"])
    assert len(environment["commit"]) == 40 and not environment["changed_since"]
    assert '"datePublished": "2025-05-05"' in members(tmp_path / "b.zip")[METADATA].decode()
    (copy / "Snakefile").write_text("# changed\n")
    bundle_make.make(copy / "results/small", tmp_path / "b.zip")
    assert json.loads(members(tmp_path / "b.zip")["environment.json"])["changed_since"]


@pytest.mark.parametrize(("folder", "said"), [("results", "holds no records"), ("results/none", "holds no records")])
def test_what_is_no_result_folder_is_refused(checkout: Path, tmp_path: Path, folder: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        bundle_make.make(checkout / folder, tmp_path / "b.zip", DATE)
    assert not (tmp_path / "b.zip").exists()


# what a check must not let pass


def without(name: str) -> Callable[[Members], Members]:
    return lambda content: {key: data for key, data in content.items() if key != name}


def edited(name: str, old: bytes, new: bytes, seal: bool = True) -> Callable[[Members], Members]:
    """One member with a text replaced; `seal`: manifest and metadata are made to agree."""

    def edit(content: Members) -> Members:
        assert old in content[name]
        change = {name: content[name].replace(old, new, 1)}
        return forged(content, **change) if seal else {**content, **change}

    return edit


def relinked(content: Members) -> Members:
    """A table that says it was made from a record that is not there."""
    document = json.loads(content[METADATA])
    action = next(entity for entity in document["@graph"] if entity["@id"] == "#made-table2")
    action["object"].append({"@id": "results/small/records/tu/MUTAG/khan_gcl-literal-9.json"})
    return forged(content, **{METADATA: json.dumps(document).encode()})


BROKEN: dict[str, tuple[Callable[[Members], Members], str]] = {
    "a record is changed": (edited(RECORD, b'"seed": 0', b'"seed": 1', seal=False), "changed since the manifest"),
    "a record is missing": (without(RECORD), "missing, though listed"),
    "a file more": (lambda content: {**content, "extra.txt": b"x"}, "not listed in the manifest: extra.txt"),
    "no manifest": (without(MANIFEST), f"has no {MANIFEST}"),
    "a manifest of something else": (lambda content: {**content, MANIFEST: b"hello\n"}, "no digest of one member"),
    "a manifest of bytes": (lambda content: {**content, MANIFEST: b"\xff\xfe"}, "is not text"),
    "no metadata": (lambda content: forged(content, **{METADATA: None}), f"has no {METADATA}"),
    "metadata is no JSON": (lambda content: forged(content, **{METADATA: b"{"}), "is not valid JSON"),
    "metadata is another document": (lambda content: forged(content, **{METADATA: b"[]"}), "is not an RO-Crate"),
    "a file beside the metadata": (lambda content: forged(content, **{"extra.txt": b"x"}), "not described in"),
    "a table links what is missing": (relinked, "described in ro-crate-metadata.json, but missing"),
    "metadata with another digest": (
        lambda content: forged(content, **{METADATA: content[METADATA], "Snakefile": b"# another"}), "another SHA-256"
    ),
    "settings at fault": (edited("settings.json", b'"threads": 1', b'"threads": 0'), "threads = 0"),
    "settings of another preset": (edited("settings.json", b'"preset": "small"', b'"preset": "paper"'), "paper"),
    "a record of no schema": (edited(RECORD, b'"schema": 1', b'"schema": 7'), "is not a record: schema"),
    "a record cut short": (lambda content: forged(content, **{RECORD: content[RECORD][:99]}), "is not valid JSON"),
    "a record nested too deeply": (lambda content: forged(content, **{RECORD: b"[" * 10**6}), "khan_gcl-literal-0"),
    "a record of another preset": (edited(RECORD, b'"preset": "small"', b'"preset": "paper"'), "of the preset 'paper'"),
    "another number in a table": (edited("results/small/tables/table2.csv", b"khan_gcl", b"khan_xxx"), "table2.csv"),
    "another accuracy": (edited(RECORD, b'"value": 0.', b'"value": 0.1'), "cannot be made from the bundled records"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_bundle_is_refused_with_what_is_wrong(name: str, made: Path, tmp_path: Path) -> None:
    change, said = BROKEN[name]
    broken = packed(tmp_path / "b.zip", change(members(made)))
    with pytest.raises(UserError) as error:
        bundle_check.check(broken)
    assert said in str(error.value) and "kanrepro-bundle-" not in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "name", ["../x", "/x", "a/../../x", "a\\b", "C:x", ".hidden", "a//b", "a/", "é", "a b", "x" * 600, "-rf"]
)
def test_unsafe_names_are_refused_before_anything_is_written(name: str, tmp_path: Path) -> None:
    broken = tmp_path / "b.zip"
    with zipfile.ZipFile(broken, "w") as archive:
        member = zipfile.ZipInfo("placeholder")
        member.filename = name
        archive.writestr(member, b"x")
    with pytest.raises(UserError, match="a name that no bundle has|is a file|not a whole zip"):
        bundle_check.check(broken)
    assert list(tmp_path.iterdir()) == [broken]


def test_links_doubles_files_as_folders_and_bombs_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "b.zip"
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    for names, said in ((["a", "A"], "there twice"), (["a", "a/b"], "below another"), ([link], "is a link")):
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, b"x")
        with pytest.raises(UserError, match=said):
            bundle_check.check(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(3 << 20))
    with pytest.raises(UserError, match="3 MiB unpacked, more than 2"):
        bundle_check.check(path, max_mb=2)


def test_a_member_larger_than_it_says_is_not_read_on(tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(1 << 20))
    lied = data.getvalue().replace((1 << 20).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    (tmp_path / "b.zip").write_bytes(lied)
    with pytest.raises(UserError, match="not a whole zip file"):
        bundle_check.check(tmp_path / "b.zip")


def test_every_cut_and_flipped_byte_of_the_frame_is_noticed(made: Path, tmp_path: Path) -> None:
    data = made.read_bytes()
    path = tmp_path / "b.zip"
    for cut in (0, 10, len(data) // 2, len(data) - 10):
        path.write_bytes(data[:cut])
        with pytest.raises(UserError, match="zip file"):
            bundle_check.check(path)
    for place in range(40, len(data), len(data) // 12):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :])
        with pytest.raises(UserError):
            bundle_check.check(path)
    with pytest.raises(UserError, match="cannot be read"):
        bundle_check.check(tmp_path / "none.zip")


def test_tables_of_another_code_are_not_compared_and_the_check_says_so(made: Path, tmp_path: Path) -> None:
    content = members(made)
    name = "workflow/kanrepro/report/statistics.py"
    other = packed(tmp_path / "b.zip", forged(content, **{name: content[name] + b"\nMORE = 1\n"}))
    assert any("table2 NOT compared" in line for line in bundle_check.check(other))
    comment = packed(tmp_path / "c.zip", forged(content, **{name: content[name] + b"\n# a comment\n"}))
    assert not any("NOT compared" in line for line in bundle_check.check(comment))


def test_own_catalogues_of_the_settings_never_lead_outside(made: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.yaml"
    secret.write_text("password: hunter2\n")
    content = members(made)
    settings = json.loads(content["settings.json"])
    settings["data"]["catalog"] = [str(secret), "../../secret.yaml"]
    broken = packed(tmp_path / "b.zip", forged(content, **{"settings.json": json.dumps(settings).encode()}))
    assert any("table2: all four forms" in line for line in bundle_check.check(broken))
