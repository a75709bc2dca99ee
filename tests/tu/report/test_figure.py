"""Figures: what is drawn, not how it looks; the same bytes for any order."""

import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from kanrepro.core.errors import UserError
from kanrepro.core.files import read_json, write_json
from kanrepro.molecules.report import figure as molecule_figure
from kanrepro.report import curves
from kanrepro.report.make_figure import write_figure
from kanrepro.report.results import METHODS
from kanrepro.tu.report import figure
from kanrepro.tu.report.inputs import TuInputs

HISTORY = """\
epoch,loss,loss_cl,loss_hn,delta_mean,rho_mean,cos_hard,outside_grid,spline_share,seconds
1,5.0,4.0,1.0,0.1,1e-4,0.9,0.25,0.1,1.0
2,4.0,3.0,1.0,0.2,1e-2,0.8,0.5,0.2,1.0
"""


@pytest.fixture
def world(write_cell) -> list[Path]:
    """The six variants and their controls on MUTAG, with one variant missing and one with fewer runs."""
    paths = [
        path
        for control in ("calibrated_mlp", "calibrated_kan")
        for path in write_cell("MUTAG", control, "literal", [84])
    ]
    for place, method in enumerate(METHODS):
        accuracies = [86.0 + place, 88.0 + place] if method != "wo_d_dims" else [86.5]
        if method != "rand_perturb":
            paths += write_cell("MUTAG", method, "literal", accuracies)
    return paths


@pytest.fixture
def history(tmp_path) -> Path:
    path = tmp_path / "runs" / "tu" / "MUTAG" / "khan_gcl" / "repaired" / "0" / "history.csv"
    path.parent.mkdir(parents=True)
    path.write_text(HISTORY)
    return path


def words(drawn: Figure) -> str:
    """All text of a figure."""
    texts = [text.get_text() for text in drawn.texts]
    for axis in drawn.axes:
        texts += [text.get_text() for text in (*axis.texts, axis.title, axis.yaxis.label, *axis.get_xticklabels())]
        texts.append(axis.get_title("left"))
    for legend in drawn.legends:
        texts += [text.get_text() for text in legend.get_texts()]
    return " ".join(" ".join(texts).split())


def test_bars_are_the_means_of_the_records(world):
    drawn = figure.build("figure4", TuInputs("small", records=tuple(world)))
    (axis,) = drawn.axes  # no panel for a reading without records
    bars: list[Any] = list(axis.patches)
    tops = [round(bar.get_y() + bar.get_height(), 6) for bar in bars]
    assert tops == [87.0, 88.0, 86.5, 91.0, 92.0]
    low, _ = axis.get_ylim()
    assert all(bar.get_y() == low for bar in bars) and low == 75.0
    text = words(drawn)
    assert "The axis starts at 75 %, not at zero" in text
    assert "not run" in text and "86.5 n=1" in text and "Bars: mean over 2 runs" in text
    assert "Not run: DD, NCI1, PROTEINS, COLLAB, RDT-B, RDT-M5K, IMDB-B." in text
    assert "reading: literal" in text and "reading: repaired" not in text


def test_printed_numbers_and_controls_are_marked(world):
    drawn = figure.build("figure4", TuInputs("small", records=tuple(world)))
    marks = [line for line in drawn.axes[0].lines if line.get_marker() == "D"]
    assert [float(np.asarray(line.get_ydata())[0]) for line in marks] == [86.8, 91.4]
    levels = [line for line in drawn.axes[0].lines if line.get_color() == "black" and line.get_marker() == "None"]
    assert len(levels) == 6 and all(set(np.asarray(line.get_ydata())) == {84.0} for line in levels)


def test_the_demo_marks_no_printed_number(write_cell):
    paths = write_cell("MUTAG", "khan_gcl", "literal", [80.0, 81.0], preset="demo")
    drawn = figure.build("figure4", TuInputs("demo", records=tuple(paths), stand_in=True))
    assert not [line for line in drawn.axes[0].lines if line.get_marker() == "D"]
    assert "printed (" not in words(drawn) and "stand-in" in words(drawn)


def test_shares_of_splines_are_the_means_of_the_records(write_cell):
    paths = write_cell("MUTAG", "calibrated_kan", "literal_silu", [80.0, 81.0])
    paths += write_cell("MUTAG", "khan_gcl", "literal", [80.0])  # splines alone: nothing to show
    for path, second in zip(paths, (0.25, 0.75, 1.0), strict=True):
        record = read_json(path)
        record["history"] |= {"spline_share_1": 0.5 if second < 1 else 1.0, "spline_share_2": second}
        write_json(path, record)
    drawn = figure.build("shares", TuInputs("small", records=tuple(paths)))
    (axis,) = drawn.axes
    assert [np.asarray(line.get_xydata()).tolist() for line in axis.lines] == [[[1, 50], [2, 50]]]
    assert "MUTAG, literal_silu" in words(drawn) and "not trained" in words(drawn)


