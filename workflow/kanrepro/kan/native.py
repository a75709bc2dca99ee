"""Cubic KAN layers on the CPU without the expansion, compiled by numba; kanrepro.kan.local calls these loops.

At any x only four of the K bases are not zero, B_c .. B_(c+3) with c the knot interval of x, its cell. Five products
with SiLU, instead of the K + 1 = 9 of the expansion, give

    y_n += b_0 W_c + b_1 W_(c+1) + b_2 W_(c+2) + b_3 W_(c+3) + silu(x_n) W_s,    W_k the O weights of a basis.

Rows of a block are sorted into the cells of one input at a time, which leaves the five rows of weights, or of their
gradient, in vector registers while the rows of a cell go by. Outputs are taken in panels of 32.

Zeros stand around the weights of every input, so that inputs outside the grid need no branch. The slope of an edge in a
cell is a quadratic in u, the distance from the cell's middle in knot spacings h, with d_j = W_(c+j) - W_(c+j-1):

    phi' h = (d_1 + d_3) / 8 + 3 d_2 / 4 + (d_3 - d_1) / 2 u + ((d_1 + d_3) / 2 - d_2) u^2.

Shapes: N rows, I inputs, O outputs, K bases, P panels, D = K + 7 rows of weights: 3 zeros, K bases, 3 zeros, SiLU.
Compiled code is cached beside this file, or in the user's cache folder where that is not writable; change this file
when you change `lanes`, for numba looks at this one alone.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kanrepro.kan.lanes import add, dot_into, fused, item, load, multiply, spread, store, subtract, sums_into

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

PANEL = 32
ROWS = 256  # of a block: enough for every cell, few enough for the first cache
TOGETHER = 32  # inputs whose sum is rounded on its own: sums of sums round less
PAD, MORE = 3, 7  # rows of zeros on either side; those and SiLU
ZERO, ONE, THREE = np.float32(0), np.float32(1), np.float32(3)
SIXTH, EIGHTH, HALF, TWO_THIRDS, THREE_QUARTERS = (np.float32(x) for x in (1 / 6, 1 / 8, 1 / 2, 2 / 3, 3 / 4))
SERIES = tuple(np.float32(1 / math.factorial(n)) for n in range(7))
PER_LOG_2, LOG_2_HIGH = np.float32(1 / math.log(2)), np.float32(0.693359375)  # few bits: products with n are exact
LOG_2_LOW = np.float32(math.log(2) - 0.693359375)
MOST_TURNS = np.float32(126)


@njit(nogil=True, cache=True)
def pack(weight: Floats, base: bool, packed: Floats) -> None:
    """Weights (K or K + 1, I, O), SiLU last where there is `base`, to `packed` (P, I, D, 32)."""
    bases = weight.shape[0] - base
    packed[:] = ZERO
    for panel in range(packed.shape[0]):
        first = panel * PANEL
        width = min(PANEL, weight.shape[2] - first)
        for k in range(weight.shape[0]):
            row = PAD + k if k < bases else packed.shape[2] - 1
            for i in range(weight.shape[1]):
                for o in range(width):
                    packed[panel, i, row, o] = weight[k, i, first + o]


@njit(nogil=True, cache=True)
def unpack(packed: Floats, base: bool, weight: Floats) -> None:
    """What `pack` did, back."""
    bases = weight.shape[0] - base
    for panel in range(packed.shape[0]):
        first = panel * PANEL
        width = min(PANEL, weight.shape[2] - first)
        for k in range(weight.shape[0]):
            row = PAD + k if k < bases else packed.shape[2] - 1
            for i in range(weight.shape[1]):
                for o in range(width):
                    weight[k, i, first + o] = packed[panel, i, row, o]


@njit(nogil=True, cache=True)
def multiply_rows(
    x: Floats, base: bool, packed: Floats, low: float, spacing: float, begin: int, end: int, room: Floats, y: Floats
) -> None:
    """Rows begin .. end of the layer's output, into y (N, O).

    Args:
        x: (N, I).
        base: whether there is SiLU.
        packed: (P, I, D, 32).
        room: (P, ROWS, 32) to work in.
    """
    panels, inputs, depth, _ = packed.shape
    cells = depth - MORE + PAD
    weights, sums = packed.reshape(-1), room.reshape(-1)
    table, found = np.zeros((8, ROWS), np.float32), np.empty(ROWS, np.int32)
    powers, ends, order = np.empty(ROWS, np.int32), np.empty(cells, np.int32), np.empty(cells * ROWS, np.int32)
    values = table.reshape(-1)
    for row in range(begin, end, ROWS):
        count = min(ROWS, end - row)
        for i in range(inputs):
            if i % TOGETHER == 0:
                room[:] = ZERO
            _prepare(x, base, row, count, i, low, spacing, table, found, powers, ends, order)
            for panel in range(panels):
                start = (panel * inputs + i) * depth * PANEL
                silu = load(weights, start + (depth - 1) * PANEL)
                for cell in range(cells):
                    if ends[cell] == cell * ROWS:
                        continue
                    at = start + cell * PANEL
                    w0, w1 = load(weights, at), load(weights, at + PANEL)
                    w2, w3 = load(weights, at + 2 * PANEL), load(weights, at + 3 * PANEL)
                    for n in range(cell * ROWS, ends[cell]):
                        r = np.int64(item(order, n))
                        place = (panel * ROWS + r) * PANEL
                        part = multiply(spread(item(values, r)), w0)
                        part = fused(spread(item(values, ROWS + r)), w1, part)
                        part = fused(spread(item(values, 2 * ROWS + r)), w2, part)
                        part = fused(spread(item(values, 3 * ROWS + r)), w3, part)
                        part = fused(spread(item(values, 4 * ROWS + r)), silu, part)
                        store(sums, place, add(load(sums, place), part))
            if i % TOGETHER == TOGETHER - 1 or i == inputs - 1:
                for panel in range(panels):
                    first = panel * PANEL
                    for r in range(count):
                        for o in range(min(PANEL, y.shape[1] - first)):
                            sum_before = y[row + r, first + o] if i >= TOGETHER else ZERO
                            y[row + r, first + o] = sum_before + room[panel, r, o]


@njit(nogil=True, cache=True)
def pull_back_rows(
    x: Floats,
    base: bool,
    packed: Floats,
    low: float,
    spacing: float,
    begin: int,
    end: int,
    room: Floats,
    gradient: Floats,
    grad_packed: Floats,
    grad_x: Floats,
) -> None:
    """The gradient of rows begin .. end of the output to that of the weights and of the inputs.

    Args:
        x, base, packed: as for `multiply_rows`.
        room: (P + 1, ROWS, 32) to work in, zero.
        gradient: (N, O) of the output.
        grad_packed: (P, I, D, 32), added to, its zeros without meaning; (0, I, D, 32) where it is not wanted.
        grad_x: (N, I), written; (0, I) where it is not wanted.
    """
    panels, inputs, depth, _ = packed.shape
    cells, inverse = depth - MORE + PAD, ONE / np.float32(spacing)
    weights, grads, slopes = packed.reshape(-1), grad_packed.reshape(-1), room.reshape(-1)
    table, found = np.zeros((8, ROWS), np.float32), np.empty(ROWS, np.int32)
    powers, ends, order = np.empty(ROWS, np.int32), np.empty(cells, np.int32), np.empty(cells * ROWS, np.int32)
    values = table.reshape(-1)
    of_x, of_weights = grad_x.shape[0] > 0, grad_packed.shape[0] > 0
    sums = panels * ROWS * PANEL  # where the last part of the room begins: 16 partial sums a row
    for row in range(begin, end, ROWS):
        count = min(ROWS, end - row)
        for panel in range(panels):
            first = panel * PANEL
            for r in range(count):
                for o in range(min(PANEL, gradient.shape[1] - first)):
                    room[panel, r, o] = gradient[row + r, first + o]
        for i in range(inputs):
            _prepare(x, base, row, count, i, low, spacing, table, found, powers, ends, order)
            room[panels, : ROWS // 2] = ZERO
            for panel in range(panels):
                start = (panel * inputs + i) * depth * PANEL
                silu = load(weights, start + (depth - 1) * PANEL)
                for cell in range(cells):
                    if ends[cell] == cell * ROWS:
                        continue
                    at = start + cell * PANEL
                    w1, w2 = load(weights, at + PANEL), load(weights, at + 2 * PANEL)
                    d1, d2, d3 = subtract(w1, load(weights, at)), subtract(w2, w1), load(weights, at + 3 * PANEL)
                    d3 = subtract(d3, w2)
                    outer, scale = add(d1, d3), spread(HALF * inverse)
                    c2 = subtract(multiply(scale, outer), multiply(spread(inverse), d2))
                    c1 = multiply(scale, subtract(d3, d1))
                    c0 = fused(spread(EIGHTH * inverse), outer, multiply(spread(THREE_QUARTERS * inverse), d2))
                    g0 = g1 = g2 = g3 = g4 = spread(ZERO)
                    for n in range(cell * ROWS, ends[cell]):
                        r = np.int64(item(order, n))
                        g = load(slopes, (panel * ROWS + r) * PANEL)
                        if of_weights:
                            g0 = fused(spread(item(values, r)), g, g0)
                            g1 = fused(spread(item(values, ROWS + r)), g, g1)
                            g2 = fused(spread(item(values, 2 * ROWS + r)), g, g2)
                            g3 = fused(spread(item(values, 3 * ROWS + r)), g, g3)
                            g4 = fused(spread(item(values, 4 * ROWS + r)), g, g4)
                        if of_x:
                            u = spread(item(values, 5 * ROWS + r))
                            slope = fused(fused(c2, u, c1), u, c0)
                            slope = fused(spread(item(values, 6 * ROWS + r)), silu, slope)
                            dot_into(slopes, sums + r * 16, slope, g)
                    if of_weights:
                        store(grads, at, add(load(grads, at), g0))
                        store(grads, at + PANEL, add(load(grads, at + PANEL), g1))
                        store(grads, at + 2 * PANEL, add(load(grads, at + 2 * PANEL), g2))
                        store(grads, at + 3 * PANEL, add(load(grads, at + 3 * PANEL), g3))
                        at = start + (depth - 1) * PANEL
                        store(grads, at, add(load(grads, at), g4))
            if of_x:
                for r in range(0, count, 16):
                    sums_into(values, 7 * ROWS + r, slopes, sums + r * 16)
                for r in range(count):
                    grad_x[row + r, i] = table[7, r]


@njit(nogil=True, cache=True)
def _prepare(
    x: Floats,
    base: bool,
    row: int,
    count: int,
    i: int,
    low: float,
    spacing: float,
    table: Floats,
    found: Ints,
    powers: Ints,
    ends: Ints,
    order: Ints,
) -> None:
    """Of input i and a block of rows: values, and the rows sorted by cell.

    Args:
        table: (8, ROWS): b_0 .. b_3, SiLU, u, the slope of SiLU; the last one to work in.
        found, powers: (ROWS,) the cell of each row; integers to work in.
        ends: (cells,) where each cell's rows end in `order`; they begin at a multiple of ROWS.
        order: (cells * ROWS,) rows within the block.
    """
    column = table[7, :count]
    for r in range(count):
        column[r] = x[row + r, i]
    _bases(column, np.float32(low), ONE / np.float32(spacing), np.float32(len(ends) - PAD), table, found)
    if base:
        _silu(column, table[4], table[6], powers)
    for cell in range(len(ends)):
        ends[cell] = cell * ROWS
    for r in range(count):
        cell = np.uint64(item(found, r))
        place = np.uint64(item(ends, cell))
        order[place] = r
        ends[cell] = place + np.uint64(1)


@njit(nogil=True, cache=True, fastmath={"contract"})
def _bases(x: Floats, low: np.float32, inverse: np.float32, last: np.float32, table: Floats, found: Ints) -> None:
    """Cells of x (n,), the four bases there, and u. Beyond the outermost knots all are zero; NaN stays NaN."""
    b0, b1, b2, b3, u = table[0], table[1], table[2], table[3], table[5]
    for r in range(len(x)):
        t = (x[r] - low) * inverse
        t = -THREE if t < -THREE else t
        t = last if t > last else t
        cell = np.floor(t)
        cell = cell if cell < last - ONE else last - ONE
        f = t - cell
        g = ONE - f
        b0[r] = g * g * g * SIXTH
        b1[r] = f * f * (HALF * f - ONE) + TWO_THIRDS
        b2[r] = g * g * (HALF * g - ONE) + TWO_THIRDS
        b3[r] = f * f * f * SIXTH
        u[r] = f - HALF
        found[r] = np.int32(cell) + np.int32(PAD)


@njit(nogil=True, cache=True, fastmath={"contract"}, error_model="numpy")
def _silu(x: Floats, values: Floats, slopes: Floats, powers: Ints) -> None:
    """SiLU of x (n,) and its slope, x g and g + x g (1 - g), with g = 1 / (1 + exp(-x)) and 1 - g = exp(-x) g.

    exp(-x) = 2^n exp(s), n the integer next to -x / log 2, with exp(s) by its series, |s| <= log(2) / 2, and the float
    2^n made of its bits, in `powers`. numba does not vectorise the exponential of its library.
    """
    scale = powers.view(np.float32)
    for r in range(len(x)):
        turns = np.floor(HALF - x[r] * PER_LOG_2)
        turns = -MOST_TURNS if turns < -MOST_TURNS else turns
        turns = MOST_TURNS if turns > MOST_TURNS else turns
        slopes[r] = turns
        powers[r] = (np.int32(turns) + np.int32(127)) << np.int32(23)
    for r in range(len(x)):
        s = -x[r] - slopes[r] * LOG_2_HIGH - slopes[r] * LOG_2_LOW
        s = -ONE if s < -ONE else s  # of inputs that are so large that any s will do
        s = ONE if s > ONE else s
        series = SERIES[6]
        series = series * s + SERIES[5]
        series = series * s + SERIES[4]
        series = series * s + SERIES[3]
        series = series * s + SERIES[2]
        series = series * s + ONE
        series = series * s + ONE
        power = series * scale[r]
        g = ONE / (ONE + power)
        values[r] = x[r] * g
        slopes[r] = g + x[r] * g * (power * g)
