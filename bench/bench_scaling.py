"""How much sooner independent seeds are done when several are trained at once: on more cores, or together on a GPU."""

import dataclasses
import json
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import torch
from harness import Effort, Line, not_measured, ratio, side_by_side, words
from sets import chosen
from subprocesses import last_line, python

METHOD = "khan_gcl"


def lines(effort: Effort) -> Iterator[Line]:
    """Seeds as the workflow trains them, a process each with one thread, so many at a time; on the last set (NCI1)."""
    data = chosen(effort)[-1]
    seeds, epochs = (2, 1) if effort.quick else (4, 6)
    cuda = torch.cuda.is_available()
    at_once = (1, 2, 4) if cuda and not effort.quick else (1, 2)
    place = f"one {torch.cuda.get_device_name()}" if cuda else "as many cores"
    what = f"{METHOD} on {data.name}, {epochs} epochs a seed"
    runs = {f"{count} at a time": partial(train, data.path, seeds, epochs, count) for count in at_once}
    rounds = (1, 1) if effort.quick else (2, 2)
    try:
        times = side_by_side(runs, dataclasses.replace(effort, rounds=rounds))
    except RuntimeError as error:
        yield not_measured(what, str(error))
        return
    for name in runs:
        taken = times[name]
        note = words(f"{seeds} seeds, on {place}, start of Python included", data.note)
        yield Line(f"{what}, {name}", 3600 * seeds / taken.least, "seeds/h", note=note, times={name: taken.summary()})
    for name in list(runs)[1:]:
        yield ratio(f"{what}, {name}, sooner done than one at a time", times, "1 at a time", name)


def train(store: Path, seeds: int, epochs: int, at_once: int) -> None:
    """Train `seeds` encoders, `at_once` at a time.

    Raises:
        RuntimeError: a training failed.
    """
    with tempfile.TemporaryDirectory(prefix="kanrepro-bench-") as folder, ThreadPoolExecutor(at_once) as pool:
        settings = json.dumps({"optimiser": {"epochs": epochs}})
        words = [
            "-m",
            "kanrepro.pretraining.pretrain",
            "--store",
            str(store),
            "--method",
            METHOD,
            "--reading",
            "repaired",
        ]
        words += ["--threads", "1", "--settings", settings]
        commands = [[*words, "--seed", str(seed), "--output", f"{folder}/{seed}"] for seed in range(seeds)]
        for done in pool.map(python, commands):
            if done.returncode:
                raise RuntimeError(last_line(done))
