"""Tiny worlds that tests share."""

import torch

from kanrepro.store.store import GraphStore, pointers


def rings_and_stars(graphs: int = 40) -> GraphStore:
    """Rings (class 0) and stars (class 1) of 5 to 9 nodes, in turn, with one node label."""
    nodes, edges, node_ptr, edge_ptr = [], [], [0], [0]
    for g in range(graphs):
        n = 5 + g // 2 % 5
        pairs = [(i, (i + 1) % n) for i in range(n)] if g % 2 == 0 else [(0, i) for i in range(1, n)]
        both = sorted({edge for a, b in pairs for edge in ((a, b), (b, a))})
        nodes += [[0]] * n
        edges += both
        node_ptr.append(len(nodes))
        edge_ptr.append(len(edges))
    return GraphStore(
        x=torch.tensor(nodes, dtype=torch.int16),
        edge_index=torch.tensor(edges, dtype=torch.int32).T.contiguous(),
        edge_attr=None,
        y=torch.arange(graphs).remainder(2).unsqueeze(1),
        node_ptr=torch.tensor(node_ptr),
        edge_ptr=torch.tensor(edge_ptr),
        meta={"name": "rings-and-stars", "node_labels": [0], "classes": [0, 1]},
    )


def small_molecules(molecules: int = 40) -> GraphStore:
    """Chains, rings, acids, alkenes with a direction and chiral amines of 4 to 13 atoms, in turn; y: 1 for rings."""
    from kanrepro.molecules.graph import Task, encode_rows

    kinds = ("{}O", "{}c1ccccc1", "{}C(=O)O", "F/C=C/{}", "{}[C@H](N)Br")
    smiles = [kinds[m % 5].format("C" * (3 + m // 5 % 5)) for m in range(molecules)]
    made = encode_rows(Task(list(enumerate(smiles))))
    assert len(made.rows) == molecules
    return GraphStore(
        x=torch.from_numpy(made.x),
        edge_index=torch.from_numpy(made.edge_index).to(torch.uint8),
        edge_attr=torch.from_numpy(made.edge_attr),
        y=torch.tensor([[1 if "c" in text else -1] for text in smiles], dtype=torch.int8),
        node_ptr=pointers(torch.from_numpy(made.nodes).long()),
        edge_ptr=pointers(torch.from_numpy(made.edges).long()),
        meta={"name": "small-molecules", "tasks": ["ring"], "smiles": smiles},
    )
