"""The page's part on the image experiments; without image records the page is what it was."""

import random
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from kanrepro.core.errors import UserError
from kanrepro.images.report import figure as image_figure
from kanrepro.images.report import page as image_page
from kanrepro.images.report import summary as image_summary
from kanrepro.images.report.inputs import ImageInputs
from kanrepro.page import page

SVG = '<svg xmlns="http://www.w3.org/2000/svg"/>'


@pytest.fixture
def world(write_cell, write_images):
    write_cell("MUTAG", "khan_gcl", "literal", [88.0, 89.0])
    return write_images("lungs", "cnn", [80.0, 82.0]) + write_images("lungs", "deq_kan", [84.0, 88.0])


def run(folder, *more):
    """The page made by its command."""
    output = folder.parent / "report.html"
    page.main(["--preset", "small", *more, "--output", str(output)])
    return output.read_text()


def test_the_part_holds_everything(world, folder):
    pictures = [folder.parent / f"{name}.svg" for name in ("figure4", *image_figure.FIGURES)]
    for picture in pictures:
        picture.write_text(SVG)
    text = run(folder, "--records-from", str(folder), "--figures", *map(str, pictures))
    for part in (
        "DEQ-KAN: equilibrium models",
        "Image classification",
        "86.0 ± 2.8",
        "Splits.",
        "ROC curves",
        "4 records of DEQ-KAN",
    ):
        assert part in text, part
    assert "fedcba9876543210" in text and "records of image classifiers" in text and "Figure 4: ablation" in text
    for address in re.findall(r'(?:src|href)="([^"]*)"', text):
        assert address.startswith(("data:", "#", "records/")), address
        if address.startswith("records/"):
            assert (folder.parent / address).is_file()
    assert "http" not in re.sub(r'src="data:[^"]*"', "", text)
    names = re.findall(r' id="([^"]*)"', text)
    assert len(set(names)) == len(names) and set(re.findall(r'href="#([^"]*)"', text)) <= set(names)
    given = [str(path) for path in folder.glob("tu/*/*.json")]
    alone = run(folder, "--records", *given, "--image-records", *map(str, world), "--figures", *map(str, pictures))
    assert alone == text


def test_without_image_records_there_is_no_part(write_cell, folder):
    write_cell("MUTAG", "khan_gcl", "literal", [88.0, 89.0])
    assert image_page.part(ImageInputs("small"), folder.parent) is None
    text = run(folder, "--records-from", str(folder))
    assert not re.search(r"DEQ|[Ii]mage|lung|imbalanced", text)
    assert "<h1>Khan-GCL on graph data sets, reproduced</h1>" in text


def built(preset: str, paths: Sequence[Path], folder: Path) -> str:
    """The page of image records alone."""
    part = image_page.part(ImageInputs(preset, tuple(paths)), folder.parent)
    assert part is not None
    return page.build(preset, [(part, ())], [], 1.0)


def test_the_same_text_for_any_order(world, folder):
    first = built("small", world, folder)
    random.Random(1).shuffle(world)
    assert built("small", world, folder) == first


def test_stand_ins_are_called_so(write_images, folder):
    text = built("demo", write_images("digits", "cnn", [80.0, 82.0], preset="demo"), folder)
    assert '<p class="warn">These are stand-in images' in text


def test_provenance_and_cost(world):
    made = image_summary.document(ImageInputs("small", tuple(world)).results)
    grids = {block.title: [[item.text for item in row] for row in block.rows] for block in made.blocks}  # type: ignore[union-attr]
    assert grids["Cost"] == [["lungs", "grouped", "4", "50.0 s", "10.0 s", "512"]]
    assert ["commit", "a" * 40] in grids["Machines and code"]
    assert grids["Settings"] == [["classify.training.epochs", "3"], ["evaluation.bins", "15"]]
    assert grids["Data"] == [["lungs", "20", "8", "d" * 64, "unknown"]]


def test_mistakes_are_named(world, folder):
    with pytest.raises(UserError, match="Did you mean 'grouped'"):
        run(folder, "--image-split", "group")
    with pytest.raises(UserError, match="Did you mean 'deq_kan'"):
        run(folder, "--image-models", "deqkan")
    world[0].write_text("{}")
    with pytest.raises(UserError, match="is not a record") as caught:
        run(folder, "--image-records", *map(str, world))
    assert str(world[0]) in str(caught.value)
