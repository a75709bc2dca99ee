"""The ridge classifier against scikit-learn's, and what taking components away does."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from kanrepro.studies.linear import RIDGE, RidgeFold


@pytest.fixture
def world() -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Ninety graphs of three classes, told apart by the first two of five components; the last is constant."""
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    z = rng.normal(size=(90, 5))
    z[:, 0] += 3 * (y == 1)
    z[:, 1] += 3 * (y == 2)
    z[:, 4] = 7
    return z, y, list(range(0, 90, 4))


def by_scikit_learn(z: np.ndarray, y: np.ndarray, test: list[int], kept: list[int]) -> float:
    trains = np.setdiff1d(np.arange(len(y)), test)
    mean, std = z[trains].mean(0), z[trains].std(0)
    x = ((z - mean) / np.where(std > 0, std, 1))[:, kept]
    model = Ridge(alpha=RIDGE * len(trains)).fit(x[trains], 2 * np.eye(3)[y[trains]] - 1)
    return float((model.predict(x[test]).argmax(1) == y[test]).mean())


@pytest.mark.parametrize("gone", [[], [0], [0, 1], [2, 3, 4]])
def test_it_is_scikit_learns_ridge_without_the_components(world, gone: list[int]) -> None:
    z, y, test = world
    kept = [j for j in range(5) if j not in gone]
    assert RidgeFold(z, y, test).without(gone) == by_scikit_learn(z, y, test, kept)


def test_with_nothing_left_it_names_the_largest_class(world) -> None:
    z, y, test = world
    y = np.where(y == 1, 0, y)  # two thirds are of class 0
    assert RidgeFold(z, y, test).without(range(5)) == (y[test] == 0).mean()


def test_frozen_sets_one_component_to_its_mean(world) -> None:
    z, y, test = world
    trains = np.setdiff1d(np.arange(len(y)), test)
    for j, found in enumerate(RidgeFold(z, y, test).frozen()):
        changed = z.copy()
        changed[test, j] = z[trains, j].mean()
        assert found == RidgeFold(changed, y, test).without()  # the same training part, so the same weights
