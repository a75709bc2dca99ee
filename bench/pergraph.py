"""The same views made graph by graph, as GraphCL and its descendants make them, for PyTorch Geometric's DataLoader.

Kinds, ratios and counts are those of kanrepro.contrast.views; only the loop over graphs is theirs.
"""

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader
from torch_geometric.utils import subgraph as induced

from kanrepro.contrast.settings import ViewSettings
from kanrepro.store.store import GraphStore


def drop_nodes(graph: Data, ratio: float) -> Data:
    """Drop floor(ratio * n) uniformly chosen nodes with their edges."""
    n = graph.x.shape[0]  # pyright: ignore[reportOptionalMemberAccess]
    return _induced(graph, torch.randperm(n)[int(ratio * n) :].sort().values)


def mask_attributes(graph: Data, ratio: float) -> Data:
    """Replace the features of floor(ratio * n) uniformly chosen nodes by Normal(0.5, 0.5^2)."""
    assert graph.x is not None
    x = graph.x.clone()
    masked = torch.randperm(x.shape[0])[: int(ratio * x.shape[0])]
    x[masked] = 0.5 + 0.5 * torch.randn(masked.numel(), x.shape[1])
    return Data(x=x, edge_index=graph.edge_index)


def perturb_edges(graph: Data, ratio: float) -> Data:
    """Drop floor(ratio * m) uniformly chosen undirected edges, and add as many random pairs of different nodes."""
    assert graph.x is not None and graph.edge_index is not None
    source, target = graph.edge_index
    forth, loops = graph.edge_index[:, source < target], graph.edge_index[:, source == target]
    n, m = graph.x.shape[0], forth.shape[1]
    change = int(ratio * m)
    kept = forth[:, torch.randperm(m)[change:]]
    if n > 1:
        first = torch.randint(0, n, (change,))
        other = torch.randint(0, n - 1, (change,))
        kept = torch.cat([kept, torch.stack([first, other + (other >= first)])], dim=1)
    return Data(x=graph.x, edge_index=torch.cat([kept, kept.flip(0), loops], dim=1))


def subgraph(graph: Data, ratio: float) -> Data:
    """Keep floor(ratio * n) + 1 nodes, grown from a random one by a uniformly random frontier node at a time."""
    assert graph.x is not None and graph.edge_index is not None
    n = graph.x.shape[0]
    neighbours: list[list[int]] = [[] for _ in range(n)]
    for source, target in graph.edge_index.T.tolist():
        neighbours[source].append(target)
    joined = {int(np.random.randint(n))} if n else set()
    frontier = [other for node in joined for other in neighbours[node] if other not in joined]
    waiting = set(frontier)
    while len(joined) < int(ratio * n) + 1 and frontier:
        place = np.random.randint(len(frontier))
        frontier[place], frontier[-1] = frontier[-1], frontier[place]
        node = frontier.pop()
        joined.add(node)
        new = [other for other in neighbours[node] if other not in joined and other not in waiting]
        frontier += new
        waiting.update(new)
    return _induced(graph, torch.tensor(sorted(joined), dtype=torch.long))


def _induced(graph: Data, nodes: Tensor) -> Data:
    """The subgraph of the nodes (n,), renumbered."""
    assert graph.x is not None and graph.edge_index is not None
    edges, _ = induced(nodes, graph.edge_index, relabel_nodes=True, num_nodes=graph.x.shape[0])
    return Data(x=graph.x[nodes], edge_index=edges)


class Views(Dataset[tuple[Data, Data]]):
    """Two random views of each graph, made when they are asked for."""

    def __init__(self, graphs: list[Data], settings: ViewSettings) -> None:
        self.graphs, self.settings = graphs, settings

    def __len__(self) -> int:
        return len(self.graphs)

    def __getitem__(self, index: int) -> tuple[Data, Data]:
        return self.view(self.graphs[index]), self.view(self.graphs[index])

    def view(self, graph: Data) -> Data:
        """One view, its kind drawn uniformly."""
        s = self.settings
        kind = s.kinds[np.random.randint(len(s.kinds))]
        if kind == "drop_nodes":
            return drop_nodes(graph, s.drop_ratio)
        if kind == "mask_attributes":
            return mask_attributes(graph, s.mask_ratio)
        return perturb_edges(graph, s.edge_ratio) if kind == "perturb_edges" else subgraph(graph, s.subgraph_ratio)


def loader(store: GraphStore, x: Tensor, count: int, batch_size: int, settings: ViewSettings) -> DataLoader:
    """A DataLoader over views of `count` graphs spread evenly over the store, with features x (N, D)."""
    graphs = []
    for g in torch.linspace(0, len(store) - 1, count).long().tolist():
        nodes, edges = slice(*store.node_ptr[g : g + 2].tolist()), slice(*store.edge_ptr[g : g + 2].tolist())
        graphs.append(Data(x=x[nodes], edge_index=store.edge_index[:, edges].long()))
    return DataLoader(Views(graphs, settings), batch_size=batch_size, shuffle=True, num_workers=0)  # pyright: ignore
