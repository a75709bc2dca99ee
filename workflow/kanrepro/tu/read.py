"""Graph sets in TU format, from a zip archive to a GraphStore, streamed in bounded memory.

Reads NAME_A.txt (directed edges "source, target", nodes counted from 1 over all graphs), NAME_graph_indicator.txt (the
graph of each node), NAME_graph_labels.txt and, where there are, NAME_node_labels.txt and NAME_edge_labels.txt.
Continuous attributes are left out, as in GraphCL. The largest set (COLLAB) has 49 million lines, 725 MB of text.
"""

from pathlib import Path
from typing import IO

import numpy as np

from kanrepro.core.archive import Archive
from kanrepro.core.errors import UserError
from kanrepro.core.files import sha256
from kanrepro.core.integers import integer_blocks, integers
from kanrepro.store.assemble import Ints, assemble
from kanrepro.store.store import GraphStore

PARTS = ("_A.txt", "_graph_indicator.txt", "_graph_labels.txt", "_node_labels.txt", "_edge_labels.txt")
MEMORY = 1 << 21  # edge lines gathered before they are sorted and made distinct


def read(path: Path, name: str, max_unzipped_mb: int = 1024) -> GraphStore:
    """The graph set `name` of a TU archive.

    Edges are made distinct (the social sets list each directed edge twice) and sorted by (graph, source, target).
    Labels become class ids in the order of their values; the values are kept in `meta`. One class only is accepted
    here: the stages that need two say so.

    Args:
        path: the zip archive; folders and double slashes inside it do not matter.
        name: how the members begin: NAME_A.txt.
        max_unzipped_mb: the archive is refused where its members unzip to more (10^6 bytes).

    Returns:
        The store, as `assemble` describes it; `meta` also has name, source_sha256 and edge_lines (of NAME_A.txt).

    Raises:
        UserError: naming archive, member and line: damaged archive, missing member, bad number, node numbers out of
            range, an edge between two graphs, a graph without nodes, an indicator that decreases, label counts that do
            not fit.
    """
    with Archive(path, max_unzipped_mb * 10**6, tuple(name + part for part in PARTS)) as archive:
        indicator_name = f"{name}_graph_indicator.txt"
        graph_labels = _column(archive, f"{name}_graph_labels.txt")
        graph = _graphs(_column(archive, indicator_name), indicator_name, len(graph_labels))
        node_labels = _node_labels(archive, f"{name}_node_labels.txt", len(graph))
        labels_name = f"{name}_edge_labels.txt"
        edge_labels = _column(archive, labels_name) if labels_name in archive.names else None
        with archive.open(f"{name}_A.txt") as stream:
            if edge_labels is None:
                runs, lines = _distinct_edges(stream, f"{name}_A.txt", graph)
            else:
                runs, lines, edge_labels = _labelled_edges(stream, f"{name}_A.txt", graph, edge_labels, labels_name)
    facts = {"name": name, "source_sha256": sha256(path), "edge_lines": lines}
    return assemble(graph, runs, graph_labels, node_labels, edge_labels, facts)


def _column(archive: Archive, member: str) -> Ints:
    """(L,) the integers of a member with one a line."""
    with archive.open(member) as stream:
        return integers(stream, member)


def _graphs(indicator: Ints, member: str, graphs: int) -> Ints:
    """(N,) the graph of each node, from 0, checked: 1..G without a gap, never decreasing."""
    if not len(indicator):
        raise UserError(f"{member} is empty: the set has no nodes.")
    if indicator[0] < 1:
        raise UserError(f"{member}, line 1: graph {indicator[0]}. Graphs are numbered from 1.")
    step = np.diff(indicator, prepend=0)
    wrong = np.flatnonzero((step < 0) | (step > 1) | (indicator > graphs))
    if len(wrong):
        at = int(wrong[0])
        value, before = int(indicator[at]), int(indicator[at - 1]) if at else 0
        where = f"{member}, line {at + 1}"
        if value < before:
            raise UserError(f"{where}: graph {value} after graph {before}. The nodes of a graph must stand together.")
        if value > graphs:
            raise UserError(f"{where}: graph {value}, but there are labels for {graphs} graphs.")
        raise UserError(f"{where}: graph {before + 1} has no nodes (graph {value} follows graph {before}).")
    if indicator[-1] < graphs:
        raise UserError(
            f"{member}: graph {int(indicator[-1]) + 1} has no nodes, but there are labels for {graphs} graphs."
        )
    return indicator - 1


