"""The SVM protocol of unsupervised graph learning (GraphCL's, after InfoGraph): how well frozen embeddings tell classes.

For each outer fold: a grid search over C by stratified cross-validation inside the training part, an RBF machine with
the best C refitted on all of it, its accuracy on the held-out fold. Features are not scaled; gamma is 1 / (D var(z)) of
each training part by itself. This is scikit-learn's

    GridSearchCV(SVC(), {"C": c_values}, cv=inner_folds).fit(z[train], y[train]).score(z[test], y[test])

to the last prediction, several times faster: squared distances are computed once for the set, kernels once for all C
(`kanrepro.rbf`), and the machines are trained by `kanrepro.smo`.

Shapes: G graphs, D features, F outer folds, T graphs of a fold.
"""

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kanrepro import rbf, smo
from kanrepro.errors import UserError

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class SvmResult:
    """What the outer folds gave, in their order: accuracies (F,) as fractions, the chosen C (F,), predictions F x (T,)."""

    accuracies: list[float]
    chosen_c: list[float]
    predictions: list[Labels]


@dataclass(frozen=True)
class _Set:
    """One data set: features z (G, D), labels y (G,), squared distances (G, G) rounded as libsvm does on two paths."""

    z: Floats
    y: Labels
    trained: Floats  # |a|^2 + |b|^2 - 2 a.b, in training
    tested: Floats  # |a - b|^2, in prediction


class _Scratch(threading.local):
    """Two square buffers a thread, kept from task to task: fresh memory of this size costs more than the kernel in it."""

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
    """Evaluate embeddings z (G, D) with labels y (G,) on the outer folds, each given as the indices (T,) of its test graphs.

    A fold trains on all other graphs, in ascending order. Among values of C with equal scores the first is chosen. The
    result does not depend on `threads`. Memory: 16 G^2 bytes, and 8 G^2 for each thread.

    Raises:
        UserError: z holds NaN or infinity, shapes disagree, a fold is not a set of graphs, a C is not positive, or a
            training part has fewer than two classes or too few graphs for the inner folds.
    """
    z, y, folds = _checked(z, y, test_folds, c_values, inner_folds)
    scratch = _Scratch()
    with ThreadPoolExecutor(max(1, threads)) as pool:
        data = _Set(z, y, *_distances(z, pool.map))
        parts = [np.setdiff1d(np.arange(len(z)), test) for test in folds]
        splits = [list(_stratified(part, y, inner_folds)) for part in parts]

        def inner(split: tuple[Indices, Indices]) -> Floats:
            return np.mean(_predict(data, *split, c_values, scratch) == y[split[1]], axis=1)

        def outer(part: Indices, test: Indices, c: float) -> Labels:
            return _predict(data, part, test, [c], scratch)[0]

        scores = np.array(list(pool.map(inner, itertools.chain(*splits)))).reshape(len(folds), inner_folds, len(c_values))
        means = np.average(np.ascontiguousarray(scores.transpose(0, 2, 1)), axis=2)  # rounded as GridSearchCV's
        chosen = [float(c_values[best]) for best in np.argmax(means, axis=1)]
        predictions = list(pool.map(outer, parts, folds, chosen))
    accuracies = [float(np.mean(found == y[test])) for found, test in zip(predictions, folds, strict=True)]
    return SvmResult(accuracies, chosen, predictions)


def _checked(
    z: ArrayLike, y: ArrayLike, test_folds: Sequence[ArrayLike], c_values: Sequence[float], inner_folds: int
) -> tuple[Floats, Labels, list[Indices]]:
    z, y = np.ascontiguousarray(z, np.float64), np.asarray(y)
    if z.ndim != 2 or y.shape != z.shape[:1] or z.size == 0:
        raise UserError(f"embeddings {z.shape} and labels {y.shape} do not fit: expected (G, D) and (G,).")
    if not np.isfinite(z).all():
        graphs = np.flatnonzero(~np.isfinite(z).all(axis=1))
        raise UserError(f"the embeddings of {len(graphs)} graphs hold NaN or infinity (first: graph {graphs[0]}).")
    if not c_values or min(c_values) <= 0:
        raise UserError(f"svm.c_values {list(c_values)}: give at least one value, all positive.")
    if inner_folds < 2:
        raise UserError(f"svm.inner_folds {inner_folds}: give at least 2.")
    folds = [np.asarray(fold, np.int64) for fold in test_folds]
    for number, fold in enumerate(folds):
        if not len(fold) or len(np.unique(fold)) < len(fold) or fold.min() < 0 or fold.max() >= len(z):
            raise UserError(f"test fold {number} is not a set of graph numbers below {len(z)}: make the folds file again.")
    return z, np.unique(y, return_inverse=True)[1] if y.dtype.kind not in "iu" else y.astype(np.int64), folds


def _distances(z: Floats, run: Callable[..., Iterator[None]]) -> tuple[Floats, Floats]:
    """Both squared distances (G, G) of `_Set`."""
    trained, tested = np.empty((2, len(z), len(z)))
    step = min(16, len(z))  # interleaved rows: parts of like size
    list(run(lambda start: rbf.squared_distances(z, start, step, trained, tested), range(step)))
    return trained, tested


def _stratified(part: Indices, y: Labels, inner_folds: int) -> Iterator[tuple[Indices, Indices]]:
    """The inner splits of a training part, as scikit-learn's StratifiedKFold without shuffling makes them."""
    from sklearn.model_selection import StratifiedKFold

    classes, members = np.unique(y[part], return_counts=True)
    if len(classes) < 2:
        raise UserError("a training part holds graphs of one class only: an SVM needs at least two.")
    if members.max() < inner_folds:
        raise UserError(f"no class has {inner_folds} graphs in a training part: lower svm.inner_folds or take a larger set.")
    for train, test in StratifiedKFold(inner_folds).split(part, y[part]):
        if len(np.unique(y[part[train]])) < 2:
            raise UserError("an inner training part holds graphs of one class only: too few graphs of the other.")
        yield part[train], part[test]


def _predict(data: _Set, train: Indices, test: Indices, c_values: Sequence[float], scratch: _Scratch) -> NDArray[Any]:
    """Predictions (values of C, T) of machines trained on `train`: one against one, the first class with most votes."""
    classes = np.unique(data.y[train])
    variance = data.z[train].var()
    gamma = 1.0 / (data.z.shape[1] * variance) if variance != 0 else 1.0
    votes = np.zeros((len(c_values), len(test), len(classes)), np.int64)
    for first, second in itertools.combinations(range(len(classes)), 2):
        pair = [train[data.y[train] == classes[k]] for k in (first, second)]
        members = np.concatenate(pair)
        sign = np.repeat([1.0, -1.0], [len(part) for part in pair])
        kernel, packed = scratch.squares(len(members))
        rbf.training_kernel(data.trained, members, gamma, kernel)
        machines = [smo.solve(kernel, sign, float(c), packed) for c in c_values]
        coefficients, intercepts = np.array([m[0] for m in machines]), np.array([m[1] for m in machines])
        positive = rbf.decision(data.tested, members, test, gamma, coefficients, intercepts) > 0
        votes[..., first] += positive
        votes[..., second] += ~positive
    return classes[votes.argmax(axis=2)]
