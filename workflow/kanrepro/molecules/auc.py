"""ROC-AUC of several tasks with missing labels: each task on the labels that it has, then the mean of what exists.

Shapes: G molecules, T tasks. Labels are 1, -1, and 0 where a label is missing (as in Hu et al.).
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Aucs = list[float | None]


def roc_auc(positive: NDArray[np.bool_], scores: NDArray[np.floating]) -> float | None:
    """The probability that a positive has a higher score than a negative, equal scores counting half.

    None where there are no positives or no negatives.
    """
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        return None
    ranks = float(rankdata(scores)[positive].sum())
    return (ranks - positives * (positives + 1) / 2) / (positives * negatives)


def task_aucs(y: NDArray[np.integer], scores: NDArray[np.floating]) -> Aucs:
    """The ROC-AUC of each task from labels y (G, T) and scores (G, T); None for tasks without both classes.

    Raises:
        ValueError: shapes that do not fit, or a score that is no number: it would rank somewhere all the same.
    """
    if y.shape != scores.shape or y.ndim != 2:
        raise ValueError(f"labels {y.shape} and scores {scores.shape} must both be (molecules, tasks)")
    if not np.isfinite(scores).all():
        raise ValueError("a score is not finite")
    present = y != 0
    return [roc_auc(y[have, task] > 0, scores[have, task]) for task, have in enumerate(present.T)]


def mean_auc(aucs: Sequence[float | None]) -> float | None:
    """The mean over the tasks that have a ROC-AUC; None where none has."""
    found = [auc for auc in aucs if auc is not None]
    return math.fsum(found) / len(found) if found else None
