"""The SVM protocol against scikit-learn's GridSearchCV, to the last prediction; the solver against SVC."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.svm import SVC

from kanrepro.core.errors import UserError
from kanrepro.tu import rbf, smo
from kanrepro.tu.svm import SvmResult, cross_validate, stratified

C_VALUES = [10.0**k for k in range(-3, 4)]


def folds(y: np.ndarray, count: int, seed: int = 0) -> list[np.ndarray]:
    return [test for _, test in StratifiedKFold(count, shuffle=True, random_state=seed).split(y, y)]


def reference(z: np.ndarray, y: np.ndarray, tests: list[np.ndarray], inner: int, c_values: list[float]) -> SvmResult:
    """The protocol in scikit-learn's words."""
    accuracies, chosen, predictions = [], [], []
    for test in tests:
        train = np.setdiff1d(np.arange(len(y)), test)
        search = GridSearchCV(SVC(), {"C": c_values}, cv=inner, scoring="accuracy").fit(z[train], y[train])
        accuracies.append(search.score(z[test], y[test]))
        chosen.append(search.best_params_["C"])
        predictions.append(search.predict(z[test]))
    return SvmResult(accuracies, chosen, predictions)


def same(
    z: np.ndarray, y: np.ndarray, tests: list[np.ndarray], inner: int = 5, c_values: list[float] = C_VALUES
) -> None:
    found, wanted = cross_validate(z, y, tests, c_values, inner), reference(z, y, tests, inner, c_values)
    assert found.accuracies == wanted.accuracies
    assert found.chosen_c == wanted.chosen_c
    for ours, theirs in zip(found.predictions, wanted.predictions, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def embed(archive: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    """A real set through an untrained encoder, as the control rows have it."""
    import torch

    from kanrepro.core.streams import stream
    from kanrepro.models.encoders import build_encoder
    from kanrepro.models.settings import EncoderSettings
    from kanrepro.pretraining.graph_set import GraphSet
    from kanrepro.pretraining.settings import PretrainSettings
    from kanrepro.tu import read as tu

    store = tu.read(archive, name, 1000)
    graphs = GraphSet.prepare(store, PretrainSettings(), "cpu")
    encoder = build_encoder(graphs.x.shape[1], EncoderSettings(network="mlp"), stream(0, "initial"))
    with torch.inference_mode():
        z = encoder.eval()(graphs.original.batch(torch.arange(len(store)), graphs.x))
    return z.double().numpy(), store.y[:, 0].numpy()


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    classes=st.integers(2, 4),
    features=st.integers(1, 5),
    spread=st.sampled_from([1, 3, 1000]),  # few distinct values: graphs that coincide, ties everywhere
)
def test_small_sets_agree_to_the_last_prediction(seed: int, classes: int, features: int, spread: int) -> None:
    rng = np.random.default_rng(seed)
    y = np.sort(np.concatenate([np.repeat(np.arange(classes), 4), rng.integers(0, classes, 20)]))
    z = rng.integers(-spread, spread + 1, (len(y), features)) + 0.3 * y[:, None]
    same(z, y, folds(y, 2), inner=2, c_values=[0.01, 1.0, 100.0])


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 80), classes=st.integers(1, 5), count=st.integers(2, 7))
def test_inner_folds_are_those_of_scikit_learn(seed: int, n: int, classes: int, count: int) -> None:
    y = np.random.default_rng(seed).integers(0, classes, n)
    assume(np.bincount(y).max() >= count)  # refused by both
    found = stratified(y, count)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some class smaller than the number of folds
        for k, (_, test) in enumerate(StratifiedKFold(count).split(y, y)):
            np.testing.assert_array_equal(np.flatnonzero(found == k), test)


@pytest.mark.parametrize("z", [np.zeros((30, 3)), np.full((30, 2), 7.5)])
def test_constant_embeddings_agree(z: np.ndarray) -> None:
    y = np.arange(30) % 3 % 2
    same(z, y, folds(y, 3), inner=3)


def test_labels_of_any_kind_and_unsorted_first_appearance() -> None:
    rng = np.random.default_rng(1)
    y = np.array(["toxic", "inert", "active"])[np.arange(60) % 3]
    z = rng.normal(size=(60, 4)) + (y == "toxic")[:, None]
    same(z, y, folds(y, 4), inner=3)


@pytest.mark.filterwarnings("ignore:The least populated class")
def test_a_class_smaller_than_the_inner_folds_agrees() -> None:
    rng = np.random.default_rng(2)
    y = np.repeat([0, 1, 2], [20, 16, 4])
    same(rng.normal(size=(40, 3)), y, folds(y, 2), inner=5, c_values=[0.1, 10.0])


def test_wide_unscaled_features_with_exponential_tails_agree() -> None:
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, 300)
    z = np.exp(rng.normal(size=(300, 96)) * 3 + 0.5 * y[:, None])
    assert z.max() > 1e5
    same(z, y, folds(y, 3))


def test_a_real_set_agrees(mirror: Path) -> None:
    z, y = embed(mirror / "tu" / "MUTAG.zip", "MUTAG")
    same(z, y, folds(y, 10))


@pytest.mark.slow
def test_the_largest_labelled_set_agrees(mirror: Path) -> None:
    z, y = embed(mirror / "tu" / "NCI1.zip", "NCI1")
    same(z, y, folds(y, 10))


