"""What the workflow itself costs: the plan of the whole paper preset, before any job."""

import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from harness import Effort, Line, Times, fastest, not_measured
from subprocesses import ROOT, last_line, run


def lines(effort: Effort) -> Iterator[Line]:
    """Wall time of the plan of everything, and of one table."""
    folder = Path(sys.executable).parent
    found = shutil.which("snakemake", path=str(folder)) or shutil.which("snakemake")
    environment = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"}
    for target in ("all", "table4"):
        name = f"snakemake --dry-run {target}, paper preset"
        if not (ROOT / "Snakefile").is_file() or found is None:
            yield not_measured(name, "no Snakefile, or Snakemake is not installed")
            return
        command = [found, target, "--dry-run", "--cores", "1", "--nolock", "--config", "preset=paper"]
        seconds = []
        for _ in range(1 if effort.quick else 3):
            start = time.perf_counter()
            done = run(command, environment)
            seconds.append(time.perf_counter() - start)
            if done.returncode:
                yield not_measured(name, last_line(done))
                return
        jobs = re.search(r"^total\s+(\d+)$", done.stdout + done.stderr, re.MULTILINE)
        note = f"{jobs.group(1)} jobs to do" if jobs else "nothing to do"
        yield fastest(name, {"plan": Times(seconds)}, "plan", "s", note=note)
