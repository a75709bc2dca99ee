"""Peak memory of a process that trains, and of one that has only loaded what it needs."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import torch
from clocks import settings_for
from harness import Effort, Line, not_measured, words
from sets import chosen
from subprocesses import last_line, python

from kanrepro.core.machine import keep_freed_memory, peak_memory_mb
from kanrepro.pretraining.training import Training
from kanrepro.store.store import GraphStore

METHODS = ("graphcl", "khan_gcl")


def lines(effort: Effort) -> Iterator[Line]:
    """One process a method, on the last of the sets (NCI1)."""
    data = chosen(effort)[-1]
    for method in METHODS:
        name = f"peak memory of {method}, two epochs on {data.name}"
        done = python([__file__, str(data.path), method])
        if done.returncode:
            yield not_measured(name, last_line(done))
            continue
        found = json.loads(done.stdout)
        note = f"{found['before']:.0f} MB of it before training: interpreter, libraries, data"
        yield Line(name, found["peak"], "MB", threads=1, note=words(note, data.note))


def main() -> None:
    """Train two epochs and print the peak before and after them, in MB."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("method", choices=METHODS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    training = Training(GraphStore.load(arguments.store), settings_for(arguments.method), 0, "cpu")
    before = peak_mb()
    for _ in range(2):
        training.run_epoch()
    print(json.dumps({"before": before, "peak": peak_mb()}))


def peak_mb() -> float:
    """The largest memory of this process so far.

    Linux counts into ru_maxrss what the parent held when it started this process, which is much here: VmHWM does not.
    """
    try:
        text = Path("/proc/self/status").read_text()
    except OSError:
        return peak_memory_mb(torch.device("cpu"))
    return int(text.split("VmHWM:")[1].split()[0]) / 2**10


if __name__ == "__main__":
    main()
