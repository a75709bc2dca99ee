"""Stage: what Table 4 says about a set, counted in its store.

Reads a GraphStore; writes JSON with counts, means per graph, and under `candidates` everything that the printed column
"Avg. degree" might mean (docs/findings/table4-degree.md says which of them it is for which set). The table itself is
made by kanrepro.report.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from kanrepro.core.errors import cli
from kanrepro.core.files import sha256, write_json
from kanrepro.core.parser import stage_parser
from kanrepro.store.store import GraphStore

CHUNK = 1 << 22  # edges looked at together


def describe(store: GraphStore) -> dict[str, Any]:
    """Counts and means of a set.

    Returns (N nodes, E directed edges, G graphs; an undirected edge is a pair {u, v}, a self-loop counts as one):
        graphs, nodes, directed_edges, undirected_edges, self_loops: totals.
        classes: {original label: graphs}.
        node_labels, edge_labels: number of distinct ones, 0 for none.
        mean_nodes, mean_directed_edges, mean_undirected_edges: per graph.
        mean_degree: E / N, the number of neighbours of a node, averaged over all nodes.
        symmetric: every edge is there in both directions.
        isolated_nodes, graphs_with_isolated_nodes: nodes without an edge to another node.
        graphs_without_edges: graphs without any edge.
        edge_lines: lines of the source file, where edges may stand more than once.
        candidates: readings of "average degree"; `mean_of_graphs_*` averages ratios of graphs, others divide totals.
    """
    graphs, nodes, directed = len(store), store.x.shape[0], store.edge_index.shape[1]
    sizes, edges = store.node_ptr.diff(), store.edge_ptr.diff()
    touched = torch.zeros(nodes, dtype=torch.bool)
    undirected = torch.zeros(graphs, dtype=torch.int64)
    loops = 0
    for source, target in _chunks(store):
        loop = source == target
        loops += int(loop.sum())
        touched[source[~loop]] = True
        touched[target[~loop]] = True
        pairs = torch.stack([torch.minimum(source, target), torch.maximum(source, target)])
        distinct = torch.unique(pairs[0] * nodes + pairs[1])
        owner = torch.searchsorted(store.node_ptr, distinct // nodes, right=True) - 1
        undirected += torch.bincount(owner, minlength=graphs)
    total = int(undirected.sum())
    lonely = torch.arange(graphs).repeat_interleave(sizes)[~touched]
    y = store.y[:, 0]
    lines = store.meta.get("edge_lines")
    candidates = {
        "undirected_edges_per_graph": total / graphs,
        "directed_edges_per_graph": directed / graphs,
        "undirected_edges_per_node": total / nodes,
        "directed_edges_per_node": directed / nodes,
        "mean_of_graphs_undirected_edges_per_node": float((undirected / sizes).mean()),
        "mean_of_graphs_directed_edges_per_node": float((edges / sizes).mean()),
    }
    if lines is not None:
        candidates |= {"edge_lines_per_graph": lines / graphs, "edge_lines_per_node": lines / nodes}
    return {
        "dataset": store.meta.get("name"),
        "source_sha256": store.meta.get("source_sha256"),
        "graphs": graphs,
        "nodes": nodes,
        "directed_edges": directed,
        "undirected_edges": total,
        "self_loops": loops,
        "symmetric": directed == 2 * total - loops,
        "edge_lines": lines,
        "classes": {str(value): int((y == i).sum()) for i, value in enumerate(store.meta.get("classes", []))},
        "node_labels": len(store.meta.get("node_labels") or []),
        "edge_labels": len(store.meta.get("edge_labels") or []),
        "mean_nodes": nodes / graphs,
        "mean_directed_edges": directed / graphs,
        "mean_undirected_edges": total / graphs,
        "mean_degree": directed / nodes,
        "isolated_nodes": len(lonely),
        "graphs_with_isolated_nodes": len(torch.unique(lonely)),
        "graphs_without_edges": int((edges == 0).sum()),
        "candidates": candidates,
    }


def _chunks(store: GraphStore) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Source and target, counted over all graphs, of some whole graphs at a time (bounds the memory for COLLAB)."""
    ptr = store.edge_ptr
    start = 0
    while start < len(store):
        stop = int(torch.searchsorted(ptr, ptr[start] + CHUNK, right=True)) - 1
        stop = max(stop, start + 1)
        shift = store.node_ptr[start:stop].repeat_interleave(ptr[start : stop + 1].diff())
        source, target = store.edge_index[:, ptr[start] : ptr[stop]].long() + shift
        yield source, target
        start = stop


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: python -m kanrepro.tu.describe."""
    parser = stage_parser(__doc__)
    parser.file("--store", "prepared set, for instance resources/tu/MUTAG.safetensors")
    parser.file("--output", "JSON to write: results/<preset>/records/data/MUTAG.json")
    options = parser.parse_args(argv)
    content = describe(GraphStore.load(options.store))
    write_json(options.output, {**content, "store": str(options.store), "store_sha256": sha256(options.store)})


if __name__ == "__main__":
    cli(main)
