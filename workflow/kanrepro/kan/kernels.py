"""Cubic bases on a GPU, one kernel for each direction; kanrepro.kan.expansion does it by tensor operations elsewhere.

A GPU's time goes into passes over memory, and tensor operations make thirty of them where these kernels make one
forward and three backward. PyTorch's jiterator compiles them when they are first called, with NVRTC, which comes with
PyTorch: nothing else is needed, and where that fails the tensor operations serve.

Shapes: n rows, I inputs, K bases; the row k = K, where there is one, is SiLU.
"""

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

# `k` is the number of a basis, `start` where the grid begins, `inverse` that of the knot spacing.
EXPAND = """
template <typename T> T kan_expand(T x, T k, T start, T inverse, T bases) {
    if (k == bases) return x / (T(1) + ::exp(-x));
    T t = (x - start) * inverse - (k - T(1));
    T r = T(2) - (t < T(0) ? -t : t);
    r = r > T(0) ? r : T(0);
    T s = r > T(1) ? r - T(1) : T(0);
    return (r * r * r - T(4) * s * s * s) * T(1.0 / 6.0);
}
"""
PULL_BACK = """
template <typename T> T kan_pull_back(T x, T k, T gradient, T start, T inverse, T bases) {
    if (k == bases) {
        T gate = T(1) / (T(1) + ::exp(-x));
        return gradient * (gate + x * gate * (T(1) - gate));
    }
    T t = (x - start) * inverse - (k - T(1));
    T r = T(2) - (t < T(0) ? -t : t);
    r = r > T(0) ? r : T(0);
    T s = r > T(1) ? r - T(1) : T(0);
    T slope = (T(4) * s * s - r * r) * T(0.5) * inverse;
    return gradient * (t > T(0) ? slope : -slope);
}
"""


@lru_cache
def _compiled(code: str) -> Callable[..., Tensor]:
    return torch.cuda.jiterator._create_jit_fn(code, start=0.0, inverse=1.0, bases=0.0)


@lru_cache
def _numbers(depth: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """(depth, 1) the numbers of the bases, made once: launches are what a small layer costs."""
    return torch.arange(depth, device=device, dtype=dtype).unsqueeze(-1)


@lru_cache
def work() -> bool:
    """Whether this PyTorch and this GPU run the kernels, tried once."""
    try:
        x = torch.zeros(1, 1, device="cuda")
        pull_back(x, -1.0, 0.4, 8, expand(x, -1.0, 0.4, 8, True), out=torch.empty_like(x))
    except Exception:  # whatever a compiler says: there is another way
        return False
    return True


def supported(x: Tensor) -> bool:
    """Whether the kernels serve for x; torch.compile, which fuses tensor operations by itself, is left to do so."""
    return x.device.type == "cuda" and not torch.compiler.is_compiling() and work()


def expand(x: Tensor, low: float, spacing: float, bases: int, base: bool) -> Tensor:
    """Inputs (n, I) to (n, K, I), or with SiLU (n, K + 1, I), in float32 where the inputs have fewer bits."""
    return _over(EXPAND, x, low, spacing, bases, bases + base).contiguous()


def pull_back(x: Tensor, low: float, spacing: float, bases: int, gradient: Tensor, out: Tensor) -> None:
    """The gradient (n, K or K + 1, I) of what `expand` made to that of its inputs, into `out` (n, I)."""
    out.copy_(_over(PULL_BACK, x, low, spacing, bases, gradient.shape[1], gradient).sum(1))


def _over(code: str, x: Tensor, low: float, spacing: float, bases: int, depth: int, *more: Tensor) -> Tensor:
    """The function for every input and each of `depth` bases, (n, depth, I)."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    tensors = (x.to(dtype).unsqueeze(1), _numbers(depth, x.device, dtype), *(each.to(dtype) for each in more))
    return _compiled(code)(*tensors, start=low, inverse=1 / spacing, bases=float(bases))
