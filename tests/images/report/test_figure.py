"""Figures of the image experiments: what is drawn, not how it looks; the same bytes for any order."""

import json
import random
import re
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from jinja2 import Environment, FileSystemLoader
from matplotlib.figure import Figure
from sklearn import metrics

from kanrepro.core.errors import UserError
from kanrepro.core.files import sha256, write_json
from kanrepro.images.record import ImageRecord
from kanrepro.images.report import confusion as image_confusion
from kanrepro.images.report import curves as image_curves
from kanrepro.images.report import examples as image_examples
from kanrepro.images.report import figure as image_figure
from kanrepro.images.report import memory as image_memory
from kanrepro.images.report import page as image_page
from kanrepro.images.report import roc as image_roc
from kanrepro.images.report import table as image_table
from kanrepro.images.report import traces as image_traces
from kanrepro.images.report.figure import Given
from kanrepro.images.report.inputs import ImageInputs
from kanrepro.report.make_figure import write_figure

HISTORY = """\
epoch,train_loss,validation_loss,validation_accuracy,learning_rate,gradient_norm,steps,residual,converged,seconds
1,0.6,0.7,0.5,1e-4,1.0,,,,2.0
2,0.4,0.5,0.75,1e-4,1.0,,,,2.0
"""
TRACE = {
    "model": "deq_kan_certified",
    "form": "certified",
    "trained": True,
    "solver": "damped",
    "residual_median": [1.0, 0.5, 0.25],
    "residual_low": [1.0, 0.4, 0.2],
    "residual_high": [1.0, 0.6, 0.4],
    "share_finite": [1.0, 1.0, 1.0],
    "rate": 0.5,
    "bound": 0.9,
}
SHIPPED = TRACE | {
    "model": "",
    "form": "shipped",
    "trained": False,
    "residual_median": [1.0, 2.0, None],
    "residual_high": [1.0, None, None],
    "bound": None,
}
POINT = {
    "gradient": "implicit",
    "steps": 5,
    "width": 16,
    "batch": 4,
    "peak_mb": 120.0,
    "base_mb": 100.0,
    "seconds": 0.5,
}


@pytest.fixture
def store(tmp_path) -> Path:
    """A prepared set of 20 grey images of 8 pixels: image i is uniformly i."""
    path = tmp_path / "lungs-8.safetensors"
    pixels = np.arange(20, dtype=np.uint8).reshape(20, 1, 1, 1) * np.ones((1, 1, 8, 8), np.uint8)
    safetensors.numpy.save_file({"pixels": pixels}, path, {"kanrepro": json.dumps({"name": "lungs"})})
    return path


@pytest.fixture
def world(write_images, store) -> list[Path]:
    """Two models with two seeds; what they say of the test images 3, 5, 8 and 9 (true: 0, 0, 1, 1)."""
    data = {"path": "x", "sha256": sha256(store), "images": 20}
    says = {"cnn": [0.1, 0.8, 0.7, 0.45], "deq_kan": [0.2, 0.9, 0.4, 0.75]}  # probability of class 1
    paths = []
    for model, p in says.items():
        test = {"units": 4, "index": [3, 5, 8, 9], "y": [0, 0, 1, 1], "p": [[round(1 - q, 2), q] for q in p]}
        paths += write_images("lungs", model, [80.0, 82.0], test=test, data=data)
    return paths


@pytest.fixture
def history(tmp_path) -> Path:
    path = tmp_path / "runs" / "images" / "lungs" / "grouped" / "deq_kan" / "0" / "history.csv"
    path.parent.mkdir(parents=True)
    path.write_text(HISTORY)
    return path


@pytest.fixture
def given(history, store, tmp_path) -> Given:
    """Everything that figures need besides records."""
    trace = {"schema": 1, "experiment": "trace", "dataset": "lungs", "split": "grouped", "preset": "small"}
    write_json(tmp_path / "trace.json", trace | {"traces": [TRACE, SHIPPED], "commands": []})
    points = [POINT, POINT | {"gradient": "unrolled", "peak_mb": 150.0}, POINT | {"steps": 25}]
    memory = {"schema": 1, "experiment": "memory", "preset": "small", "points": points, "hardware": "a processor"}
    write_json(tmp_path / "memory.json", memory)
    return Given((history,), (tmp_path / "trace.json",), tmp_path / "memory.json", (store,))


