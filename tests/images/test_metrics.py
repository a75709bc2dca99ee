"""Scores: scikit-learn as the oracle, hand-made cases, laws of the bootstrap, and what is undefined."""

import numpy as np
import pytest
from sklearn import metrics as oracle

from kanrepro.images.metrics import METRICS, Evaluation, auc, evaluate, resample_weights


def world(classes: int, images: int = 200, seed: int = 0, decimals: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities with some sense in them; rounding makes ties."""
    rng = np.random.default_rng(seed)
    y = np.r_[np.arange(classes), rng.integers(classes, size=images - classes)]
    p = rng.dirichlet(np.ones(classes), images) + 0.4 * np.eye(classes)[y]
    p = np.maximum((p / p.sum(axis=1, keepdims=True)).round(decimals), 10.0**-decimals)
    return y, p / p.sum(axis=1, keepdims=True)


def value(found: Evaluation, name: str) -> float:
    made = found.metrics[name]["value"]
    assert made is not None
    return made


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("classes", [2, 4])
def test_scores_are_those_of_scikit_learn(classes: int, seed: int) -> None:
    y, p = world(classes, seed=seed)
    taken = p.argmax(axis=1)
    average = "binary" if classes == 2 else "macro"
    matrix = oracle.confusion_matrix(y, taken)
    expected = {
        "accuracy": oracle.accuracy_score(y, taken),
        "precision": oracle.precision_score(y, taken, average=average),
        "recall": oracle.recall_score(y, taken, average=average),
        "f1": oracle.f1_score(y, taken, average=average),
        "auc": oracle.roc_auc_score(y, p[:, 1] if classes == 2 else p, multi_class="ovr"),
        "loss": oracle.log_loss(y, p),
    }
    found = evaluate(y, p, resamples=0)
    assert {name: value(found, name) for name in expected} == pytest.approx(expected, abs=1e-12)
    assert found.confusion == matrix.tolist()
    each = np.array(list(oracle.precision_recall_fscore_support(y, taken)), dtype=float).T
    for c, row in enumerate(found.per_class):
        alone = oracle.recall_score(y != c, taken != c)
        precision, recall, f1, support = each[c]
        expected_row = [precision, recall, alone, f1, oracle.roc_auc_score(y == c, p[:, c]), support]
        assert list(row.values()) == pytest.approx(expected_row)


def test_two_classes_have_the_scores_of_the_second() -> None:
    y = np.array([0, 0, 0, 1, 1])
    found = evaluate(y, np.eye(2)[[0, 0, 1, 1, 0]], resamples=0)
    assert (value(found, "recall"), value(found, "specificity")) == pytest.approx((1 / 2, 2 / 3))
    assert found.per_class[0]["recall"] == pytest.approx(2 / 3)


def test_calibration_error_by_hand() -> None:
    """Bins of 0.1: (0.8, 0.9] holds 0.9 (right) and 0.85 (wrong), (0.5, 0.6] holds 0.6 (right)."""
    p = np.array([[0.9, 0.1], [0.85, 0.15], [0.4, 0.6]])
    found = evaluate(np.array([0, 1, 1]), p, bins=10, resamples=0)
    assert value(found, "ece") == pytest.approx((abs(1 - 0.9 - 0.85) + abs(1 - 0.6)) / 3)


def test_a_perfect_classifier_has_perfect_scores_and_no_spread() -> None:
    y, _ = world(3)
    found = evaluate(y, np.eye(3)[y])
    worst = {"ece": 0.0, "loss": 0.0}
    for name in METRICS:
        assert set(found.metrics[name].values()) == {worst.get(name, 1.0)}, name


def test_one_class_alone_leaves_scores_undefined_not_nan() -> None:
    found = evaluate(np.zeros(5, dtype=np.int64), np.full((5, 2), [0.7, 0.3]), resamples=20)
    assert found.metrics["auc"] == found.metrics["recall"] == {"value": None, "low": None, "high": None}
    assert value(found, "accuracy") == 1.0
    assert found.per_class[1] == {
        "precision": None, "recall": None, "specificity": 1.0, "f1": None, "auc": None, "support": 0
    }  # fmt: skip


def test_a_class_never_predicted_has_precision_zero_and_one_never_there_is_left_out_of_means() -> None:
    y = np.array([0, 0, 1, 1])
    found = evaluate(y, np.eye(3)[[0, 0, 0, 0]], resamples=0)
    assert found.per_class[1]["precision"] == found.per_class[1]["f1"] == 0.0
    assert value(found, "recall") == pytest.approx((1 + 0) / 2)  # classes 0 and 1; nothing is known of class 2
    assert found.per_class[2]["recall"] is None


@pytest.mark.parametrize("classes", [2, 4])
def test_order_of_the_images_changes_nothing(classes: int) -> None:
    y, p = world(classes)
    order = np.random.default_rng(5).permutation(len(y))
    assert evaluate(y, p, resamples=50) == evaluate(y[order], p[order], resamples=50)


def test_a_resample_is_scored_as_the_images_drawn() -> None:
    """Weights say the same as the images themselves, written out as often as they were drawn."""
    y, p = world(3, images=40)
    w = resample_weights(np.arange(40), 5, np.random.default_rng(0))
    assert (w.sum(axis=1) == 40).all()
    for weights in w:
        drawn = np.repeat(np.arange(40), weights.astype(int))
        expected = oracle.roc_auc_score(y[drawn] == 1, p[drawn, 1])
        assert auc(y == 1, p[:, 1], weights[None]) == pytest.approx(expected)


def test_intervals_are_those_of_theory() -> None:
    """The accuracy of 400 images, 300 of them right, has a standard error of sqrt(0.75 * 0.25 / 400)."""
    y = np.zeros(400, dtype=np.int64)
    y[:200] = 1
    taken = np.where(np.arange(400) % 4 == 0, 1 - y, y)
    found = evaluate(y, np.eye(2)[taken], resamples=4000).metrics["accuracy"]
    assert found["value"] == 0.75
    half = 1.96 * np.sqrt(0.75 * 0.25 / 400)
    assert [found["low"], found["high"]] == pytest.approx([0.75 - half, 0.75 + half], abs=4e-3)


def test_images_of_one_unit_are_drawn_together() -> None:
    """Four copies of every image, a unit each, leave open what the images alone did; one by one they would not."""
    y, p = world(3, images=60)
    unit = np.arange(60)
    alone = evaluate(y, p, resamples=200, units=unit).metrics
    fourfold = np.repeat(unit, 4)
    together, apart = (evaluate(y[fourfold], p[fourfold], resamples=200, units=units) for units in (fourfold, None))
    for name in METRICS:
        assert list(together.metrics[name].values()) == pytest.approx(list(alone[name].values()), abs=1e-12)
    low, high, narrow = alone["accuracy"]["low"], alone["accuracy"]["high"], apart.metrics["accuracy"]
    assert narrow["high"] - narrow["low"] < 0.6 * (high - low)  # type: ignore[operator]


def test_units_of_unlike_sizes_are_drawn_by_number_whatever_the_order() -> None:
    y, p = world(2, images=50)
    unit = np.random.default_rng(3).integers(100, 112, 50)
    dense = np.unique(unit, return_inverse=True)[1]
    w = resample_weights(dense, 7, np.random.default_rng(0))
    for number in range(dense.max() + 1):
        assert (w[:, dense == number] == w[:, dense == number][:, :1]).all()
    first = np.unique(dense, return_index=True)[1]
    assert (w[:, first].sum(axis=1) == len(first)).all()
    order = np.random.default_rng(5).permutation(50)
    assert evaluate(y, p, resamples=30, units=unit) == evaluate(y[order], p[order], resamples=30, units=unit[order])


def test_chunks_of_resamples_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    y, p = world(3)
    whole = evaluate(y, p, resamples=30)
    monkeypatch.setattr("kanrepro.images.metrics._CHUNK", 7 * len(y))
    parts = evaluate(y, p, resamples=30)
    for name in METRICS:
        assert list(parts.metrics[name].values()) == pytest.approx(list(whole.metrics[name].values()), rel=1e-12)


@pytest.mark.parametrize("images", [0, 3])
def test_shapes_that_do_not_fit_are_refused(images: int) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        evaluate(np.zeros(4, dtype=np.int64), np.full((4, 2), 0.5), units=np.arange(images))
    with pytest.raises(ValueError, match="do not fit"):
        evaluate(np.zeros(images, dtype=np.int64), np.full((0 if images == 0 else 4, 2), 0.5))
