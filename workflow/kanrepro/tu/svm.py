"""The SVM protocol of unsupervised graph learning (GraphCL's, after InfoGraph): do frozen embeddings tell the classes?

For each outer fold: a grid search over C by stratified cross-validation inside the training part, an RBF machine with
the best C refitted on all of it, its accuracy on the held-out fold. Features are not scaled; gamma is 1 / (D var(z)) of
each training part by itself. This is scikit-learn's

    GridSearchCV(SVC(), {"C": c_values}, cv=inner_folds).fit(z[train], y[train]).score(z[test], y[test])

to the last prediction, several times faster: squared distances are computed once for the set, kernels once for all C
(`kanrepro.tu.rbf`), and the machines are trained by `kanrepro.tu.smo`.

Shapes: G graphs, D features, F outer folds, T graphs of a fold.
"""

import itertools
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kanrepro.core.errors import UserError
from kanrepro.tu import rbf, smo

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class SvmResult:
    """What each outer fold gave: accuracies (F,) as fractions, the chosen C (F,), predicted labels F x (T,)."""

    accuracies: list[float]
    chosen_c: list[float]
    predictions: list[NDArray[Any]]


@dataclass(frozen=True)
class _Set:
    """One data set: features z (G, D), classes y (G,) from 0 on, both squared distances (G, G) of `kanrepro.tu.rbf`."""

    z: Floats
    y: Indices
    trained: Floats
    tested: Floats


class _Scratch(threading.local):
    """Two square buffers a thread, kept between tasks: fresh memory of their size costs more than the kernel in it."""

    buffers: NDArray[np.float32] = np.empty((2, 0), np.float32)

    def squares(self, n: int) -> NDArray[np.float32]:
        if self.buffers.shape[1] < n * n:
            self.buffers = np.empty((2, n * n), np.float32)
        return self.buffers[:, : n * n].reshape(2, n, n)


def cross_validate(
    z: ArrayLike,
    y: ArrayLike,
    test_folds: Sequence[ArrayLike],
    c_values: Sequence[float],
    inner_folds: int = 5,
    threads: int = 1,
) -> SvmResult:
    """Evaluate embeddings z (G, D) with labels y (G,) on outer folds, each the indices (T,) of its test graphs.

    A fold trains on all other graphs, in ascending order. Among values of C with equal scores the first is chosen. The
    result does not depend on `threads`. Memory: 16 G^2 bytes, and 8 G^2 for each thread.

    Raises:
        UserError: z holds NaN or infinity, shapes disagree, a fold is not a set of graphs, a C is not positive, or a
            training part has fewer than two classes or too few graphs for the inner folds.
    """
    z, folds = _features(z), [np.asarray(fold, np.int64) for fold in test_folds]
    labels, y = np.unique(np.asarray(y), return_inverse=True)
    _check(z, y, folds, c_values, inner_folds)
    parts = [np.setdiff1d(np.arange(len(z)), test) for test in folds]
    splits = [split for part in parts for split in _splits(part, y, inner_folds)]
    scratch = _Scratch()
    pool = ThreadPoolExecutor(max(1, threads))
    try:
        data = _Set(z, y, *_distances(z, pool))

        def score(split: tuple[Indices, Indices]) -> Floats:
            train, test = split
            return np.mean(_predict(data, train, test, c_values, scratch) == y[test], axis=1)

        def refit(train: Indices, test: Indices, c: float) -> Indices:
            return _predict(data, train, test, [c], scratch)[0]

        scores = np.array(list(pool.map(score, splits))).reshape(len(folds), inner_folds, len(c_values))
        means = np.average(np.ascontiguousarray(scores.transpose(0, 2, 1)), axis=2)  # summed in GridSearchCV's order
        chosen = [float(c_values[best]) for best in np.argmax(means, axis=1)]
        predictions = list(pool.map(refit, parts, folds, chosen))
    finally:
        pool.shutdown(cancel_futures=True)
    accuracies = [float(np.mean(found == y[test])) for found, test in zip(predictions, folds, strict=True)]
    return SvmResult(accuracies, chosen, [labels[found] for found in predictions])


