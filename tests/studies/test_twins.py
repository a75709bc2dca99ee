"""Graphs that colour refinement cannot tell apart."""

from dataclasses import replace

import networkx
import numpy as np
import torch

from kanrepro.store.store import GraphStore
from kanrepro.studies.twins import kinds, line


def store_of(graphs: list[networkx.Graph], labels: list[list[int]] | None = None) -> GraphStore:
    edges = [sorted({(u, v) for a, b in g.edges for u, v in ((a, b), (b, a))}) for g in graphs]
    x = torch.tensor([n for one in labels for n in one]).unsqueeze(1) if labels else torch.zeros(0, 0)
    nodes = [0, *np.cumsum([len(g) for g in graphs]).tolist()]
    return GraphStore(
        x=x if labels else torch.zeros(nodes[-1], 0, dtype=torch.int32),
        edge_index=torch.tensor([pair for one in edges for pair in one], dtype=torch.int32).reshape(-1, 2).T,
        edge_attr=None,
        y=torch.arange(len(graphs)).unsqueeze(1) % 2,
        node_ptr=torch.tensor(nodes),
        edge_ptr=torch.tensor([0, *np.cumsum([len(one) for one in edges]).tolist()]),
        meta={"name": "TOY", "node_labels": [0, 1]},
    )


def test_relabelled_graphs_and_the_classical_pair_are_twins() -> None:
    hexagon, triangles = networkx.cycle_graph(6), networkx.disjoint_union(*[networkx.cycle_graph(3)] * 2)
    path = networkx.path_graph(6)
    turned = networkx.relabel_nodes(path, {i: (i * 5 + 2) % 6 for i in range(6)})
    found = kinds(store_of([hexagon, triangles, path, turned]))
    assert found[0] == found[1] and found[2] == found[3] and found[0] != found[2]


def test_labels_tell_graphs_apart() -> None:
    path = networkx.path_graph(3)
    store = store_of([path, path, path], [[0, 1, 0], [1, 0, 0], [0, 0, 1]])
    found = kinds(store)
    assert found[1] == found[2] != found[0]
    assert len(set(kinds(replace(store, x=torch.zeros(9, 0, dtype=torch.int32))))) == 1


def test_networkx_finds_the_same_twins() -> None:
    graphs = [networkx.gnp_random_graph(5, 0.4, seed=seed) for seed in range(60)]
    found = kinds(store_of(graphs))
    theirs = [networkx.weisfeiler_lehman_graph_hash(g, iterations=6) for g in graphs]
    same = [(i, j) for i in range(60) for j in range(i) if theirs[i] == theirs[j]]
    assert same == [(i, j) for i in range(60) for j in range(i) if found[i] == found[j]] and same


def test_a_whole_line() -> None:
    path, star = networkx.path_graph(4), networkx.star_graph(3)
    # twins: the paths 0 and 1 (of two classes) and the stars 2 and 3 (of two classes); fold 0 holds both paths
    made = line(store_of([path, path, star, star]), [[0, 1], [2], [3]])
    assert made == {
        "dataset": "TOY",
        "graphs": "4",
        "kinds": "2",
        "twins": "4",
        "twins_of_other_class": "4",
        "test_with_twin_percent": "50.0000",
    }
