"""The machine at hand: which device to use, and how much memory a process took."""

import contextlib
import ctypes
import resource
import sys
from pathlib import Path
from typing import Any

import torch

from kanrepro.core import provenance
from kanrepro.core.errors import UserError
from kanrepro.core.options import check_threads


def pick_device(name: str) -> torch.device:
    """`auto` is CUDA where there is one, else the CPU.

    Raises:
        UserError: an unknown device, or CUDA where there is none.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UserError(f"device {name!r} is none of auto, cpu, cuda, cuda:N.") from None
    if device.type not in ("cpu", "cuda"):
        raise UserError(f"device {name!r} is not supported; use auto, cpu or cuda.")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(
            f"device {name!r} is not there: {torch.cuda.device_count()} CUDA devices found. Use auto or cpu."
        )
    return device


def made_ready(arguments: Any) -> torch.device:
    """The device that --device names, with --threads threads. Raises UserError where there is no such thing."""
    check_threads(arguments.threads)
    torch.set_num_threads(arguments.threads)
    keep_freed_memory()
    return pick_device(arguments.device)


def run_document(arguments: Any, device: torch.device, seconds: float, command: str, **more: Any) -> dict[str, Any]:
    """run.json of a training: cost, versions, code and the command."""
    return {
        "preset": arguments.preset,
        "seconds": seconds,
        "peak_memory_mb": peak_memory_mb(device),
        "device": device_name(device),
        "threads": arguments.threads,
        **more,
        "hardware": provenance.hardware(),
        **provenance.checkout(),
        "versions": provenance.versions(),
        "command": command,
    }


def device_name(device: torch.device) -> str:
    """The name of a GPU, or `cpu`."""
    return str(device) if device.type == "cpu" else torch.cuda.get_device_name(device)


def round_products(precision: str) -> None:
    """What float32 operands of a GPU's matrix products are rounded to, from here on.

    `tensorfloat32` keeps 10 bits of 23 behind the point, which is several times faster; everything else keeps all.
    """
    torch.set_float32_matmul_precision("high" if precision == "tensorfloat32" else "highest")


def peak_memory_mb(device: torch.device) -> float:
    """The largest memory so far, in MB: of the process on the CPU, of PyTorch's allocations on a GPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    with contextlib.suppress(OSError):  # Linux: getrusage would count what the parent held when it started us
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def keep_freed_memory() -> None:
    """Let glibc keep freed memory instead of returning it to the system, which costs a third of a CPU training step.

    A step frees and allocates the same few hundred blocks; handed back each time, their pages are faulted in and zeroed
    anew. Where the C library is another one, nothing happens.
    """
    trim_threshold, top_pad, mmap_threshold = -1, -2, -3  # parameters of mallopt(3)
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(mmap_threshold, 1 << 30)
        libc.mallopt(trim_threshold, (1 << 31) - 1)
        libc.mallopt(top_pad, 1 << 26)
