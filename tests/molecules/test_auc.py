"""ROC-AUC over tasks with missing labels: by hand, beside scikit-learn, and never a silent NaN."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from kanrepro.molecules.auc import mean_auc, roc_auc, task_aucs


def test_masks_by_hand() -> None:
    y = np.array([[1, 1, 0, 1], [-1, 0, 0, 1], [1, -1, 0, 1], [-1, 1, 0, 0]])
    scores = np.array([[4.0, 1, 9, 1], [3, 8, 9, 2], [2, 2, 9, 3], [1, 3, 9, 4]])
    # task 0: pairs (4>3), (4>1), (2<3), (2>1): 3 of 4. Task 1 without row 1: positives 1 and 3, negative 2: 1 of 2.
    # Task 2 has no label, task 3 no negative.
    assert task_aucs(y, scores) == [0.75, 0.5, None, None]
    assert mean_auc([0.75, 0.5, None, None]) == 0.625
    assert mean_auc([None]) is None and mean_auc([]) is None


def test_equal_scores_count_half() -> None:
    assert roc_auc(np.array([True, False]), np.zeros(2)) == 0.5
    assert roc_auc(np.array([True, True, False]), np.array([1.0, 0, 0])) == 0.75


@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=2, max_size=40))
def test_it_is_scikit_learns(rows: list[tuple[bool, int]]) -> None:
    positive, scores = (np.array(column) for column in zip(*rows, strict=True))
    found = roc_auc(positive, scores.astype(float))
    if positive.all() or not positive.any():
        assert found is None
    else:
        assert found == pytest.approx(roc_auc_score(positive, scores), abs=1e-12)


def test_order_and_monotone_scores_change_nothing() -> None:
    rng = np.random.default_rng(0)
    y, scores = rng.integers(-1, 2, (60, 3)), rng.normal(size=(60, 3))
    order = rng.permutation(60)
    assert task_aucs(y[order], scores[order]) == pytest.approx(task_aucs(y, scores))
    assert task_aucs(y, np.exp(scores)) == pytest.approx(task_aucs(y, scores))


def test_what_is_no_number_does_not_get_a_rank() -> None:
    with pytest.raises(ValueError, match="not finite"):
        task_aucs(np.array([[1], [-1]]), np.array([[np.nan], [0.0]]))
    with pytest.raises(ValueError, match="must both be"):
        task_aucs(np.array([[1], [-1]]), np.zeros((2, 2)))
