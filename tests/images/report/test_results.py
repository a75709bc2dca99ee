"""Image records gathered into cells, and every way in which a record does not belong."""

import random

import pytest

from kanrepro.core.errors import UserError
from kanrepro.images.record import ImageRecord
from kanrepro.images.report import results as image_results
from kanrepro.images.report.quantities import (
    ALL,
    CONVERGED,
    MFLOPS,
    STEPS,
    corrupted,
    harm,
    leak_gain,
    metric,
    of_class,
)
from kanrepro.images.report.results import Key


def rewrite(path, **changes):
    """Change a record that lies at `path`."""
    content = ImageRecord.read(path).model_dump(by_alias=True)
    ImageRecord.model_validate(content | changes).write(path)


def test_cells_hold_their_runs_in_order(write_images):
    paths = write_images("b", "deq_kan", [88.0, 90.0, 89.0]) + write_images("b", "cnn", [80.0])
    paths += write_images("a", "vit", [70.0], split="random")
    random.Random(0).shuffle(paths)
    found = image_results.read(paths, "small")
    assert list(found.cells) == [Key("a", "random", "vit"), Key("b", "grouped", "cnn"), Key("b", "grouped", "deq_kan")]
    cell = found.cells[Key("b", "grouped", "deq_kan")]
    assert cell.by_seed(metric("accuracy")) == {0: 88.0, 1: 90.0, 2: 89.0} and cell.notes == ()
    assert cell.ends(metric("accuracy")) == pytest.approx((88.0, 90.0))
    assert (found.datasets, found.splits("a"), found.models("b", "grouped")) == (
        ["a", "b"],
        ["random"],
        ["cnn", "deq_kan"],
    )


def test_quantities_are_read_in_percent(write_images, clean):
    (path,) = write_images("a", "deq_kan", [90.0], without_leaks=clean(3, 85.0))
    record = ImageRecord.read(path)
    assert (STEPS.of(record), CONVERGED.of(record), MFLOPS.of(record)) == (8.0, 100.0, 2.5)
    assert leak_gain("f1").of(record) == pytest.approx(5.0)
    assert of_class("recall", "ill").of(record) == 90.0
    assert of_class("recall", "nobody").of(record) is None
    # noise takes 2 points a strength, blur 1: means over five strengths of 6 and 3
    assert corrupted("accuracy", "noise").of(record) == pytest.approx(84.0)
    assert corrupted("accuracy", "noise", 5).of(record) == pytest.approx(80.0)
    assert corrupted("auc", ALL).of(record) == pytest.approx(85.5)
    assert harm("accuracy", "blur").of(record) == pytest.approx(3.0)
    assert harm("ece", "noise").of(record) == pytest.approx(6.0)  # its rise
    assert corrupted("accuracy", "contrast").of(record) is None


def test_what_is_not_defined_in_a_run_is_left_out(write_images):
    paths = write_images("a", "cnn", [80.0, 90.0])
    metrics = ImageRecord.read(paths[0]).model_dump()["metrics"]
    rewrite(paths[0], metrics=metrics | {"auc": {"value": None, "low": None, "high": None}})
    cell = image_results.read(paths, "small").cells[Key("a", "grouped", "cnn")]
    assert cell.by_seed(metric("auc")) == {1: 90.0}


def test_unlike_runs_in_a_cell_are_said(write_images):
    paths = write_images("a", "cnn", [80.0, 90.0])
    rewrite(paths[1], settings={"classify": {"training": {"epochs": 9}}, "evaluation": {"bins": 15}})
    cell = image_results.read(paths, "small").cells[Key("a", "grouped", "cnn")]
    assert cell.notes == ("The runs of this cell differ in settings.classify.training.epochs.",)


def test_a_truncated_record_is_one_clear_error(write_images):
    paths = write_images("a", "cnn", [80.0, 90.0])
    paths[1].write_text(paths[1].read_text()[:300])
    with pytest.raises(UserError, match="not valid JSON") as caught:
        image_results.read(paths, "small")
    assert str(paths[1]) in str(caught.value)


def test_a_record_of_graphs_is_refused(write_cell):
    (path,) = write_cell("MUTAG", "khan_gcl", "literal", [88.0])
    with pytest.raises(UserError, match="is not a record") as caught:
        image_results.read([path], "small")
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"preset": "paper"}, "preset 'paper', not 'small'"),
        ({"model": "magic"}, "model 'magic', which is none of cnn"),
        ({"split": "lucky"}, "split 'lucky', which is none of grouped"),
        ({"confusion": [[4]]}, "confusion is not of 2 by 2"),
        ({"test": {"units": 1, "index": [1], "y": [1, 0], "p": [[0.5, 0.5]]}}, "lists of unlike lengths"),
        ({"test": {"units": 1, "index": [1], "y": [1], "p": [[1.0]]}}, "lists of unlike lengths"),
        ({"test": {"units": 1, "index": [1], "y": [2], "p": [[0.5, 0.5]]}}, "a class that it does not have"),
    ],
)
def test_a_record_that_does_not_belong_is_named(write_images, changes, message):
    (path,) = write_images("a", "cnn", [80.0])
    rewrite(path, **changes)
    with pytest.raises(UserError, match=message) as caught:
        image_results.read([path], "small")
    assert str(path) in str(caught.value)


def test_records_that_disagree_are_refused(write_images, tmp_path):
    (path,) = write_images("a", "cnn", [80.0])
    (other,) = write_images("a", "vit", [80.0], classes=["ill", "well"])
    with pytest.raises(UserError, match="disagree on the classes of a"):
        image_results.read([path, other], "small")
    copy = tmp_path / "copy.json"
    copy.write_bytes(path.read_bytes())
    with pytest.raises(UserError, match="hold the same run"):
        image_results.read([path, copy], "small")
    assert len(image_results.read([path, path], "small").cells) == 1
    with pytest.raises(UserError, match="is not a folder with records"):
        image_results.image_paths(tmp_path / "nowhere")
