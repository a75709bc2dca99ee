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
        left = count
        for i in range(begin, end):
            if keys[i] < bound:
                marked[i] = True
                left -= 1
        for i in range(begin, end):
            if left and keys[i] == bound and keys[i] < np.inf:
                marked[i] = True
                left -= 1


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
    for g in range(len(first)):
        count = ptr[g + 1] - ptr[g]
        gone = np.zeros(count, np.bool_)
        place = np.zeros(size[g] + 1, np.int64)  # of the next edge from each node
        for e in range(count):
            source, target = edges[0, first[g] + e], edges[1, first[g] + e]
            place[source + 1] += 1
            if directed or source < target:
                gone[e] = dropped[lead]
                lead += 1
        place = place.cumsum()
        for e in range(count):
            target = edges[1, first[g] + e]
            opposite = e if directed else place[target]
            place[target] += 1
            if gone[e] or gone[opposite]:
                keep[ptr[g] + e] = False


@njit(nogil=True, cache=True)
def passage_times(
    edges: Ints, first: Ints, edge_ptr: Ints, node_ptr: Ints, seeds: Ints, wait: Floats, rounds: int
) -> Floats:
    """(N,) first-passage times from each graph's seed node: a node adds its `wait` (N,); infinite where unreached.

    Args:
        seeds: (G,) numbered within their graph, of graphs with nodes.
        rounds: hops that passages may take; negative: any number.
    """
    time = np.full(len(wait), np.inf, wait.dtype)
    for g in range(len(first)):
        base, count = node_ptr[g], edge_ptr[g + 1] - edge_ptr[g]
        if node_ptr[g + 1] == base:
            continue
        now = time[base : node_ptr[g + 1]]
        now[seeds[g]] = 0
        left, changed = rounds, True
        while changed and left != 0:
            before = now if rounds < 0 else now.copy()  # a bounded number of hops is counted, an unbounded one is not
            changed = False
            for e in range(first[g], first[g] + count):
                target = edges[1, e]
                arrival = before[edges[0, e]] + wait[base + target]
                if arrival < now[target]:
                    now[target] = arrival
                    changed = True
            left -= 1
    return time


@njit(nogil=True, cache=True)
def measure(
    edges: Ints, first: Ints, edge_ptr: Ints, node_ptr: Ints, keep_node: Flags, keep_edge: Flags, number: Ints
) -> tuple[Ints, Ints]:
    """Nodes and edges that stay in each graph, (G,) each; `number` (N,) becomes the new number of each kept node."""
    graphs = len(first)
    nodes, kept = np.zeros(graphs, np.int64), np.zeros(graphs, np.int64)
    for g in range(graphs):
        for i in range(node_ptr[g], node_ptr[g + 1]):
            number[i] = nodes[g] if keep_node[i] else -1
            nodes[g] += keep_node[i]
        for e in range(edge_ptr[g], edge_ptr[g + 1]):
            at = first[g] + e - edge_ptr[g]
            ends = number[node_ptr[g] + edges[0, at]] >= 0 and number[node_ptr[g] + edges[1, at]] >= 0
            keep_edge[e] = keep_edge[e] and ends
            kept[g] += keep_edge[e]
    return nodes, kept


@njit(nogil=True, cache=True)
def write_nodes(
    x: Floats, first: Ints, ptr: Ints, keep: Flags, noise: Floats, row: Ints, order: Ints, at: Ints, out: Floats
) -> None:
    """Features of the kept nodes of graphs order[0], order[1], ... to `out`, of graph order[p] from row at[p] on.

    Args:
        x: (N, D) of the store.
        noise: (M, D) that stands in for the features of a node whose `row` (N,) is not negative.
    """
    for p in range(len(order)):
        g, to = order[p], at[p]
        for i in range(ptr[g], ptr[g + 1]):
            if keep[i]:
                source = x[first[g] + i - ptr[g]] if row[i] < 0 else noise[row[i]]
                for d in range(len(source)):
                    out[to, d] = source[d]
                to += 1


@njit(nogil=True, cache=True)
def write_edges(
    edges: Ints, fields: Ints, first: Ints, edge_ptr: Ints, node_ptr: Ints, keep: Flags, number: Ints, pairs: Ints,
    pair_ptr: Ints, directed: bool, order: Ints, at: Ints, base: Ints, out: Ints, out_fields: Ints,
) -> None:  # fmt: skip
    """Kept edges with their `fields` (E, B), then added `pairs` (2, P) and their opposites with fields 0, likewise.

    base[p] is the first node of order[p].
    """
    width = fields.shape[1]
    for p in range(len(order)):
        g, to = order[p], at[p]
        for e in range(edge_ptr[g], edge_ptr[g + 1]):
            if keep[e]:
                source = first[g] + e - edge_ptr[g]
                for end in range(2):
                    out[end, to] = base[p] + number[node_ptr[g] + edges[end, source]]
                for b in range(width):
                    out_fields[to, b] = fields[source, b]
                to += 1
        for flip in range(1 if directed else 2):
            for pair in range(pair_ptr[g], pair_ptr[g + 1]):
                for end in range(2):
                    out[end, to] = base[p] + pairs[end ^ flip, pair]
                for b in range(width):
                    out_fields[to, b] = 0
                to += 1
