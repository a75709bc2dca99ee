"""Cubic bases on the CPU in one pass over the inputs, compiled by numba; kanrepro.kan.expansion does it elsewhere.

The loops run along the inputs without branches, so that they compile to vector instructions. Compiled code is cached
beside this file, or in the user's cache folder where that is not writable.

Shapes: n rows, I inputs, K bases; `gate` is sigmoid(x), (n, I), or empty for a layer without SiLU branch.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float32]
ZERO, ONE, TWO, FOUR, SIXTH, HALF = (np.float32(value) for value in (0, 1, 2, 4, 1 / 6, 1 / 2))


@njit(nogil=True, cache=True)
def expand(x: Array, gate: Array, low: float, spacing: float, out: Array) -> None:
    """Inputs x (n, I) to `out` (n, K or K + 1, I): B_k(x), and as one row more SiLU."""
    base = gate.shape[0] > 0
    bases = out.shape[1] - base
    start, inverse = np.float32(low), np.float32(1 / spacing)
    for row in range(x.shape[0]):
        for k in range(bases):
            centre = np.float32(k - 1)
            for i in range(x.shape[1]):
                r = TWO - abs((x[row, i] - start) * inverse - centre)
                r = r if r > ZERO else ZERO
                s = r - ONE
                s = s if s > ZERO else ZERO
                out[row, k, i] = (r * r * r - FOUR * s * s * s) * SIXTH
        if base:
            for i in range(x.shape[1]):
                out[row, bases, i] = x[row, i] * gate[row, i]


@njit(nogil=True, cache=True)
def pull_back(x: Array, gate: Array, low: float, spacing: float, gradient: Array, out: Array) -> None:
    """The gradient (n, K or K + 1, I) of what `expand` made to that of its inputs, `out` (n, I)."""
    base = gate.shape[0] > 0
    bases = gradient.shape[1] - base
    start, inverse = np.float32(low), np.float32(1 / spacing)
    for row in range(x.shape[0]):
        for i in range(x.shape[1]):
            out[row, i] = ZERO
        for k in range(bases):
            centre = np.float32(k - 1)
            for i in range(x.shape[1]):
                t = (x[row, i] - start) * inverse - centre
                r = TWO - abs(t)
                r = r if r > ZERO else ZERO
                s = r - ONE
                s = s if s > ZERO else ZERO
                slope = (FOUR * s * s - r * r) * HALF * inverse  # falling away from the centre
                out[row, i] += gradient[row, k, i] * (slope if t > ZERO else -slope)
        if base:
            for i in range(x.shape[1]):
                g = gate[row, i]
                out[row, i] += gradient[row, bases, i] * (g + x[row, i] * g * (ONE - g))