def test_looks_and_hard_negatives_are_those_of_the_records(write_cell):
    paths = write_cell("MUTAG", "khan_gcl", "repaired", [80.0, 81.0])
    for path, gain in zip(paths, (0.1, 0.3), strict=True):
        record = read_json(path)
        looks = [{"epoch": 5, "test": 0.5, "validation": 0.5}, {"epoch": 10, "test": 0.5 + gain, "validation": 0.5}]
        record["details"] = {"epochs": looks}
        record["metrics"] |= {f"accuracy_{rule}": {"value": 0.5} for rule in ("best_validation", "best_test")}
        record["history"] |= {"hn_alignment": 0.5, "hn_strength": 2 * gain, "hn_step": 0.1, "hn_cosine": 0.9}
        write_json(path, record)
    inputs = TuInputs("small", records=tuple(paths))
    (axis,) = figure.build("looks", inputs).axes
    at, gained = np.asarray(axis.lines[0].get_xydata()).T
    assert np.round(at).tolist() == [2] and gained == pytest.approx([10.0])  # of two looks: (5 + 15) / 2
    drawn = figure.build("hard-negatives", inputs)
    assert [axis.get_ylabel() for axis in drawn.axes] == ["alignment", "strength", "step", "cosine"]
    assert sorted(np.asarray(drawn.axes[1].lines[0].get_ydata())) == pytest.approx([0.2, 0.6])


def test_nothing_run_is_said():
    assert "No encoder was evaluated at several epochs" in words(figure.build("looks", TuInputs("small")))
    assert "No record says what hard negatives do" in words(figure.build("hard-negatives", TuInputs("small")))
    assert "No record holds shares" in words(figure.build("shares", TuInputs("small")))
    assert "none of the variants was run" in words(figure.build("figure4", TuInputs("small")))
    assert "nothing was trained" in words(figure.build("history", TuInputs("small")))


def test_the_same_bytes_for_any_order(world, history, tmp_path):
    for name, inputs, others in (
        (
            "figure4",
            TuInputs("small", records=tuple(world)),
            TuInputs("small", records=tuple(random.sample(world, len(world)))),
        ),
        ("history", TuInputs("small"), TuInputs("small")),
    ):
        first = write_figure(figure.build(name, inputs, [history]), tmp_path / "one")
        second = write_figure(figure.build(name, others, [history, history]), tmp_path / "other")
        assert [path.suffix for path in first] == [".png", ".svg"]
        assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
        assert not re.search(r"\d{4}-\d{2}-\d{2}", first[1].read_text())


def test_histories_become_curves(history):
    curve = curves.read(history)
    assert (curve.dataset, curve.method, curve.reading, curve.seed) == ("MUTAG", "khan_gcl", "repaired", "0")
    assert curve.values["outside_grid"].tolist() == [0.25, 0.5]
    drawn = figure.build("history", TuInputs("small"), [history])
    assert [axis.get_yscale() for axis in drawn.axes] == ["linear", "linear", "linear", "linear", "log", "linear"]
    assert np.asarray(drawn.axes[0].lines[0].get_xydata()).tolist() == [[1, 5], [2, 4]]
    asked = figure.build("history", TuInputs("small", datasets=("NCI1", "MUTAG", "DD")), [history])
    assert "No training history here: NCI1, DD." in words(asked)


def test_what_is_not_defined_is_said(history):
    history.write_text(HISTORY.replace(",0.25,", ",,").replace(",0.5,", ",,"))
    drawn = figure.build("history", TuInputs("small"), [history])
    assert words(drawn).count("not defined") == 1


def test_attribute_masking_has_curves_of_its_own(history):
    """Its loss stands beside the others', and a row tells how many atoms it tells."""
    path = Path(str(history).replace("khan_gcl", "attr_masking"))
    path.parent.mkdir(parents=True)
    path.write_text("epoch,loss,accuracy,outside_grid,spline_share,seconds\n1,3,0.5,,,1\n2,2,0.75,,,1\n")
    drawn = molecule_figure.build("history-molecules", [history, path])
    assert len(drawn.axes) == 7 and "AttrMasking" in words(drawn)
    assert [len(axis.lines) for axis in drawn.axes] == [2, 1, 1, 1, 1, 1, 1]
    assert np.asarray(drawn.axes[-1].lines[0].get_ydata()).tolist() == [0.5, 0.75]
    with pytest.raises(UserError, match="is not a training history"):
        path.write_text(HISTORY)
        curves.read(path)


def test_untrained_runs_have_no_curve(history):
    history.write_text(HISTORY.splitlines()[0] + "\n")
    assert "nothing was trained" in words(figure.build("history", TuInputs("small"), [history]))


@pytest.mark.parametrize("content", ["epoch,loss\n1,2\n", HISTORY + "3,x,,,,,,,\n", HISTORY + "3,1\n", b"\xff\xfe"])
def test_a_corrupt_history_is_named(history, content):
    history.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(UserError, match="is not a training history"):
        curves.read(history)


def test_mistakes_are_named(tmp_path):
    with pytest.raises(UserError, match="Did you mean 'figure4'"):
        figure.build("figur4", TuInputs("small"))
    with pytest.raises(UserError, match="expected a path"):
        curves.read(tmp_path / "history.csv")
    with pytest.raises(UserError, match="is not a folder with runs"):
        figure.main(["--figure", "history", "--preset", "small", "--output-stem", "x", "--histories-from", "nowhere"])
