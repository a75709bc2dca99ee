"""The SVM evaluation beside scikit-learn's GridSearchCV: the same protocol, the same predictions, the time of each."""

import time
from collections.abc import Callable, Iterator

import numpy as np
import psutil
import torch
from clocks import settings_for
from harness import Effort, Line, Times, fastest, judged, ratio, words
from numpy.typing import NDArray
from sets import Set, chosen
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC

from kanrepro.pretraining.training import Training
from kanrepro.tu.settings import SvmSettings
from kanrepro.tu.splits import stratified_folds
from kanrepro.tu.svm import cross_validate

CORES = 2
ALONE = 2  # folds for which scikit-learn is run on one core


def lines(effort: Effort) -> Iterator[Line]:
    """All folds on two cores, with scikit-learn on two and (a few folds) on one; predictions that differ."""
    data = chosen(effort)[-1]  # the largest
    z, y = _embeddings(data, 1 if effort.quick else 5)
    settings = SvmSettings(c_values=(1.0, 10.0), folds=2, inner_folds=2) if effort.quick else SvmSettings()
    tests = [np.array(test) for test in stratified_folds(y, settings.folds, seed=0)]
    few = z[::10], y[::10], [np.arange(5)], settings
    _ours(*few)  # compiles
    _sklearn(*few, CORES)  # starts the workers

    def ours() -> list[NDArray[np.int64]]:
        return _ours(z, y, tests, settings)

    found, (before, cpu) = _clocked(ours)
    wanted, (two, cpu_sklearn) = _clocked(lambda: _sklearn(z, y, tests, settings, CORES))
    _, (after, _) = _clocked(ours)
    _, (one, _) = _clocked(lambda: _sklearn(z, y, tests[:ALONE], settings, 1))
    times = {
        "kanrepro": Times([(before + after) / 2]),  # one run of minutes meets all neighbours: so must this one
        "GridSearchCV": Times([two]),
        "GridSearchCV on one core": Times([one / len(tests[:ALONE]) * len(tests)]),
    }
    name = f"SVM protocol on {data.name} ({len(z)} graphs, {len(tests)} folds)"
    note = words("mean of two runs, before and after GridSearchCV", data.note)
    yield fastest(name, times, "kanrepro", "s", threads=CORES, note=note)
    faster = f"{name}, faster than GridSearchCV"
    target = judged(effort, ">= 5")
    yield ratio(faster, times, "GridSearchCV", "kanrepro", target, threads=CORES, note=data.note)
    note = words(f"GridSearchCV extrapolated from {len(tests[:ALONE])} folds", data.note)
    yield ratio(f"{faster} on one core", times, "GridSearchCV on one core", "kanrepro", threads=CORES, note=note)
    note = words("what a busy machine changes least", data.note)
    yield Line(f"{name}, fewer processor seconds than GridSearchCV", cpu_sklearn / cpu, "x", threads=CORES, note=note)
    differing = sum(int((a != b).sum()) for a, b in zip(found, wanted, strict=True))
    yield Line(f"{name}, predictions other than GridSearchCV's", differing, "", "<= 0", note=data.note)


def _embeddings(data: Set, epochs: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """z (G, D) of a briefly trained encoder, unscaled as the protocol has it, and labels (G,)."""
    store = data.store()
    training = Training(store, settings_for("graphcl", "own"), seed=0, device="cpu")
    for _ in range(epochs):
        training.run_epoch()
    graphs, encoder = training.graphs, training.model.encoder.eval()
    with torch.inference_mode():
        parts = [encoder(graphs.original.batch(index, graphs.x)) for index in torch.arange(len(store)).split(512)]
    return torch.cat(parts).double().numpy(), store.y[:, 0].numpy()


def _ours(
    z: NDArray[np.float64], y: NDArray[np.int64], tests: list[NDArray[np.int64]], settings: SvmSettings
) -> list[NDArray[np.int64]]:
    return cross_validate(z, y, tests, settings.c_values, settings.inner_folds, CORES).predictions


def _sklearn(
    z: NDArray[np.float64], y: NDArray[np.int64], tests: list[NDArray[np.int64]], settings: SvmSettings, jobs: int
) -> list[NDArray[np.int64]]:
    predictions = []
    for test in tests:
        train = np.setdiff1d(np.arange(len(y)), test)
        search = GridSearchCV(SVC(), {"C": list(settings.c_values)}, cv=settings.inner_folds, n_jobs=jobs)
        predictions.append(search.fit(z[train], y[train]).predict(z[test]))
    return predictions


def _clocked(run: Callable[[], list[NDArray[np.int64]]]) -> tuple[list[NDArray[np.int64]], tuple[float, float]]:
    """What `run` returns, and its seconds by the clock and by the processors of this process and its workers."""
    begun, used = time.perf_counter(), _processor_seconds()
    made = run()
    return made, (time.perf_counter() - begun, _processor_seconds() - used)


def _processor_seconds() -> float:
    me = psutil.Process()
    return sum(times.user + times.system for times in (part.cpu_times() for part in (me, *me.children(recursive=True))))
