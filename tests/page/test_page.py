"""The page: self-contained, complete, and the same for any order."""

import random
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from kanrepro.core.errors import UserError
from kanrepro.core.record import Record
from kanrepro.page import page
from kanrepro.report import summary
from kanrepro.tu.report import page as tu_page
from kanrepro.tu.report.inputs import TuInputs

SVG = '<svg xmlns="http://www.w3.org/2000/svg"/>'


def built(inputs: TuInputs, base: Path, figures: Sequence[Path] = ()) -> str:
    """The page of records on TU sets alone."""
    return page.build(inputs.preset, [(tu_page.part(inputs, base), ("figure4",))], figures, 1.0)


@pytest.fixture
def world(write_cell, describe):
    describe("MUTAG", 188, 17.93, {"edges_per_graph": 19.79})
    paths = write_cell("MUTAG", "khan_gcl", "literal", [88.0, 89.0, 90.0])
    return paths + write_cell("MUTAG", "graphcl", "own", [86.0, 87.0])


def test_the_page_holds_everything(world, folder):
    picture = folder.parent / "figure4.svg"
    picture.write_text(SVG)
    output = folder.parent / "report.html"
    page.main(["--preset", "small", "--records-from", str(folder), "--figures", str(picture), "--output", str(output)])
    text = output.read_text()
    for part in ("Table 2", "Table 3", "Table 4", "Figure 4", "How to read", "Provenance", "Cost", "89.0 ± 1.0 (3)"):
        assert part in text
    assert "0123456789abcdef" in text and "a processor, 2 cores" in text and "torch 2.13.0" in text
    # nothing is fetched: data URIs, anchors, and links to the records
    for address in re.findall(r'(?:src|href)="([^"]*)"', text):
        assert address.startswith(("data:", "#", "records/")), address
        if address.startswith("records/"):
            assert (folder.parent / address).is_file()
    assert "http" not in re.sub(r'src="data:[^"]*"', "", text)
    anchors = re.findall(r'href="#([^"]*)"', text)
    assert anchors and all(f'id="{anchor}"' in text for anchor in anchors)


def test_the_same_text_for_any_order(world, folder):
    first = built(TuInputs("small", records=tuple(world)), folder.parent, [])
    random.Random(1).shuffle(world)
    assert built(TuInputs("small", records=tuple(world)), folder.parent, []) == first


def test_the_demo_says_what_it_is(write_cell, folder):
    paths = write_cell("NCI-TPSA", "khan_gcl", "literal", [80.0, 81.0], preset="demo")
    text = built(TuInputs("demo", records=tuple(paths), stand_in=True), folder.parent, [])
    assert '<p class="warn">These are stand-in data sets' in text
    assert "InfoGraph" not in text and "91.4" not in text


def test_a_page_without_records_is_still_a_page(folder):
    text = built(TuInputs("small", folder=folder), folder.parent, [])
    assert "0 records of 0 data sets" in " ".join(text.split())


def test_names_are_escaped(write_cell, folder):
    paths = write_cell("A<b>", "khan_gcl", "literal", [80.0, 81.0])
    assert "<b>80" not in (text := built(TuInputs("small", records=tuple(paths)), folder.parent, []))
    assert "A<b>" not in text and "A&lt;b&gt;" in text


@pytest.mark.parametrize("name", ["figure4.pdf", "missing.png"])
def test_a_bad_figure_is_named(folder, name):
    with pytest.raises(UserError, match=name):
        built(TuInputs("small"), folder, [folder / name])


def grids(paths: Sequence[Path]) -> dict[str, list[list[str]]]:
    """The provenance of records, by the title of its grids."""
    document = summary.of_encoders("Records", [Record.read(path) for path in paths], "SVM evaluation")
    return {block.title: [[item.text for item in row] for row in block.rows] for block in document.blocks}  # type: ignore[union-attr]


def test_costs_count_a_shared_encoder_once(write_cell, content):
    shared = content("MUTAG", "khan_gcl", "literal", 0, 88.0)["checkpoint"]
    paths = write_cell("MUTAG", "khan_gcl", "literal", [88.0])
    paths += write_cell("MUTAG", "shuffled_labels", "literal", [66.0], checkpoint=shared)
    assert grids(paths)["Cost"] == [["MUTAG", "2", "1", "12.5 s", "5.0 s", "512"]]
    assert summary.seconds([Record.read(path) for path in paths]) == 17.5


def test_settings_are_gathered(write_cell):
    found = grids(write_cell("MUTAG", "khan_gcl", "literal", [88.0, 89.0]))
    assert found["Settings"] == [["pretrain.epochs", "60"], ["pretrain.seed", "0, 1"], ["svm.folds", "10"]]
    assert ["commit", "a" * 40] in found["Machines and code"]


@pytest.mark.parametrize(("seconds", "text"), [(12.34, "12.3 s"), (600, "10.0 min"), (86400, "24.0 h")])
def test_durations(seconds, text):
    assert summary.duration(seconds) == text
