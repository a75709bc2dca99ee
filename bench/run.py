"""Measure what the project claims about speed and memory: ratios in one run, printed as they come, written to docs.

Writes <output>/<machine>.json and <output>/README.md after every benchmark. A number that misses its target is reported
like any other; nothing is asserted, and the exit code is 0.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import bench_ckfi
import bench_deq_step
import bench_epoch
import bench_equilibrium
import bench_finetune
import bench_kan
import bench_memory
import bench_molecules
import bench_peers
import bench_scaling
import bench_superpixels
import bench_svm
import bench_views
import bench_workflow
import document
import torch
from harness import Effort, Line, not_measured

from kanrepro.core.errors import UserError, cli
from kanrepro.core.machine import keep_freed_memory

ROOT = Path(__file__).resolve().parents[1]

Benchmark = Callable[[Effort], Iterator[Line]]

BENCHMARKS: dict[str, Benchmark] = {
    "kan": bench_kan.lines,  # in an ordinary process: the others, as the stages run, come after it
    "kan-in-stages": bench_kan.layer_lines,
    "peers": bench_peers.lines,
    "ckfi": bench_ckfi.lines,
    "views": bench_views.lines,
    "epoch": bench_epoch.lines,
    "memory": bench_memory.lines,
    "superpixels": bench_superpixels.lines,
    "molecules": bench_molecules.lines,
    "finetune": bench_finetune.lines,
    "deq-step": bench_deq_step.lines,
    "equilibrium": bench_equilibrium.lines,
    "workflow": bench_workflow.lines,
    "scaling": bench_scaling.lines,
    "svm": bench_svm.lines,
}


def measure(name: str, effort: Effort) -> list[Line]:
    """The lines of one benchmark, printed as they come; a failure becomes a line."""
    made: list[Line] = []
    try:
        for line in BENCHMARKS[name](effort):
            made.append(line)
            print(in_words(line), flush=True)
    except Exception as error:  # a benchmark that breaks must not cost the others
        made.append(not_measured(name, f"{type(error).__name__}: {error}"))
        print(in_words(made[-1]), flush=True)
    return made


def in_words(line: Line) -> str:
    """A line for the terminal."""
    value = "-" if line.value is None else f"{line.value:.4g} {line.unit}".strip()
    threads = f"{line.threads} thread{'s' if line.threads > 1 else ''}" if line.threads else ""
    target = f"target {line.target}: {'met' if line.met else 'MISSED'}" if line.met is not None else ""
    return "  ".join(filter(None, [f"  {line.name:<72}", f"{value:>12}", f"{threads:<9}", target, line.note]))


def main(argv: list[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python bench/run.py", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, seconds instead of minutes; not a result")
    parser.add_argument("--only", action="append", choices=list(BENCHMARKS), help="one benchmark (repeatable)")
    parser.add_argument(
        "--output",
        type=Path,
        help="folder of the JSON document and the page (default: docs/benchmarks; none for --quick)",
    )
    arguments = parser.parse_args(argv)
    output = arguments.output or (None if arguments.quick else ROOT / "docs/benchmarks")
    if output is not None and output.exists() and not output.is_dir():
        raise UserError(f"--output {output} is a file. Name a folder.")
    torch.set_num_threads(1)
    effort = Effort.small() if arguments.quick else Effort()
    load = document.load_average()
    print(f"load before: {load:.2f}", flush=True)
    for name in [name for name in BENCHMARKS if not arguments.only or name in arguments.only]:
        if name != "kan":
            keep_freed_memory()  # as the stages do
        start = time.perf_counter()
        print(name, flush=True)
        made = measure(name, effort)
        if output is not None:
            section = document.section(made, time.perf_counter() - start, effort.quick, load)
            path = document.update(output, name, section)
            print(f"  -> {path}", flush=True)


if __name__ == "__main__":
    cli(main)
