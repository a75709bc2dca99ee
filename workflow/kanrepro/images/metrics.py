"""Scores of a classifier on labelled images, with bootstrap intervals. One definition serves value and interval.

All scores take weights w (R, M), how often each of M images counts in each of R readings of the test set: ones for the
value, numbers of draws for a bootstrap resample. What is drawn are units (patients, tiles), whole: images of a patient
are alike, and intervals from images drawn one by one would be too narrow. Whatever a reading leaves undefined (the
recall of a class that is not in it) is NaN here and None in what `evaluate` gives.

p (M, C) are probabilities, the class with the largest one is predicted. With two classes, precision, recall,
specificity, F1 and AUC are those of class 1 (disease, malignant); with more, means over the classes, each against the
rest, that have one. Precision and F1 are 0 where a class that is there is never predicted, as in scikit-learn.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
BY_CLASS = ("precision", "recall", "specificity", "f1", "auc")
METRICS = ("accuracy", *BY_CLASS, "ece", "loss")
LEVEL = 95.0  # percent, of the intervals
_CHUNK = 1 << 22  # weights that are held at a time


class Evaluation(NamedTuple):
    """Scores of one model on one set of images."""

    metrics: dict[str, dict[str, float | None]]  # name to value, low, high
    per_class: list[dict[str, float | int | None]]  # BY_CLASS and support
    confusion: list[list[int]]  # rows are the truth


def evaluate(
    y: NDArray[np.int64],
    p: Array,
    bins: int = 15,
    resamples: int = 1000,
    seed: int = 0,
    units: NDArray[np.int64] | None = None,
) -> Evaluation:
    """All scores of probabilities p (M, C) for labels y (M,), whatever the order of the images.

    Args:
        bins: of the calibration error.
        resamples: of the units, for percentile intervals; 0 leaves `low` and `high` None.
        seed: of the resamples.
        units: (M,) a number for each image; those that share one are drawn together, and two models that are given the
            same images meet the same resamples. None: every image by itself.

    Raises:
        ValueError: no image, or shapes that do not fit.
    """
    images, classes = p.shape
    if images == 0 or y.shape != (images,) or (units is not None and units.shape != (images,)):
        raise ValueError(f"{y.shape} labels or units do not fit {p.shape} probabilities, or there are none.")
    unit = np.zeros(images, dtype=np.int64) if units is None else np.unique(units, return_inverse=True)[1]
    order = np.lexsort(
        (unit, *p.T, y)
    )  # so that resamples, and the last digit of sums, do not depend on the order given
    y, p = y[order], p[order]
    unit = np.arange(images) if units is None else unit[order]
    once = np.ones((1, images))
    by_class = class_scores(y, p, once)
    values = summary(by_class) | pooled_scores(y, p, once, bins)
    drawn: dict[str, list[Array]] = {name: [] for name in METRICS}
    rng = np.random.default_rng(seed)
    step = max(1, _CHUNK // images)
    for start in range(0, resamples, step):
        weights = resample_weights(unit, min(step, resamples - start), rng)
        found = summary(class_scores(y, p, weights)) | pooled_scores(y, p, weights, bins)
        for name in METRICS:
            drawn[name].append(found[name])
    metrics = {name: _interval(float(values[name][0]), drawn[name]) for name in METRICS}
    per_class = [
        {name: _defined(by_class[name][0, c]) for name in BY_CLASS} | {"support": int((y == c).sum())}
        for c in range(classes)
    ]
    return Evaluation(metrics, per_class, confusion(y, p, once)[0].astype(int).tolist())


def resample_weights(unit: NDArray[np.int64], resamples: int, rng: np.random.Generator) -> Array:
    """w (R, M): how often each image is drawn, where U units are, with replacement; `unit` (M,) counts from 0."""
    count = int(unit.max()) + 1
    drawn = rng.integers(count, size=(resamples, count)) + count * np.arange(resamples)[:, None]
    times = np.bincount(drawn.ravel(), minlength=resamples * count).reshape(resamples, count)
    return times[:, unit].astype(float)


def confusion(y: NDArray[np.int64], p: Array, w: Array) -> Array:
    """(R, C, C): weight of the images of class i (row) that were taken for class j."""
    classes = p.shape[1]
    cell = y * classes + p.argmax(axis=1)
    return (w @ np.eye(classes**2)[cell]).reshape(-1, classes, classes)


def class_scores(y: NDArray[np.int64], p: Array, w: Array) -> dict[str, Array]:
    """Each of BY_CLASS as (R, C), every class against the rest."""
    table = confusion(y, p, w)
    hit = np.diagonal(table, axis1=1, axis2=2)
    there, taken = table.sum(axis=2), table.sum(axis=1)
    others = table.sum(axis=(1, 2))[:, None] - there
    return {
        "precision": np.where((taken == 0) & (there > 0), 0.0, _ratio(hit, taken)),
        "recall": _ratio(hit, there),
        "specificity": _ratio(others - (taken - hit), others),
        "f1": _ratio(2 * hit, np.where(there > 0, there + taken, 0)),
        "auc": np.stack([auc(y == c, p[:, c], w) for c in range(p.shape[1])], axis=1),
    }


def summary(by_class: dict[str, Array]) -> dict[str, Array]:
    """Each score (R,): that of class 1 of two classes, else the mean over the classes that have one."""
    return {name: v[:, 1] if v.shape[1] == 2 else _mean_of_defined(v) for name, v in by_class.items()}


def pooled_scores(y: NDArray[np.int64], p: Array, w: Array, bins: int) -> dict[str, Array]:
    """Scores (R,) that know no classes: accuracy, expected calibration error, log loss (in nats).

    The calibration error (Guo et al. 2017) sorts images by the probability of the class that was predicted into bins of
    equal width, closed above, and averages |accuracy - mean probability| over them, weighted by their images.
    """
    correct, confidence, total = p.argmax(axis=1) == y, p.max(axis=1), w.sum(axis=1)
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gap = w @ ((correct - confidence)[:, None] * np.eye(bins)[place])  # (R, bins): summed over each bin's images
    nats = -np.log(np.maximum(p[np.arange(len(y)), y], np.finfo(float).tiny))
    return {
        "accuracy": w @ correct / total,
        "ece": np.abs(gap).sum(axis=1) / total,
        "loss": w @ nats / total,
    }


def auc(positive: NDArray[np.bool_], score: Array, w: Array) -> Array:
    """(R,): the chance that a positive scores above a negative, ties counted half (Mann-Whitney); NaN without both."""
    order = np.argsort(score, kind="stable")
    positive, w = positive[order], w[:, order]
    starts = np.flatnonzero(np.r_[True, np.diff(score[order]) > 0])  # of groups of equal scores
    pos = np.add.reduceat(w * positive, starts, axis=1)
    neg = np.add.reduceat(w * ~positive, starts, axis=1)
    below = neg.cumsum(axis=1) - neg / 2
    return _ratio((pos * below).sum(axis=1), pos.sum(axis=1) * neg.sum(axis=1))


def _ratio(above: Array, below: Array) -> Array:
    return np.divide(above, below, out=np.full(np.shape(below), np.nan), where=below > 0)


def _mean_of_defined(values: Array) -> Array:
    there = ~np.isnan(values)
    return _ratio(np.where(there, values, 0.0).sum(axis=1), there.sum(axis=1).astype(float))


def _interval(value: float, drawn: list[Array]) -> dict[str, float | None]:
    """A score with the percentiles of its resamples, those left out in which it is undefined."""
    made = np.concatenate(drawn) if drawn else np.empty(0)
    made = made[~np.isnan(made)]
    if np.isnan(value) or not made.size:
        return {"value": _defined(value), "low": None, "high": None}
    low, high = np.percentile(made, [50 - LEVEL / 2, 50 + LEVEL / 2])
    return {"value": value, "low": float(low), "high": float(high)}


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