def words(drawn: Figure) -> str:
    """All text of a figure."""
    texts = [*drawn.texts, *([drawn._supxlabel] if drawn._supxlabel else [])]  # type: ignore[attr-defined]
    for axis in drawn.axes:
        texts += [*axis.texts, axis.title, axis._left_title, axis.xaxis.label, axis.yaxis.label]  # type: ignore[attr-defined]
        texts += [*axis.get_xticklabels(), *axis.get_yticklabels()]
    texts += [text for legend in drawn.legends for text in legend.get_texts()]
    return " ".join(" ".join(text.get_text() for text in texts).split())


# every figure


@pytest.mark.parametrize("name", image_figure.FIGURES)
def test_the_same_bytes_for_any_order(world, given, name, tmp_path):
    first = write_figure(image_figure.build(name, ImageInputs("small", tuple(world)), given), tmp_path / "one")
    others = ImageInputs("small", tuple(random.Random(2).sample(world, len(world))))
    twice = Given(given.histories * 2, given.traces * 2, given.memory, given.stores * 2)
    second = write_figure(image_figure.build(name, others, twice), tmp_path / "other")
    assert [path.suffix for path in first] == [".png", ".svg"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert not re.search(r"\d{4}-\d{2}-\d{2}", first[1].read_text())


@pytest.mark.parametrize("name", image_figure.FIGURES)
def test_nothing_run_is_said(name):
    assert re.search(r"nothing was|were not run", words(image_figure.build(name, ImageInputs("small"))))


@pytest.mark.parametrize("name", image_figure.FIGURES)
def test_captions_and_titles_are_there(name):
    assert image_page.CAPTIONS[name][0] and image_page.CAPTIONS[name][1].endswith(".")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *(("image_figure.rst", name) for name in image_figure.FIGURES),
        *(("image_table.rst", n) for n in image_table.TABLES),
    ],
)
def test_snakemakes_report_has_a_caption(kind, name):
    folder = Path(image_figure.__file__).parents[3] / "report"
    job = {"output": [f"results/small/x/{name}.png"]}
    caption = Environment(loader=FileSystemLoader(folder)).get_template(kind).render(snakemake=job)
    assert caption.strip().endswith(".")


def test_stand_ins_are_called_so(write_images):
    paths = tuple(write_images("digits", "cnn", [80.0], preset="demo"))
    for name in ("images-confusion", "images-roc", "images-robustness"):
        drawn = words(image_figure.build(name, ImageInputs("demo", paths)))
        assert "digits (stand-in)" in drawn and "These are stand-in images" in drawn


def test_mistakes_are_named(tmp_path):
    with pytest.raises(UserError, match="Did you mean 'images-roc'"):
        image_figure.build("images-rok", ImageInputs("small"))
    run = ["--figure", "images-curves", "--preset", "small", "--output-stem", "x"]
    with pytest.raises(UserError, match="is not a folder with runs"):
        image_figure.main([*run, "--histories-from", "nowhere"])


# ROC


def test_the_curve_of_known_scores():
    false, true = image_roc.roc(np.array([0.9, 0.8, 0.8, 0.1]), np.array([True, True, False, False]))
    assert false.tolist() == [0, 0, 0.5, 1] and true.tolist() == [0, 0.5, 1, 1]  # the two of 0.8 move together
    heights = image_roc.at(false, true, np.array([0, 0.25, 0.5, 1]))
    assert heights.tolist() == [0.5, 0.75, 1, 1]


@pytest.mark.parametrize("seed", range(5))
def test_the_curve_agrees_with_scikit_learn(seed):
    numbers = np.random.default_rng(seed)
    scores, positive = numbers.integers(0, 6, 40) / 6, np.append(numbers.random(38) < 0.4, [True, False])
    false, true, _ = metrics.roc_curve(positive, scores, drop_intermediate=False)
    found = image_roc.roc(scores, positive)
    np.testing.assert_allclose(found[0], false)
    np.testing.assert_allclose(found[1], true)
    assert np.trapezoid(found[1], found[0]) == pytest.approx(metrics.roc_auc_score(positive, scores))