def _features(z: ArrayLike) -> Floats:
    z = np.ascontiguousarray(z, np.float64)
    if z.ndim != 2 or z.size == 0:
        raise UserError(f"embeddings of shape {z.shape}: expected (graphs, features), neither of them 0.")
    bad = np.flatnonzero(~np.isfinite(z).all(axis=1))
    if len(bad):
        raise UserError(f"the embeddings of {len(bad)} graphs hold NaN or infinity, first that of graph {bad[0]}.")
    if np.abs(z).max() > 1e100:
        raise UserError(f"embeddings as large as {np.abs(z).max():.1e}: their squares leave the range of numbers.")
    return z


def _check(z: Floats, y: Indices, folds: list[Indices], c_values: Sequence[float], inner_folds: int) -> None:
    if y.shape != z.shape[:1]:
        raise UserError(f"{len(z)} embeddings and labels of shape {y.shape}: expected one label for each graph.")
    if not len(c_values) or not min(c_values) > 0:
        raise UserError(f"svm.c_values {list(c_values)}: give at least one value, all positive.")
    if inner_folds < 2:
        raise UserError(f"svm.inner_folds {inner_folds}: give at least 2.")
    for number, fold in enumerate(folds):
        if not len(fold) or len(np.unique(fold)) < len(fold) or fold.min() < 0 or fold.max() >= len(z):
            raise UserError(f"test fold {number} is not a set of graph numbers below {len(z)}: make the folds again.")


def _distances(z: Floats, pool: ThreadPoolExecutor) -> tuple[Floats, Floats]:
    trained, tested = np.empty((2, len(z), len(z)))
    step = min(16, len(z))  # interleaved rows, so that the parts are alike in size
    list(pool.map(lambda start: rbf.squared_distances(z, start, step, trained, tested), range(step)))
    return trained, tested


def _splits(part: Indices, y: Indices, inner_folds: int) -> Iterator[tuple[Indices, Indices]]:
    """The inner splits (train, test) of a training part, after checking that machines can be trained on them."""
    members = np.bincount(y[part])
    if np.count_nonzero(members) < 2:
        raise UserError("a training part holds graphs of one class only: an SVM needs two.")
    if members.max() < inner_folds:
        raise UserError(f"no class has {inner_folds} graphs in a training part: lower svm.inner_folds.")
    fold = stratified(y[part], inner_folds)
    for k in range(inner_folds):
        train, test = part[fold != k], part[fold == k]
        if np.ptp(y[train]) == 0:
            raise UserError("an inner training part holds graphs of one class only: the other has too few graphs.")
        yield train, test


def stratified(y: Indices, folds: int) -> Indices:
    """The fold (N,) of each of N graphs with classes y, as scikit-learn's StratifiedKFold without shuffling has it.

    The graphs, sorted by class in order of first appearance, are dealt out like cards: that makes the size of each
    class in each fold. The graphs themselves go to the folds in runs. (Own code, since scikit-learn is slow to import.)
    """
    _, first, y = np.unique(y, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))[y]
    sizes = np.zeros((len(first), folds), np.int64)
    np.add.at(sizes, (np.sort(rank), np.arange(len(y)) % folds), 1)
    fold = np.empty(len(y), np.int64)
    for k, counts in enumerate(sizes):
        fold[rank == k] = np.repeat(np.arange(folds), counts)
    return fold


def _predict(data: _Set, train: Indices, test: Indices, c_values: Sequence[float], scratch: _Scratch) -> Indices:
    """Predictions (values of C, T) of machines trained on `train`: one against one, the first class with most votes."""
    z, y = data.z[train], data.y[train]
    variance = z.var()
    gamma = 1.0 / (z.shape[1] * variance) if variance != 0 else 1.0
    if not np.isfinite(gamma):
        raise UserError(f"the embeddings' variance {variance:.1e} is too small for the kernel width 1 / (D variance).")
    classes = np.unique(y)
    votes = np.zeros((len(c_values), len(test), len(classes)), np.int64)
    for first, second in itertools.combinations(range(len(classes)), 2):
        positive, negative = train[y == classes[first]], train[y == classes[second]]
        members, sign = np.concatenate([positive, negative]), np.repeat([1.0, -1.0], [len(positive), len(negative)])
        kernel, packed = scratch.squares(len(members))
        rbf.training_kernel(data.trained, members, gamma, kernel)
        coefficients, intercepts, _ = zip(*(smo.solve(kernel, sign, float(c), packed) for c in c_values), strict=True)
        values = rbf.decision(data.tested, members, test, gamma, np.array(coefficients), np.array(intercepts))
        votes[..., first] += values > 0
        votes[..., second] += values <= 0
    return classes[votes.argmax(axis=2)]