def test_threads_change_nothing() -> None:
    rng = np.random.default_rng(4)
    y = rng.integers(0, 3, 200)
    z = rng.normal(size=(200, 8)) + y[:, None]
    one, three = (cross_validate(z, y, folds(y, 4), C_VALUES, threads=threads) for threads in (1, 3))
    assert one.accuracies == three.accuracies and one.chosen_c == three.chosen_c
    for a, b in zip(one.predictions, three.predictions, strict=True):
        np.testing.assert_array_equal(a, b)


def problem(n: int, seed: int, noise: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, labels (0 first) and the kernel of a problem with overlapping classes."""
    rng = np.random.default_rng(seed)
    y = np.sort(rng.integers(0, 2, n))
    z = rng.normal(size=(n, 6)) * noise + y[:, None]
    trained, tested = np.empty((2, n, n))
    rbf.squared_distances(z, 0, 1, trained, tested)
    kernel = np.empty((n, n), np.float32)
    rbf.training_kernel(trained, np.arange(n), 1 / (6 * z.var()), kernel)
    return z, y, kernel


@pytest.mark.parametrize(
    ("n", "c", "noise"), [(150, 1.0, 1.0), (1500, 0.01, 2.0), (1500, 1.0, 2.0), (1500, 300.0, 1.5)]
)
def test_solver_takes_the_steps_of_libsvm(n: int, c: float, noise: float) -> None:
    """Sizes above 1000 shrink and restore; equal coefficients to the last bit mean equal steps."""
    z, y, kernel = problem(n, 5, noise)
    machine = SVC(C=c).fit(z, y)
    sign = np.where(y == 0, 1.0, -1.0)
    coefficients, intercept, steps = smo.solve(kernel, sign, c, np.empty_like(kernel))
    wanted = np.zeros(n)
    wanted[machine.support_] = -machine.dual_coef_[0]
    np.testing.assert_array_equal(coefficients, wanted)
    assert intercept == machine.intercept_[0]
    assert steps == machine.n_iter_[0]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(8, 60), c=st.sampled_from([1e-3, 1.0, 1e3]))
def test_solution_meets_the_optimality_conditions(seed: int, n: int, c: float) -> None:
    """Inside the box, on the constraint, and no pair can still move by more than the tolerance."""
    _, y, kernel = problem(n, seed, 1.0)
    sign = np.where(y == 0, 1.0, -1.0)
    coefficients, _, _ = smo.solve(kernel, sign, c, np.empty_like(kernel))
    alpha = coefficients * sign
    assert alpha.min() >= 0 and alpha.max() <= c
    assert abs(coefficients.sum()) <= 1e-9 * c * n
    slope = sign - kernel.astype(np.float64) @ coefficients  # -s times the gradient
    rises = np.where(sign > 0, alpha < c, alpha > 0)
    falls = np.where(sign > 0, alpha > 0, alpha < c)
    if rises.any() and falls.any():
        assert slope[rises].max() - slope[falls].min() < smo.TOLERANCE + 1e-9 * c * n


def test_distances_are_symmetric_and_zero_between_equal_graphs() -> None:
    z = np.repeat(np.random.default_rng(6).normal(size=(5, 7)) * 1e4, 2, axis=0)
    trained, tested = np.empty((2, 10, 10))
    for start in range(3):
        rbf.squared_distances(z, start, 3, trained, tested)
    for distances in (trained, tested):
        np.testing.assert_array_equal(distances, distances.T)
        assert (distances[::2, 1::2].diagonal() == 0).all()
        np.testing.assert_allclose(distances, ((z[:, None] - z) ** 2).sum(2), rtol=1e-9, atol=1e-4)


Z, Y = np.random.default_rng(7).normal(size=(20, 2)), np.arange(20) % 2


@pytest.mark.parametrize(
    ("z", "y", "tests", "c_values", "inner", "message"),
    [
        (np.where(np.arange(40).reshape(20, 2) == 6, np.nan, Z), Y, [[0, 1]], [1.0], 2, "first that of graph 3"),
        (np.where(np.arange(40).reshape(20, 2) == 6, np.inf, Z), Y, [[0, 1]], [1.0], 2, "NaN or infinity"),
        (Z * 1e200, Y, [[0, 1]], [1.0], 2, "range of numbers"),
        (Z * 1e-158, Y, [[0, 1]], [1.0], 2, "too small"),
        (Z[:, 0], Y, [[0, 1]], [1.0], 2, "shape"),
        (Z, Y[:9], [[0, 1]], [1.0], 2, "one label for each graph"),
        (Z, Y * 0, [[0, 1]], [1.0], 2, "one class only"),
        (Z, np.arange(20) // 19, [[0, 1]], [1.0], 2, "one class only"),
        (Z, np.arange(20), [[0, 1]], [1.0], 2, "no class has 2 graphs"),
        (Z, Y, [[0, 1], [2, 2]], [1.0], 2, "test fold 1"),
        (Z, Y, [[20]], [1.0], 2, "test fold 0"),
        (Z, Y, [[0, 1]], [], 2, "c_values"),
        (Z, Y, [[0, 1]], [1.0, -1.0], 2, "c_values"),
        (Z, Y, [[0, 1]], [1.0], 1, "inner_folds"),
    ],
)
def test_faults_are_named(
    z: np.ndarray, y: np.ndarray, tests: list[list[int]], c_values: list[float], inner: int, message: str
) -> None:
    with pytest.raises(UserError, match=message), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cross_validate(z, y, tests, c_values, inner)
