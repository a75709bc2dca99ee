"""The catalogue: what it states, and what it says about a user's own file."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kanrepro.core.errors import UserError
from kanrepro.core.files import sha256
from kanrepro.tu import catalog

OWN = """
MINE:
  address: mine.zip
  expected: {graphs: 3, classes: 2, node_labels: 0}
"""


def test_it_holds_the_eight_sets_of_the_paper_and_the_demo() -> None:
    entries = catalog.load()
    printed = {"NCI1", "PROTEINS", "DD", "MUTAG", "COLLAB", "RDT-B", "RDT-M5K", "IMDB-B"}
    assert {e.printed for e in entries.values() if not e.demo} == printed
    assert {e.name for e in entries.values() if e.demo} == {"NCI-TPSA", "CHEMBL-ACT"}
    for entry in entries.values():
        if entry.format == "tu":
            assert entry.address == f"https://www.chrsmrrs.com/graphkerneldatasets/{entry.name}.zip"
            assert entry.sha256
            assert entry.mirror is None or entry.mirror.sha256 != entry.sha256


def test_expected_counts_are_those_that_the_paper_prints() -> None:
    published = catalog.CATALOG.built_in.parents[2] / "published" / "table4.csv"
    if not published.is_file():
        pytest.skip(f"{published} is not here yet")
    rows = [line.split(",") for line in published.read_text().splitlines()[1:]]
    sizes = {row[0]: (int(row[2]), float(row[3])) for row in rows}
    for entry in catalog.load().values():
        if not entry.demo:
            assert (entry.expected.graphs, entry.expected.mean_nodes) == sizes[entry.printed]


def test_mirror_checksums_are_those_of_the_mirror(mirror: Path) -> None:
    listed = {row["path"]: row for row in json.loads((mirror / "MANIFEST.json").read_text())}
    for entry in catalog.load().values():
        if entry.mirror and (mirror / entry.mirror.path).is_file():
            assert entry.mirror.sha256 == listed[entry.mirror.path]["sha256"] == sha256(mirror / entry.mirror.path)


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(UserError, match=r"unknown data set 'PROTEIN'. Did you mean 'PROTEINS'\?"):
        catalog.entry("PROTEIN")


def test_an_own_file_adds_a_set_beside_itself(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(OWN)
    entry = catalog.entry("MINE", [own])
    assert (entry.address, entry.printed, entry.format, entry.sha256) == (
        str(tmp_path / "mine.zip"),
        "MINE",
        "tu",
        None,
    )
    assert "MUTAG" in catalog.load([own])
    assert "MINE" not in catalog.load()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (OWN.replace("graphs", "graps"), "MINE: unknown key 'graps'. Did you mean 'graphs'?"),
        (OWN.replace("address", "adress"), "MINE: unknown key 'adress'. Did you mean 'address'?"),
        (OWN.replace("graphs: 3", "graphs: few"), "MINE: expected.graphs: a whole number is expected"),
        (OWN.replace("graphs: 3", "graphs: 0"), "MINE: expected.graphs: it must be at least 1"),
        (OWN.replace("graphs: 3, ", ""), "MINE: expected.graphs: it is missing"),
        (OWN.replace("  address: mine.zip\n", ""), "MINE: a set in TU format needs an `address`"),
        (OWN.replace("mine.zip", "ftp://h/x"), "MINE: address: must be an http, https or file URL, or a path (found"),
        (OWN + "  sha256: abc\n", "MINE: sha256: String should match pattern"),
        (OWN + "  name: OTHER\n", "MINE: `name` is the key of the entry"),
        (OWN + f"  mirror: {{path: ../x.zip, sha256: {'0' * 64}}}\n", "MINE: mirror.path: must lie below the mirror folder"),  # noqa: E501
        (OWN.replace("MINE", "MUTAG"), "the name 'MUTAG' is taken"),
        (OWN.replace("MINE", "a/b"), "a/b: name: String should match pattern"),
        ("MINE: 3", "MINE: expected fields such as `address` and `expected`, found 3."),
        ("- MINE", "must map names of data sets to their entries"),
        ("MINE: {", "is not valid YAML"),
        ("a: !!python/object/apply:os.getcwd []", "is not valid YAML"),
    ],
)  # fmt: skip
def test_a_mistake_in_an_own_file_is_named(tmp_path: Path, text: str, says: str) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(text)
    with pytest.raises(UserError) as caught:
        catalog.load([own])
    assert str(own) in str(caught.value)
    assert says in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no.yaml cannot be read: No such file"):
        catalog.load([tmp_path / "no.yaml"])


def test_it_needs_no_torch() -> None:
    code = "import sys, kanrepro.tu.catalog, kanrepro.tu.fetch; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