def test_several_classes_are_averaged(image_content):
    content = image_content("lungs", "cnn", 0, 80.0) | {"classes": ["a", "b", "c"], "confusion": [[1] * 3] * 3}
    p = [[0.8, 0.1, 0.1], [0.2, 0.5, 0.3], [0.3, 0.3, 0.4], [0.5, 0.2, 0.3]]
    content["test"] = {"units": 4, "index": [0, 1, 2, 3], "y": [0, 1, 2, 2], "p": p}
    record = ImageRecord.model_validate(content)
    each = [image_roc.roc(np.array(p)[:, k], np.array([0, 1, 2, 2]) == k) for k in range(3)]
    expected = np.mean([image_roc.at(*curve, image_roc.FALSE) for curve in each], axis=0)
    found = image_roc.curve(record)
    assert found is not None
    np.testing.assert_allclose(found, expected)
    content["test"] = {"units": 2, "index": [0, 1], "y": [0, 1], "p": p[:2]}  # no image of class c
    assert image_roc.curve(ImageRecord.model_validate(content)) is None


def test_each_model_has_a_line_with_its_range(world):
    drawn = image_figure.build("images-roc", ImageInputs("small", tuple(world)))
    whole, corner = drawn.axes
    assert len(whole.lines) == len(corner.lines) == 1 + 2 and len(whole.collections) == 2
    assert "CNN 81.0" in words(drawn) and "DEQ-KAN, repaired 81.0" in words(drawn)


# confusion


def test_shares_are_means_over_seeds(write_images):
    paths = write_images("lungs", "cnn", [80.0], confusion=[[3, 1], [0, 0]])
    content = ImageRecord.read(paths[0]).model_dump(by_alias=True)
    paths.append(paths[0].with_name("cnn-1.json"))
    ImageRecord.model_validate(content | {"seed": 1, "confusion": [[1, 1], [0, 0]]}).write(paths[1])
    inputs = ImageInputs("small", tuple(paths))
    (cell,) = inputs.results.cells.values()
    percent, counts = image_confusion.shares(cell)
    np.testing.assert_array_equal(percent, [[62.5, 37.5], [np.nan, np.nan]])
    assert counts.tolist() == [[2, 1], [0, 0]]
    text = words(image_figure.build("images-confusion", inputs))
    assert "62.5 (2.0)" in text and "no image" in text and "well" in text


# residuals and memory


def test_residuals_and_the_certified_bound_are_drawn(given):
    drawn = image_figure.build("images-residuals", ImageInputs("small"), given)
    initial, trained = drawn.axes
    assert initial.get_yscale() == trained.get_yscale() == "log"
    np.testing.assert_array_equal(np.asarray(initial.lines[0].get_ydata(), float), [1.0, 2.0, np.nan])
    assert [np.asarray(line.get_ydata()).tolist() for line in trained.lines] == [
        [1.0, 0.5, 0.25],
        pytest.approx([1.0, 0.9, 0.81]),
    ]
    text = words(drawn)
    assert "as initialised" in text and "trained" in text and "certified bound" in text and "DEQ-KAN, shipped" in text


def test_memory_is_what_a_step_adds(given):
    left, right = image_figure.build("images-memory", ImageInputs("small"), given).axes
    joined = {
        line.get_label(): np.asarray(line.get_xydata()).tolist() for line in left.lines if line.get_linestyle() == "-"
    }
    assert joined["implicit gradient"] == [[5, 20], [25, 20]] and joined["unrolled"] == [[5, 50]]
    assert np.asarray(right.lines[0].get_ydata()).tolist() == [0.5]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"experiment": "memory"}, "is about .memory., not .trace."),
        ({"experiment": "trace", "dataset": "a", "preset": "paper", "traces": []}, "preset 'paper', not 'small'"),
        ({"experiment": "trace", "dataset": "a", "preset": "small", "traces": [{}]}, "traces.0.model"),
    ],
)
def test_foreign_traces_are_named(tmp_path, content, message):
    write_json(tmp_path / "t.json", content)
    with pytest.raises(UserError, match=message) as caught:
        image_traces.read(tmp_path / "t.json", "small")
    assert "t.json" in str(caught.value)


def test_foreign_memory_is_named(tmp_path):
    path = tmp_path / "m.json"
    write_json(path, {"experiment": "memory", "preset": "paper", "hardware": "", "points": []})
    with pytest.raises(UserError, match="preset 'paper', not 'small'"):
        image_memory.read(path, "small")
    path.write_text("{")
    with pytest.raises(UserError, match="not valid JSON"):
        image_memory.read(path, "small")


