"""The dual of one support vector machine, solved by the very steps that libsvm takes.

    min_a  1/2 a' Q a - sum a    subject to  0 <= a <= C,  s' a = 0,  Q_ij = s_i s_j K_ij

by sequential minimal optimisation with second-order pair selection (Fan, Chen & Lin, JMLR 6, 2005, WSS 2) and
shrinking (Chang & Lin, LIBSVM, 2011, section 5). libsvm stops at a tolerance, and where it stops depends on each step
before; so that predictions agree to the last one, every sum here is rounded as libsvm rounds it and every tie falls to
the same index. Sign times gradient stands here for the gradient: the two classes then need no branches.

It is faster for three reasons: the kernel matrix is computed once and shared by all values of C; the loops over points
have no branches, so that they compile to vector instructions; a row is brought into the order of the active points
when it is next used, not at each exchange.

Shapes: N training graphs (points of the problem).
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

TOLERANCE = 1e-3  # scikit-learn's default `tol`
TINY = 1e-12  # libsvm's curvature for a pair with none
POSITIVE = 2**63 - 1  # all bits of a double but its sign
PERIOD = 1000  # steps between two attempts to shrink
UNMOVED = -1  # in place of a number of exchanges: there was none yet

Floats = NDArray[np.float64]
Kernel = NDArray[np.float32]
Indices = NDArray[np.int64]

compiled = njit(nogil=True, cache=True)  # releases the interpreter's lock: threads run side by side
inlined = njit(nogil=True, forceinline=True)  # what each step calls: a call would cost as much as its work


class State(NamedTuple):
    """The problem (N each), in the current order of its points: the first `active` take part, the others rest.

    With g the gradient of the objective, `up` = -s g where s a may rise within the box, `down` = s g where it may fall,
    and -inf where it may not. (It may always do one of them, so that g is never lost.)
    """

    alpha: Floats
    sign: Floats
    up: Floats
    down: Floats
    order: Indices  # the point at each position
    bound: Floats  # by point: what the points with a = C add to -s g
    gain: Floats  # scratch


class Rows(NamedTuple):
    """The kernel's rows in the current order, mended only when used."""

    kernel: Kernel  # (N, N) by point
    packed: Kernel  # (N, N) row by point, column by position
    filled: Indices  # (N,) how many positions of a packed row were ever filled
    seen: Indices  # (N,) how many exchanges a packed row has followed
    moved: Indices  # positions touched by exchanges


@compiled
def _argmax(values: Floats) -> int:
    """The last index of the largest value: libsvm's choice among equals.

    Doubles order as their bits do once those of negative ones are flipped, and maxima of integers compile to vector
    instructions, which those of doubles do not. Callers keep -0.0 out.
    """
    bits = values.view(np.int64)
    best = np.int64(-(2**63))
    for k in range(bits.size):
        best = max(best, bits[k] ^ ((bits[k] >> 63) & POSITIVE))
    best = best ^ ((best >> 63) & POSITIVE)
    found = -1
    for k in range(bits.size):
        found = max(found, k if bits[k] == best else -1)
    return found


@inlined
def _row(rows: Rows, order: Indices, logged: int, position: int, active: int) -> Kernel:
    """The kernel row of the point at `position`, of which the first `active` entries follow the current order."""
    point = order[position]
    packed, kernel = rows.packed[point], rows.kernel[point]
    if logged == UNMOVED:
        return kernel
    for e in range(rows.seen[point], logged):
        packed[rows.moved[e]] = kernel[order[rows.moved[e]]]
    rows.seen[point] = logged
    for k in range(rows.filled[point], active):
        packed[k] = kernel[order[k]]
    rows.filled[point] = max(rows.filled[point], active)
    return packed


@compiled
def _gains(down: Floats, row: Kernel, top: float, gain: Floats) -> None:
    """How far the objective falls where the point of `row` rises and another falls (WSS 2, to a factor of 2)."""
    for k in range(down.size):
        gap = top + down[k]
        gap = gap if gap > 0.0 else 0.0
        curvature = 2.0 - 2.0 * np.float64(row[k])
        curvature = curvature if curvature > 0.0 else TINY
        gain[k] = gap * gap / curvature


