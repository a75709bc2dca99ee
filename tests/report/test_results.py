"""Records gathered into cells."""

import random

import pytest

from kanrepro.core.errors import UserError
from kanrepro.core.record import Record
from kanrepro.report import results


def test_cells_hold_their_runs_in_order_of_seeds(write_cell):
    paths = write_cell("MUTAG", "khan_gcl", "repaired", [88.0, 90.0, 89.0])
    random.Random(0).shuffle(paths)
    cell = results.read(paths, "small").cell("MUTAG", "khan_gcl", "repaired")
    assert cell is not None
    assert cell.by_seed == {0: 88.0, 1: 90.0, 2: 89.0}
    assert cell.summary.mean == 89.0 and cell.notes == ()


def test_mlp_methods_have_one_reading_on_labelled_sets(write_cell):
    paths = write_cell("MUTAG", "graphcl", "literal", [86.0]) + write_cell("IMDB-BINARY", "graphcl", "literal", [70.0])
    paths += write_cell("MUTAG", "khan_gcl", "literal", [88.0])
    found = results.read(paths, "small", labelled={"MUTAG"})
    borrowed = found.cell("MUTAG", "graphcl", "repaired")
    assert borrowed is not None and borrowed.notes == (results.SAME_FOR_MLPS.format("literal"),)
    assert borrowed.paths == (paths[0],)
    assert found.cell("IMDB-BINARY", "graphcl", "repaired") is None  # degrees differ from constants
    assert found.cell("MUTAG", "khan_gcl", "repaired") is None
    assert found.cell("MUTAG", "graphcl", "own") is None


def test_a_repaired_record_of_its_own_is_preferred(write_cell):
    paths = write_cell("MUTAG", "graphcl", "literal", [86.0]) + write_cell("MUTAG", "graphcl", "repaired", [87.0])
    cell = results.read(paths, "small", labelled={"MUTAG"}).cell("MUTAG", "graphcl", "repaired")
    assert cell is not None and cell.by_seed == {0: 87.0} and cell.notes == ()


def test_unlike_runs_in_a_cell_are_said(write_cell, content):
    paths = write_cell("MUTAG", "khan_gcl", "literal", [88.0, 89.0])
    other = content("MUTAG", "khan_gcl", "literal", 1, 89.0)
    other["settings"]["pretrain"]["epochs"] = 20
    Record.model_validate(other).write(paths[1])
    cell = results.read(paths, "small").cell("MUTAG", "khan_gcl", "literal")
    assert cell is not None
    assert cell.notes == ("The runs of this cell differ in settings.pretrain.epochs.",)


def test_other_experiments_are_left_alone(write_cell):
    paths = write_cell("BBBP", "khan_gcl", "literal", [70.0], experiment="transfer")
    assert results.read(paths, "small").cells == {}


def test_a_truncated_record_is_one_clear_error(write_cell):
    paths = write_cell("MUTAG", "khan_gcl", "literal", [88.0, 89.0])
    paths[1].write_text(paths[1].read_text()[:200])
    with pytest.raises(UserError, match="not valid JSON") as caught:
        results.read(paths, "small")
    assert str(paths[1]) in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"preset": "paper"}, "preset 'paper', not 'small'"),
        ({"method": "magic"}, "method 'magic', which is none of"),
        ({"metrics": {}}, "has no metrics.accuracy"),
        ({"metrics": {"accuracy": {"value": 88.0, "folds": []}}}, r"must lie in \[0, 1\]"),
    ],
)
def test_a_record_that_does_not_belong_is_named(write_cell, content, changes, message):
    (path,) = write_cell("MUTAG", "khan_gcl", "literal", [88.0])
    Record.model_validate(content("MUTAG", "khan_gcl", "literal", 0, 88.0) | changes).write(path)
    with pytest.raises(UserError, match=message) as caught:
        results.read([path], "small")
    assert str(path) in str(caught.value)


def test_the_same_run_twice_is_refused(write_cell, tmp_path):
    (path,) = write_cell("MUTAG", "khan_gcl", "literal", [88.0])
    copy = tmp_path / "copy.json"
    copy.write_bytes(path.read_bytes())
    with pytest.raises(UserError, match="hold the same run"):
        results.read([path, copy], "small")
    assert len(results.read([path, path], "small").cells) == 1


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(UserError, match="is not a folder with records"):
        results.record_paths(tmp_path / "nowhere")