# training curves


def test_histories_become_curves(history):
    curve = image_curves.read(history)
    assert (curve.dataset, curve.split, curve.model, curve.seed) == ("lungs", "grouped", "deq_kan", "0")
    drawn = image_figure.build("images-curves", ImageInputs("small"), Given((history,)))
    assert [np.asarray(axis.lines[0].get_xydata()).tolist() for axis in drawn.axes] == [
        [[1, 0.6], [2, 0.4]],
        [[1, 0.7], [2, 0.5]],
        [[1, 50], [2, 75]],
    ]


def test_curves_end_with_their_shortest_run(history):
    longer = history.parents[1] / "1" / "history.csv"
    longer.parent.mkdir()
    longer.write_text(HISTORY + "3,0.2,0.4,1.0,1e-4,1.0,,,,2.0\n")
    loss = image_figure.build("images-curves", ImageInputs("small"), Given((history, longer))).axes[0]
    assert np.asarray(loss.lines[0].get_xdata()).tolist() == [1, 2] and len(loss.collections) == 1


@pytest.mark.parametrize("content", ["epoch,loss\n1,2\n", HISTORY + "3,x,0,0,,,,,,\n", HISTORY + "3\n", b"\xff\xfe"])
def test_a_corrupt_history_is_named(history, content):
    history.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(UserError, match="is not a training history"):
        image_curves.read(history)
    with pytest.raises(UserError, match="expected a path"):
        image_curves.read(history.with_name("other") / "history.csv")


# robustness


def test_strengths_become_points(world):
    noise, blur = image_figure.build("images-robustness", ImageInputs("small", tuple(world))).axes
    assert (noise.get_title(), blur.get_title()) == ("noise", "blur")
    assert np.asarray(noise.lines[0].get_ydata()).tolist() == pytest.approx([81, 79, 77, 75, 73, 71])
    assert np.asarray(blur.lines[0].get_xdata()).tolist() == [0, 1, 2, 3, 4, 5]


# examples


def test_images_are_chosen_by_the_rule(world):
    cnn, deq = (ImageRecord.read(path) for path in world if path.name.endswith("-0.json"))
    chosen = image_examples.choose(cnn, deq)
    found = {kind: [said.index for said in images] for kind, images in chosen.items()}
    assert found == {(True, True): [3], (False, True): [9], (True, False): [8], (False, False): [5]}
    (wrong,) = chosen[False, False]
    assert (wrong.truth, wrong.labels, wrong.p) == (0, (1, 1), (0.8, 0.9))


def test_the_surest_come_first(image_content):
    content = image_content("lungs", "cnn", 0, 80.0)
    p = [[0.6, 0.4], [0.9, 0.1], [0.7, 0.3], [0.9, 0.1]]
    content["test"] = {"units": 4, "index": [4, 7, 6, 2], "y": [0, 0, 0, 0], "p": p}
    record = ImageRecord.model_validate(content)
    assert [said.index for said in image_examples.choose(record, record, 3)[True, True]] == [2, 7, 6]


def test_the_pixels_are_those_of_the_store(world, store):
    drawn = image_figure.build("images-examples", ImageInputs("small", tuple(world)), Given(stores=(store,)))
    shown = [int(axis.images[0].get_array().max()) for axis in drawn.axes if axis.images]  # type: ignore[union-attr]
    assert shown == [3, 9, 8, 5]
    text = words(drawn)
    assert "CNN: ill 0.80 ×" in text and "DEQ: ill 0.75" in text and "no other" in text and "seed 0" in text


def test_another_store_is_refused(world, store, tmp_path):
    inputs = ImageInputs("small", tuple(world))
    pixels = np.zeros((20, 3, 8, 8), np.uint8)
    safetensors.numpy.save_file({"pixels": pixels}, store, {"kanrepro": json.dumps({"name": "lungs"})})
    with pytest.raises(UserError, match="is not the set that cnn was tested on") as caught:
        image_figure.build("images-examples", inputs, Given(stores=(store,)))
    assert str(store) in str(caught.value)
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"nothing")
    with pytest.raises(UserError, match="is not an image set"):
        image_examples.stores([broken])
    with pytest.raises(UserError, match="hold the same set"):
        copy = tmp_path / "copy.safetensors"
        copy.write_bytes(store.read_bytes())
        image_examples.stores([store, copy])
