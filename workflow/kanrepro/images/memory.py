"""Measure what a solve costs in memory: a training step of the repaired head, by steps, implicit and unrolled.

Reads nothing. Writes one JSON document with a list `points`, each measured in a process of its own:

    gradient    implicit (Anderson to the fixed point, and its gradient), or unrolled (recorded step by step)
    steps       exactly so many; the implicit gradient is solved in as many again
    width, batch
    base_mb     memory of the process before the step: Python, libraries, weights, one batch of inputs
    peak_mb     the largest during it (on a GPU both are PyTorch's allocations)
    seconds     of the step, forward and backward

On the CPU freed memory is handed back to the system at once while a point is measured, and the peak is counted from the
start of the step: what is compared is what a step needs, not what the C library keeps of it.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kanrepro.core.errors import UserError, cli
from kanrepro.core.files import write_json
from kanrepro.core.options import add_run_options, check_threads, made_by
from kanrepro.core.parser import stage_parser

KINDS = {"implicit": "equilibrium", "unrolled": "unrolled"}
TINY = 1e-300  # a tolerance that no residual reaches
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": "65536"}  # glibc: tensors are mapped one by one, and unmapped when freed


def measure(gradient: str, steps: int, width: int, batch: int, device_name: str, threads: int) -> dict[str, Any]:
    """One point, in this process, which should have done nothing else."""
    import torch

    from kanrepro.core.machine import peak_memory_mb, pick_device
    from kanrepro.core.streams import stream
    from kanrepro.models.classifier_settings import HeadSettings
    from kanrepro.models.deq import EquilibriumHead
    from kanrepro.models.equilibrium import Health

    torch.set_num_threads(threads)
    device = pick_device(device_name)
    settings = {"hidden": width, "steps": steps, "solver": {"max_steps": steps, "tolerance": TINY}}
    head = EquilibriumHead(HeadSettings.model_validate({"kind": KINDS[gradient], **settings}), stream(0, "initial")).to(
        device
    )
    u, weights = torch.randn(2, batch, width, generator=stream(0, "u")).to(device)

    def step(rows: slice) -> Health | None:
        z, health = head(u[rows].requires_grad_())
        (weights[rows] * z).mean().backward()
        return health

    step(slice(2))  # what is compiled or loaded once
    head.zero_grad(set_to_none=True)
    _forget_peak(device)
    base, start = peak_memory_mb(device), time.perf_counter()
    health = step(slice(batch))
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    seconds = time.perf_counter() - start
    assert health is not None and bool((health.steps == steps).all())
    assert health.backward is None or bool((health.backward.steps == steps).all())
    return {"base_mb": base, "peak_mb": peak_memory_mb(device), "seconds": seconds}


def _forget_peak(device: Any) -> None:
    """Count the peak from here."""
    import torch

    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif sys.platform == "linux":
        Path("/proc/self/clear_refs").write_text("5")  # proc(5): resets the peak resident set size


def point(gradient: str, steps: int, width: int, batch: int, device: str, threads: int) -> dict[str, Any]:
    """One point, measured in a fresh process.

    Raises:
        UserError: the process failed, for instance for want of memory.
    """
    told = {"gradient": gradient, "steps": steps, "width": width, "batch": batch}
    arguments = [*(str(value) for value in told.values()), device, str(threads)]
    done = subprocess.run(
        [sys.executable, "-m", "kanrepro.images.memory", "--point", *arguments],
        env={**os.environ, **ALLOCATOR}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        said = done.stderr.strip().splitlines()
        why = said[-1] if said else f"it ended with code {done.returncode}, as one that the system stops for its memory"
        raise UserError(f"{gradient} solve of {steps} steps, width {width}, batch {batch}: {why}")
    return told | json.loads(done.stdout)


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.images.memory."""
    parser = stage_parser(__doc__)
    parser.add_argument("--output", type=Path, help="JSON to write")
    parser.add_argument("--widths", type=int, nargs="+", default=[512], help="D (default: 512)")
    parser.add_argument("--batch", type=int, default=256, help="samples (default: 256)")
    parser.add_argument("--steps", type=int, nargs="+", default=[5, 25, 100], help="(default: 5 25 100)")
    parser.add_argument("--point", nargs=6, help=argparse.SUPPRESS)  # what a fresh process is asked for
    add_run_options(parser, "document", device="cpu")
    arguments = parser.parse_args(argv)
    if arguments.point:
        gradient, steps, width, batch, device, threads = arguments.point
        print(json.dumps(measure(gradient, int(steps), int(width), int(batch), device, int(threads))))
        return
    if arguments.output is None:
        raise UserError("--output is missing: name the JSON file to write.")
    check_threads(arguments.threads)
    for name in ("widths", "batch", "steps"):
        given = getattr(arguments, name)
        if min(given if isinstance(given, list) else [given]) < 1:
            raise UserError(f"--{name} is {given}, but at least 1 is needed.")
    points = []
    for width in arguments.widths:
        for gradient in KINDS:
            for steps in sorted(set(arguments.steps)):
                found = point(gradient, steps, width, arguments.batch, arguments.device, arguments.threads)
                points.append(found)
                above = found["peak_mb"] - found["base_mb"]
                print(
                    f"{gradient} {steps} steps, width {width}: peak {found['peak_mb']:.0f} MB, of which {above:.0f} MB "
                    f"for the step, {found['seconds']:.1f} s",
                    flush=True,
                )
    head = {"schema": 1, "experiment": "memory", "preset": arguments.preset, "points": points}
    write_json(arguments.output, {**head, **made_by("kanrepro.images.memory", argv)})


if __name__ == "__main__":
    cli(main)
