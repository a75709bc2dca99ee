"""Putting a GraphStore together from what a reader found: global edges, labels as integers of any value."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kanrepro.store.store import GraphStore

Ints = NDArray[np.int64]


def assemble(
    graph: Ints,
    runs: list[Ints],
    graph_labels: Ints,
    node_labels: Ints | None,
    edge_labels: Ints | None,
    meta: dict[str, Any],
) -> GraphStore:
    """One store. Labels become class ids in the order of their values; the values are kept in `meta`.

    Args:
        graph: (N,) graph of each node, ascending from 0, every graph present.
        runs: arrays of keys source * N + target of the directed edges, ascending and distinct over all runs together;
            the list is emptied on the way, to save memory.
        graph_labels: (G,).
        node_labels: (N,) or None.
        edge_labels: (E,) in the order of the keys, or None.
        meta: facts to keep beside `classes`, `node_labels` and `edge_labels`.

    Returns:
        x (N, 1) int16 or (N, 0); edge_index (2, E) int32 local; edge_attr (E, 1) int16 or None; y (G, 1) int64.
    """
    y, classes = np.unique(graph_labels, return_inverse=True)[::-1]
    node_ptr = np.searchsorted(graph, np.arange(len(y) + 1))
    edge_index, edge_ptr = _local(runs, graph, node_ptr)
    x, node_values = (np.empty((len(graph), 0), np.int16), None) if node_labels is None else _column(node_labels)
    edge_attr, edge_values = (None, None) if edge_labels is None else _column(edge_labels)
    return GraphStore(
        x=torch.from_numpy(x),
        edge_index=torch.from_numpy(edge_index),
        edge_attr=None if edge_attr is None else torch.from_numpy(edge_attr),
        y=torch.from_numpy(y.astype(np.int64)[:, None]),
        node_ptr=torch.from_numpy(node_ptr),
        edge_ptr=torch.from_numpy(edge_ptr),
        meta={**meta, "classes": classes.tolist(), "node_labels": node_values, "edge_labels": edge_values},
    )


def _column(labels: Ints) -> tuple[NDArray[Any], list[int]]:
    """(L,) labels to (L, 1) class ids, int16 where that holds them, and the values they stand for."""
    values, ids = np.unique(labels, return_inverse=True)
    return ids.astype(np.int16 if len(values) <= 2**15 else np.int32)[:, None], values.tolist()


def _local(runs: list[Ints], graph: Ints, node_ptr: Ints) -> tuple[NDArray[np.int32], Ints]:
    """Runs of keys to (2, E) local node numbers and (G+1,) edge pointers, from the last run to the first."""
    left = sum(map(len, runs))
    edge_index = np.empty((2, left), np.int32)
    counts = np.zeros(len(node_ptr) - 1, np.int64)
    while runs:
        source, target = np.divmod(runs.pop(), len(graph))
        owner = graph[source]
        counts += np.bincount(owner, minlength=len(counts))
        here = slice(left - len(owner), left)
        edge_index[0, here] = source - node_ptr[owner]
        edge_index[1, here] = target - node_ptr[owner]
        left -= len(owner)
    return edge_index, np.concatenate([[0], counts.cumsum()])