@inlined
def _pair(state: State, rows: Rows, logged: int, active: int) -> tuple[int, int]:
    """The positions of the points that rise and fall next, or (-1, -1) where the active points are at their optimum."""
    up, down, gain = state.up[:active], state.down[:active], state.gain[:active]
    i = _argmax(up)
    top = up[i]
    if top == -np.inf:
        return -1, -1
    _gains(down, _row(rows, state.order, logged, i, active), top, gain)
    j = _argmax(gain)
    if top + down[j] < TOLERANCE and top + down[_argmax(down)] < TOLERANCE:
        return -1, -1
    return i, j


@compiled
def _shift(up: Floats, down: Floats, row_i: Kernel, row_j: Kernel, by_i: float, by_j: float) -> None:
    for k in range(up.size):
        step = row_i[k] * by_i + row_j[k] * by_j
        up[k] -= step
        down[k] += step


@inlined
def _step(a_i: float, a_j: float, slope: float, curvature: float, opposite: bool, c: float) -> tuple[float, float]:
    """The pair's new multipliers: the unconstrained optimum, brought back to the box along the constraint."""
    delta = slope / curvature
    if opposite:
        kept = a_i - a_j
        a_i, a_j = a_i + delta, a_j + delta
        if kept > 0:
            if a_j < 0:
                a_i, a_j = kept, 0.0
            if a_i > c:
                a_i, a_j = c, c - kept
        else:
            if a_i < 0:
                a_i, a_j = 0.0, -kept
            if a_j > c:
                a_i, a_j = c + kept, c
    else:
        kept = a_i + a_j
        a_i, a_j = a_i - delta, a_j + delta
        if kept > c:
            if a_i > c:
                a_i, a_j = c, kept - c
            if a_j > c:
                a_i, a_j = kept - c, c
        else:
            if a_j < 0:
                a_i, a_j = kept, 0.0
            if a_i < 0:
                a_i, a_j = 0.0, kept
    return a_i, a_j


@inlined
def _advance(state: State, rows: Rows, c: float, i: int, j: int, logged: int, active: int) -> None:
    """Move the pair (i, j) to its optimum and bring the gradient along."""
    row_i = _row(rows, state.order, logged, i, active)
    row_j = _row(rows, state.order, logged, j, active)
    s_i, s_j, a_i, a_j = state.sign[i], state.sign[j], state.alpha[i], state.alpha[j]
    v_i, v_j = state.up[i], 0.0 - state.down[j]
    curvature = 2.0 - 2.0 * np.float64(row_i[j])
    curvature = curvature if curvature > 0.0 else TINY
    slope = s_i * v_i + s_j * v_j if s_i != s_j else s_j * v_j - s_i * v_i
    new_i, new_j = _step(a_i, a_j, slope, curvature, s_i != s_j, c)
    by_i, by_j = s_i * (new_i - a_i), s_j * (new_j - a_j)
    _shift(state.up[:active], state.down[:active], row_i, row_j, by_i, by_j)
    v_i -= np.float64(row_i[i]) * by_i + np.float64(row_j[i]) * by_j
    v_j -= np.float64(row_i[j]) * by_i + np.float64(row_j[j]) * by_j
    for k, old, new, v in ((i, a_i, new_i, v_i), (j, a_j, new_j, v_j)):
        state.alpha[k] = new
        full, empty = new >= c, new <= 0.0
        rises, falls = (not full, not empty) if state.sign[k] > 0 else (not empty, not full)
        state.up[k] = v if rises else -np.inf
        state.down[k] = 0.0 - v if falls else -np.inf
        if full != (old >= c):
            weight = -c * state.sign[k] if full else c * state.sign[k]
            row = rows.kernel[state.order[k]]
            for point in range(row.size):
                state.bound[point] += weight * row[point]


