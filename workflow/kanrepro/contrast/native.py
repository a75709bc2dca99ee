"""Views on the CPU: the loops over graphs, nodes and edges, compiled by numba; `views` says what they do.

A view is marked first (which nodes and edges stay, which nodes get noise) and then written out once. Arrays run over
the chosen graphs side by side: `ptr` (G+1,) are their ranges, `first` (G,) where each begins in the store. Nodes of
`edges` (2, E) are numbered within their graph, as a GraphStore holds them, in integers of any size.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.integer]
Flags = NDArray[np.bool_]
Floats = NDArray[np.floating]


FEW = 32  # so many smallest ones are found by insertion, more by partition


@njit(nogil=True, cache=True)
def mark_smallest(keys: Floats, ptr: Ints, counts: Ints, marked: Flags) -> None:
    """Mark the counts[g] smallest keys of each range, of equal ones the first; infinite keys never."""
    found = np.empty(FEW, keys.dtype)
    for g in range(len(counts)):
        begin, end = ptr[g], ptr[g + 1]
        count = min(counts[g], end - begin)
        if count <= 0:
            continue
        bound = _bound(keys[begin:end], count, found)
        excess = -count
        for i in range(begin, end):
            marked[i] = keys[i] <= bound and keys[i] < np.inf
            excess += marked[i]
        while excess > 0:
            end -= 1
            if keys[end] == bound:
                marked[end] = False
                excess -= 1


@njit(nogil=True, cache=True)
def _bound(keys: Floats, count: int, found: Floats) -> float:
    """The largest of the `count` smallest keys; `found` (FEW,) is room to work in."""
    if count > FEW:
        return np.partition(keys, count - 1)[count - 1]
    found[:count] = np.inf
    for key in keys:
        if key < found[count - 1]:
            place = count - 1
            while place and found[place - 1] > key:
                found[place] = found[place - 1]
                place -= 1
            found[place] = key
    return found[count - 1]


@njit(nogil=True, cache=True)
def count_leads(edges: Ints, first: Ints, ptr: Ints, directed: bool) -> Ints:
    """(G,) edges of each graph: pairs of opposite directed ones without self-loops, or all of them."""
    counts = np.zeros(len(first), np.int64)
    for g in range(len(first)):
        for e in range(first[g], first[g] + ptr[g + 1] - ptr[g]):
            counts[g] += directed or edges[0, e] < edges[1, e]
    return counts


@njit(nogil=True, cache=True)
def drop_edges(edges: Ints, first: Ints, ptr: Ints, size: Ints, dropped: Flags, directed: bool, keep: Flags) -> None:
    """Unmark in `keep` (E,) the edges that `dropped` (one flag for each that `count_leads` counts) names, both ways.

    Edges are sorted by (source, target) and come in both directions: in the order of their targets they are each
    other's opposites.
    """
    lead = 0
    place = np.empty(_largest(size) + 1, np.int64)  # of the next edge from each node
    for g in range(len(first)):
        count = ptr[g + 1] - ptr[g]
        _begins(edges[0, first[g] : first[g] + count], size[g], place)
        for e in range(count):
            source, target = edges[0, first[g] + e], edges[1, first[g] + e]
            opposite = e if directed else place[target]
            place[target] += 1
            if directed or source < target:
                if dropped[lead]:
                    keep[ptr[g] + e] = keep[ptr[g] + opposite] = False
                lead += 1


@njit(nogil=True, cache=True)
def grow(
    edges: Ints, first: Ints, ptr: Ints, node_ptr: Ints, seeds: Ints, wait: Floats, counts: Ints, kept: Flags
) -> None:
    """Mark counts[g] nodes of each graph in `kept` (N,), from its seed on: those with the least first-passage times.

    A node enters the frontier when the first of its neighbours joins, and joins `wait` (N,) later; of equal ones the
    first in number does.

    Args:
        seeds: (G,) numbered within their graph, of graphs with nodes.
    """
    room = _largest(np.diff(node_ptr)) + 1
    begin, frontier, time = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, wait.dtype)
    for g in range(len(first)):
        base, size = node_ptr[g], node_ptr[g + 1] - node_ptr[g]
        ends = edges[:, first[g] : first[g] + ptr[g + 1] - ptr[g]]
        _begins(ends[0], size, begin)
        time[:size] = np.inf
        waiting = min(size, 1)
        if waiting:
            frontier[0], time[seeds[g]] = seeds[g], 0
        for _ in range(counts[g]):
            if not waiting:
                break
            next = 0
            for i in range(1, waiting):
                ahead = time[frontier[i]] - time[frontier[next]]
                if ahead < 0 or (ahead == 0 and frontier[i] < frontier[next]):
                    next = i
            node = frontier[next]
            kept[base + node] = True
            waiting -= 1
            frontier[next] = frontier[waiting]
            for e in range(begin[node], begin[node + 1]):
                other = ends[1, e]
                arrival = time[node] + wait[base + other]
                if time[other] == np.inf:
                    frontier[waiting] = other
                    waiting += 1
                time[other] = min(time[other], arrival)


@njit(nogil=True, cache=True)
def passage_times(
    edges: Ints, first: Ints, edge_ptr: Ints, node_ptr: Ints, seeds: Ints, wait: Floats, rounds: int
) -> Floats:
    """(N,) first-passage times as for `grow` over at most `rounds` hops; infinite where unreached."""
    time = np.full(len(wait), np.inf, wait.dtype)
    for g in range(len(first)):
        base = node_ptr[g]
        if node_ptr[g + 1] == base:
            continue
        now = time[base : node_ptr[g + 1]]
        now[seeds[g]] = 0
        for _ in range(rounds):
            before = now.copy()
            for e in range(first[g], first[g] + edge_ptr[g + 1] - edge_ptr[g]):
                target = edges[1, e]
                now[target] = min(now[target], before[edges[0, e]] + wait[base + target])
    return time


@njit(nogil=True, cache=True)
def _begins(sources: Ints, size: int, begin: Ints) -> None:
    """Where the edges of each of `size` nodes begin in `sources`, which are sorted, and the end, into `begin`."""
    begin[: size + 1] = 0
    for source in sources:
        begin[source + 1] += 1
    for i in range(size):
        begin[i + 1] += begin[i]


@njit(nogil=True, cache=True)
def _largest(sizes: Ints) -> int:
    return sizes.max() if len(sizes) else 0


@njit(nogil=True, cache=True)
def write_nodes(
    x: Floats, first: Ints, ptr: Ints, keep: Flags, noise: Floats, row: Ints, order: Ints, number: Ints, out: Floats,
    out_ptr: Ints,
) -> None:  # fmt: skip
    """The kept nodes of the graphs order[0], order[1], ... one after the other: features to `out`, ranges to `out_ptr`.

    Args:
        x: (N, D) of the store.
        noise: (M, D) that stands in for the features of a node whose `row` (N,) is not negative.
        number: (N,) becomes where in `out` each node of these graphs stands, or -1.
    """
    to = 0
    out_ptr[0] = 0
    for p in range(len(order)):
        g = order[p]
        for i in range(ptr[g], ptr[g + 1]):
            number[i] = to if keep[i] else -1
            if keep[i]:
                source = x[first[g] + i - ptr[g]] if row[i] < 0 else noise[row[i]]
                for d in range(len(source)):
                    out[to, d] = source[d]
                to += 1
        out_ptr[p + 1] = to


@njit(nogil=True, cache=True)
def write_edges(
    edges: Ints, fields: Ints, first: Ints, ptr: Ints, node_ptr: Ints, keep: Flags, pairs: Ints, pair_ptr: Ints,
    directed: bool, order: Ints, number: Ints, out: Ints, out_fields: Ints, out_ptr: Ints,
) -> None:  # fmt: skip
    """Likewise the kept edges between kept nodes, then added `pairs` (2, P) and, unless `directed`, their opposites.

    Args:
        fields: (E, B) of the store, which kept edges carry to `out_fields`; those of added ones are 0.
    """
    to = 0
    out_ptr[0] = 0
    for p in range(len(order)):
        g = order[p]
        base, shift = node_ptr[g], first[g] - ptr[g]
        for e in range(ptr[g], ptr[g + 1]):
            source, target = number[base + edges[0, shift + e]], number[base + edges[1, shift + e]]
            if keep[e] and source >= 0 and target >= 0:
                out[0, to], out[1, to] = source, target
                for b in range(fields.shape[1]):
                    out_fields[to, b] = fields[shift + e, b]
                to += 1
        for flip in range(1 if directed else 2):
            for pair in range(pair_ptr[g], pair_ptr[g + 1]):
                out[0, to], out[1, to] = number[base + pairs[flip, pair]], number[base + pairs[1 - flip, pair]]
                for b in range(fields.shape[1]):
                    out_fields[to, b] = 0
                to += 1
        out_ptr[p + 1] = to
