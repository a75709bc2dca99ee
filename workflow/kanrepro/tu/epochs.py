"""Which epoch counts: a training's encoders at several epochs, evaluated alike, and three rules that pick one.

The last epoch needs no labels. A rule that looks at accuracies picks among them: those of validation folds, or those of
the test folds themselves, as the released code of Khan-GCL reports (zihuwang97/KhanGCL@249b7b1).
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kanrepro.core.record import Metric
from kanrepro.tu.settings import SvmSettings
from kanrepro.tu.svm import cross_validate

RULES = {"best_validation": "best on validation folds", "best_test": "best on test folds"}  # beside the last epoch


@dataclass(frozen=True)
class Look:
    """One epoch: accuracies as fractions, of each test fold, and in the mean over validation folds."""

    epoch: int
    test: float
    validation: float
    folds: list[float]


def validation(
    z: NDArray[np.float64], y: NDArray[np.int64], test: Sequence[NDArray[np.int64]], settings: SvmSettings, threads: int
) -> float:
    """The mean accuracy on validation folds: for each test fold the next one, by machines that saw neither.

    z (G, D) and y (G,); a grid search for C as for test folds. (The released code draws a tenth of the graphs instead.)
    """
    found = []
    for number, fold in enumerate(test):
        rest = np.setdiff1d(np.arange(len(y)), fold)
        held_out = np.searchsorted(rest, np.sort(test[(number + 1) % len(test)]))
        made = cross_validate(z[rest], y[rest], [held_out], settings.c_values, settings.inner_folds, threads)
        found.append(made.accuracies[0])
    return float(np.mean(found))


def kept_epochs(checkpoint: Path) -> list[int]:
    """The epochs before the last whose encoders a checkpoint holds, ascending."""
    from kanrepro.core import checkpoint as file

    return sorted({int(name.split(".")[1]) for name in file.load(checkpoint)[0] if name.startswith("epoch.")})


def selected(looks: Sequence[Look]) -> dict[str, Metric]:
    """The test accuracy at the epoch that each rule picks, the first of equals; nothing where one epoch was seen."""
    if len(looks) < 2:
        return {}
    picked = {
        "best_validation": max(looks, key=lambda look: look.validation),
        "best_test": max(looks, key=lambda look: look.test),
    }
    return {f"accuracy_{rule}": Metric(value=look.test, folds=look.folds) for rule, look in picked.items()}


def best_of(scores: Sequence[float]) -> list[float]:
    """For k = 1 ... n the mean of the best of k among n scores, over all choices of k of them (order statistics)."""
    ranked, n = sorted(scores), len(scores)
    return [
        math.fsum(score * math.comb(below, k - 1) for below, score in enumerate(ranked)) / math.comb(n, k)
        for k in range(1, n + 1)
    ]


def told(looks: Sequence[Look]) -> dict[str, Any]:
    """What a record says of all epochs."""
    return {"epochs": [asdict(look) for look in looks]} if looks else {}