def _node_labels(archive: Archive, member: str, nodes: int) -> Ints | None:
    if member not in archive.names:
        return None
    labels = _column(archive, member)
    if len(labels) != nodes:
        raise UserError(f"{member} has {len(labels)} lines, but the set has {nodes} nodes.")
    return labels


def _keys(rows: Ints, line: int, member: str, graph: Ints) -> Ints:
    """(L, 2) edge lines, checked, to (L,) keys source * N + target, which sort by (graph, source, target)."""
    nodes = len(graph)
    for bad in np.flatnonzero(((rows < 1) | (rows > nodes)).any(axis=1))[:1]:
        source, target = rows[bad]
        raise UserError(
            f"{member}, line {line + bad}: edge {source}, {target}, but the nodes are numbered 1 to {nodes}."
        )
    source, target = rows[:, 0] - 1, rows[:, 1] - 1
    for bad in np.flatnonzero(graph[source] != graph[target])[:1]:
        a, b = int(graph[source[bad]]) + 1, int(graph[target[bad]]) + 1
        raise UserError(
            f"{member}, line {line + bad}: the edge {rows[bad, 0]}, {rows[bad, 1]} joins graphs {a} and {b}."
        )
    return source * nodes + target


def _distinct_edges(stream: IO[bytes], member: str, graph: Ints) -> tuple[list[Ints], int]:
    """The distinct edges as ascending runs of keys that do not overlap, and the number of lines read."""
    runs: list[Ints] = []
    waiting: list[Ints] = []
    lines = 0
    for line, rows in integer_blocks(stream, member, 2):
        waiting.append(_keys(rows, line, member, graph))
        lines += len(rows)
        if sum(map(len, waiting)) > MEMORY:
            _merge(runs, waiting)
            waiting = []
    if waiting:
        _merge(runs, waiting)
    return runs, lines


def _merge(runs: list[Ints], parts: list[Ints]) -> None:
    """Add keys to the runs. A file in graph order touches only the end of the last run; any order gives the same."""
    keys = _distinct(np.concatenate(parts))
    while runs and runs[-1][-1] >= keys[0]:
        last = runs.pop()
        cut = int(np.searchsorted(last, keys[0]))
        keys = _distinct(np.concatenate([last[cut:], keys]))
        if cut:
            runs.append(last[:cut].copy())
    runs.append(keys)


def _distinct(keys: Ints) -> Ints:
    """The distinct values, ascending; `keys` is sorted in place. (np.unique hashes first: four times slower here.)"""
    keys.sort()
    return keys[np.diff(keys, prepend=-1) > 0]


def _labelled_edges(
    stream: IO[bytes], member: str, graph: Ints, labels: Ints, labels_name: str
) -> tuple[list[Ints], int, Ints]:
    """As `_distinct_edges` for sets with edge labels (small ones), and the label of each distinct edge."""
    parts = [_keys(rows, line, member, graph) for line, rows in integer_blocks(stream, member, 2)]
    keys = np.concatenate(parts) if parts else np.empty(0, np.int64)
    if len(labels) != len(keys):
        raise UserError(f"{labels_name} has {len(labels)} lines, but {member} has {len(keys)}.")
    distinct, first, which = np.unique(keys, return_index=True, return_inverse=True)
    for bad in np.flatnonzero(labels != labels[first][which])[:1]:
        raise UserError(
            f"{labels_name}, line {bad + 1}: label {labels[bad]}, but the same edge has label "
            f"{labels[first[which[bad]]]} in line {first[which[bad]] + 1}."
        )
    return [distinct] if len(distinct) else [], len(keys), labels[first]
