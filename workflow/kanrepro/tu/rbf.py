"""Squared distances, RBF kernels and decision values, rounded as libsvm rounds them.

libsvm computes the kernel exp(-gamma d) on two paths: d = |a|^2 + |b|^2 - 2 a.b in training, kept in 32 bits, and
d = |a - b|^2 in prediction, in 64; both take the dot product of scipy's BLAS, pair by pair. So do these functions:
a matrix product would round otherwise, and equal graphs could then be told apart.

Shapes: G graphs of the whole set, D features, N training graphs, T tested graphs, M machines.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Kernel = NDArray[np.float32]
Indices = NDArray[np.int64]

TILE = 64  # the side of the blocks in which a symmetric matrix is filled, so that both writes stay in the cache

compiled = njit(nogil=True, cache=True)  # releases the interpreter's lock: threads run side by side


@compiled
def squared_distances(z: Floats, start: int, step: int, trained: Floats, tested: Floats) -> None:
    """Fill rows `start`, `start + step`, ... (and the same columns) of both squared distances (G, G) of z (G, D)."""
    squares = np.empty(len(z))
    for i in range(len(z)):
        squares[i] = np.dot(z[i], z[i])
    difference = np.empty(z.shape[1])
    for i in range(start, len(z), step):
        for j in range(i, len(z)):
            trained[i, j] = trained[j, i] = (squares[i] + squares[j]) - 2 * np.dot(z[i], z[j])
            for k in range(difference.size):
                difference[k] = z[i, k] - z[j, k]
            tested[i, j] = tested[j, i] = np.dot(difference, difference)


@compiled
def training_kernel(trained: Floats, members: Indices, gamma: float, kernel: Kernel) -> None:
    """Fill `kernel` (N, N) with the kernel of the graphs `members` (N,) of squared distances `trained` (G, G)."""
    n = members.size
    for top in range(0, n, TILE):
        for left in range(0, top + 1, TILE):
            for i in range(top, min(top + TILE, n)):
                row = trained[members[i]]
                for j in range(left, min(left + TILE, n)):
                    kernel[i, j] = kernel[j, i] = np.exp(-gamma * row[members[j]])


@compiled
def decision(
    tested: Floats, members: Indices, graphs: Indices, gamma: float, coefficients: Floats, intercepts: Floats
) -> Floats:
    """Decision values (M, T) for `graphs` (T,) of machines with `coefficients` (M, N) over `members` (N,)."""
    values = np.zeros((intercepts.size, graphs.size))
    near = np.empty(graphs.size)
    for n in range(members.size):
        if not coefficients[:, n].any():
            continue
        row = tested[members[n]]
        for t in range(graphs.size):
            near[t] = np.exp(-gamma * row[graphs[t]])
        for m in range(intercepts.size):
            if coefficients[m, n] != 0.0:
                for t in range(graphs.size):
                    values[m, t] += coefficients[m, n] * near[t]
    for m in range(intercepts.size):
        values[m] -= intercepts[m]
    return values
