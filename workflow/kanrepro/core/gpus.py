"""How many GPUs this machine has, without loading PyTorch."""

import ctypes
import importlib.metadata
from contextlib import suppress


def gpus_here() -> int:
    """GPUs that the installed PyTorch can use: none where it was built for the CPU, or CUDA's driver sees none."""
    with suppress(importlib.metadata.PackageNotFoundError):
        if importlib.metadata.version("torch").endswith("+cpu"):
            return 0
    count = ctypes.c_int(0)
    with suppress(OSError, AttributeError):
        driver = ctypes.CDLL("libcuda.so.1")
        if driver.cuInit(0) == 0:
            driver.cuDeviceGetCount(ctypes.byref(count))
    return count.value