@compiled
def _restore(state: State, rows: Rows, c: float, active: int) -> None:
    """The gradient of the points at rest, from the points at C and those strictly inside the box."""
    resting = state.order[active:]
    values = state.bound[resting] + state.sign[active:]
    for k in range(active):
        if 0.0 < state.alpha[k] < c:
            weight = state.sign[k] * state.alpha[k]
            row = rows.kernel[state.order[k]]
            for r in range(resting.size):
                values[r] -= weight * row[resting[r]]
    for r in range(resting.size):
        k = active + r
        state.up[k] = values[r] if state.up[k] != -np.inf else -np.inf
        state.down[k] = 0.0 - values[r] if state.down[k] != -np.inf else -np.inf


@compiled
def _rests(state: State, k: int, top: float, bottom: float) -> bool:
    """Whether the point at k lies at a bound and the gradient holds it there (LIBSVM, eq. 17)."""
    stuck_below = state.up[k] == -np.inf and -state.down[k] > top
    stuck_above = state.down[k] == -np.inf and -state.up[k] > bottom
    return stuck_below or stuck_above


@compiled
def _shrink(state: State, rows: Rows, top: float, bottom: float, logged: int, active: int) -> tuple[int, int]:
    """Put the points that rest behind those that are active; returns how many are active and the exchanges logged."""
    k = 0
    while k < active:
        if _rests(state, k, top, bottom):
            active -= 1
            while active > k and _rests(state, active, top, bottom):
                active -= 1
            if active > k:
                logged = max(logged, 0)
                for values in (state.alpha, state.sign, state.up, state.down):
                    values[k], values[active] = values[active], values[k]
                state.order[k], state.order[active] = state.order[active], state.order[k]
                rows.moved[logged], rows.moved[logged + 1] = k, active
                logged += 2
        k += 1
    if logged > rows.seen.size:  # following so many exchanges would cost more than a fresh row
        rows.filled[:], rows.seen[:], logged = 0, 0, 0
    return active, logged


@compiled
def _intercept(state: State) -> float:
    free, total, above, below = 0, 0.0, np.inf, -np.inf
    for up, down in zip(state.up, state.down):  # noqa: B905 (compiled)
        if up == -np.inf:
            below = max(below, down)
        elif down == -np.inf:
            above = min(above, -up)
        else:
            free, total = free + 1, total - up
    return total / free if free else (above + below) / 2


@compiled
def solve(kernel: Kernel, sign: Floats, c: float, packed: Kernel) -> tuple[Floats, float, int]:
    """Train one machine on the first class (sign +1) against the second (sign -1).

    `kernel` (N, N) has ones on its diagonal; `packed` (N, N) is scratch that calls may share one after another.
    Returns the coefficients s a (N,), the intercept (to be subtracted) and the number of steps.
    """
    n = sign.size
    up, down = np.where(sign > 0, 1.0, -np.inf), np.where(sign > 0, -np.inf, 1.0)
    state = State(np.zeros(n), sign.copy(), up, down, np.arange(n), np.zeros(n), np.empty(n))
    rows = Rows(kernel, packed, np.zeros(n, np.int64), np.zeros(n, np.int64), np.empty(2 * n + 2, np.int64))
    active, logged, steps, restored = n, UNMOVED, 0, False
    countdown = min(n, PERIOD) + 1
    while True:
        countdown -= 1
        if countdown == 0:
            countdown = min(n, PERIOD)
            top, bottom = state.up[_argmax(state.up[:active])], state.down[_argmax(state.down[:active])]
            if not restored and top + bottom <= 10 * TOLERANCE:
                _restore(state, rows, c, active)
                active, restored = n, True
            active, logged = _shrink(state, rows, top, bottom, logged, active)
        i, j = _pair(state, rows, logged, active)
        if j < 0:  # optimal on the active points: is it on all?
            _restore(state, rows, c, active)
            active = n
            i, j = _pair(state, rows, logged, active)
            if j < 0:
                break
            countdown = 1
        _advance(state, rows, c, i, j, logged, active)
        steps += 1
    coefficients = np.empty(n)
    coefficients[state.order] = state.sign * state.alpha
    return coefficients, _intercept(state), steps
