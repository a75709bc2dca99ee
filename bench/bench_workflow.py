"""What the workflow itself costs: the plan of the whole paper preset, all targets, seeds and variants, before a job."""

import os
import re
import resource
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from harness import Effort, Line, Times, fastest, judged, not_measured
from subprocesses import ROOT, last_line, run

TARGETS = ("all", "table2", "table3", "table4", "figure4", "images", "pretrained", "downloads")
PAPER = ("--config", "preset=paper")


def lines(effort: Effort) -> Iterator[Line]:
    """Wall time of Snakemake's plan of everything and of one table, and of kanrepro's plan with its costs."""
    beside = str(Path(sys.executable).parent)
    path = os.pathsep.join([beside, os.environ.get("PATH", "")])
    found = shutil.which("snakemake", path=path)
    dry_run = [found or "snakemake", "--dry-run", "--cores", "1", "--nolock"]
    commands = {
        "snakemake --dry-run of all targets, paper preset": [*dry_run, *TARGETS, *PAPER],
        "snakemake --dry-run table4, paper preset": [*dry_run, "table4", *PAPER],
        "kanrepro.plan of all targets, with costs, paper preset": [
            sys.executable, "-m", "kanrepro.plan", "--all", *TARGETS, *PAPER,
        ],
    }  # fmt: skip
    for name, command in commands.items():
        if not (ROOT / "Snakefile").is_file() or found is None:
            yield not_measured(name, "no Snakefile, or Snakemake is not installed")
            continue
        seconds, used = [], []
        for _ in range(1 if effort.quick else 3):
            start, before = time.perf_counter(), processor_seconds()
            done = run(command, {**os.environ, "PATH": path})
            seconds.append(time.perf_counter() - start)
            used.append(processor_seconds() - before)
        if done.returncode:
            yield not_measured(name, last_line(done))
            continue
        jobs = re.search(r"^total\s+(\d+)\b", done.stdout + done.stderr, re.MULTILINE)
        note = f"{jobs.group(1)} jobs, {min(used):.1f} s of processor time" if jobs else "nothing to do"
        yield fastest(name, {"plan": Times(seconds)}, "plan", "s", target=judged(effort, "<= 15"), note=note)


def processor_seconds() -> float:
    """Of all processes that this one has started and seen end."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
