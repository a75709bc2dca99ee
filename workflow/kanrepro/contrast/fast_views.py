"""`draw_views` on the CPU without a tensor for every step: the same draws, the same views, one pass over the graphs.

The draws are made by PyTorch in the order and shape in which `kanrepro.contrast.views` makes them, so both forms give
the same views from the same generator; a test holds this. Everything between draws and result is compiled
(`kanrepro.contrast.native`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kanrepro.contrast import native
from kanrepro.contrast.masking import mask_values
from kanrepro.contrast.settings import ViewSettings
from kanrepro.store.store import GraphBatch, GraphStore, pointers

INTEGERS = (torch.int64, torch.int16, torch.uint8)  # types of node numbers for which the loops are compiled


@dataclass
class Marks:
    """G chosen graphs of a store side by side, and what is to become of their nodes and edges.

    Attributes:
        first_node, node_ptr: (G,) where each graph begins in the store; (G+1,) ranges of the chosen graphs.
        first_edge, edge_ptr: likewise for edges.
        keep_node, keep_edge: (N,) and (E,) flags.
        row: (N,) row of `noise` that stands in for a node's features, or -1.
        noise: (M, D).
        pairs: (2, P) added edges, numbered within their graph, pair_count (G,) of each.
    """

    first_node: NDArray[np.int64]
    node_ptr: NDArray[np.int64]
    first_edge: NDArray[np.int64]
    edge_ptr: NDArray[np.int64]
    keep_node: NDArray[np.bool_] = field(init=False)
    keep_edge: NDArray[np.bool_] = field(init=False)
    row: NDArray[np.int64] = field(init=False)
    noise: NDArray[np.floating] = field(init=False)
    pairs: NDArray[np.int64] = field(init=False)
    pair_count: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.keep_node = np.ones(self.node_ptr[-1], np.bool_)
        self.keep_edge = np.ones(self.edge_ptr[-1], np.bool_)
        self.row = np.full(self.node_ptr[-1], -1)
        self.noise = np.empty((0, 0), np.float32)
        self.pairs = np.empty((2, 0), np.int64)
        self.pair_count = np.zeros(len(self.first_node), np.int64)


@dataclass
class Part:
    """The graphs begin..end-1 of the marks, which get one kind of view."""

    marks: Marks
    begin: int
    end: int

    @property
    def nodes(self) -> slice:
        return slice(self.marks.node_ptr[self.begin], self.marks.node_ptr[self.end])

    @property
    def edges(self) -> slice:
        return slice(self.marks.edge_ptr[self.begin], self.marks.edge_ptr[self.end])

    @property
    def node_ptr(self) -> NDArray[np.int64]:
        return self.marks.node_ptr[self.begin : self.end + 1] - self.nodes.start

    @property
    def edge_ptr(self) -> NDArray[np.int64]:
        return self.marks.edge_ptr[self.begin : self.end + 1] - self.edges.start

    @property
    def first_edge(self) -> NDArray[np.int64]:
        return self.marks.first_edge[self.begin : self.end]

    @property
    def size(self) -> NDArray[np.int64]:
        return np.diff(self.node_ptr)


def supported(x: Tensor, edge_index: Tensor) -> bool:
    """Whether the compiled loops can serve: memory that numpy can see."""
    return x.device.type == "cpu" and edge_index.dtype in INTEGERS and x.is_contiguous()


def draw_views(
    store: GraphStore,
    x: Tensor,
    index: Tensor,
    size: int,
    settings: ViewSettings,
    generator: torch.Generator | None = None,
    drawn: Tensor | None = None,
) -> Iterator[GraphBatch]:
    """As `kanrepro.contrast.views.draw_views`, where `supported`."""
    if drawn is None:
        drawn = torch.randint(0, len(settings.kinds), index.shape, generator=generator)
    drawn, order = drawn.sort(stable=True)
    chosen = index[order]
    marks = Marks(*_ranges(store.node_ptr, chosen), *_ranges(store.edge_ptr, chosen))
    mark = {
        "drop_nodes": _drop,
        "mask_attributes": _mask,
        "perturb_edges": _perturb,
        "subgraph": _grow,
        "identity": _leave,
    }
    bounds = torch.searchsorted(drawn, torch.arange(len(settings.kinds) + 1)).tolist()
    for kind, begin, end in zip(settings.kinds, bounds, bounds[1:], strict=False):
        if begin < end:
            mark[kind](Part(marks, begin, end), store.edge_index.numpy(), x, settings, generator)
    return _written(marks, store, x, order.argsort().numpy(), size, settings.directed_edges)


def _ranges(ptr: Tensor, chosen: Tensor) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the ranges `chosen` of `ptr` begin, and their pointers side by side."""
    first = ptr[chosen]
    return first.numpy(), pointers(ptr[chosen + 1] - first).numpy()


def _leave(
    part: Part, edges: NDArray[np.integer], x: Tensor, settings: ViewSettings, generator: torch.Generator | None
) -> None:
    """Nothing is marked."""


def _drop(
    part: Part, edges: NDArray[np.integer], x: Tensor, settings: ViewSettings, generator: torch.Generator | None
) -> None:
    dropped = _smallest(part.node_ptr, settings.drop_ratio, generator)
    np.logical_not(dropped, out=part.marks.keep_node[part.nodes])


def _mask(
    part: Part, edges: NDArray[np.integer], x: Tensor, settings: ViewSettings, generator: torch.Generator | None
) -> None:
    masked = np.flatnonzero(_smallest(part.node_ptr, settings.mask_ratio, generator))
    part.marks.noise = mask_values(len(masked), x, generator).numpy()
    part.marks.row[part.nodes][masked] = np.arange(len(masked))


def _perturb(
    part: Part, edges: NDArray[np.integer], x: Tensor, settings: ViewSettings, generator: torch.Generator | None
) -> None:
    directed = settings.directed_edges
    leads = native.count_leads(edges, part.first_edge, part.edge_ptr, directed)
    lead_ptr = np.concatenate([[0], leads.cumsum()])
    dropped = _smallest(lead_ptr, settings.edge_ratio, generator)
    keep = part.marks.keep_edge[part.edges]
    native.drop_edges(edges, part.first_edge, part.edge_ptr, part.size, dropped, directed, keep)
    if settings.add_edges:
        added = np.where(part.size > 1, _counts(lead_ptr, settings.edge_ratio), 0)
        size = part.size.repeat(added)
        u = torch.rand(2, len(size), generator=generator, dtype=torch.float64).numpy()
        first, other = (u[0] * size).astype(np.int64), (u[1] * (size - 1)).astype(np.int64)
        part.marks.pairs = np.stack([first, other + (other >= first)])  # skip the node itself
        part.marks.pair_count[part.begin : part.end] = added


def _grow(
    part: Part, edges: NDArray[np.integer], x: Tensor, settings: ViewSettings, generator: torch.Generator | None
) -> None:
    size, node_ptr = part.size, part.node_ptr
    seeds = np.zeros(len(size), np.int64)
    start = torch.rand(int((size > 0).sum()), generator=generator, dtype=torch.float64).numpy()
    seeds[size > 0] = (start * size[size > 0]).astype(np.int64)
    wait = torch.empty(int(node_ptr[-1])).exponential_(generator=generator).numpy()
    counts = _counts(node_ptr, settings.subgraph_ratio) + 1
    keep = part.marks.keep_node[part.nodes]
    keep[:] = False
    if settings.subgraph_hops is None:
        native.grow(edges, part.first_edge, part.edge_ptr, node_ptr, seeds, wait, counts, keep)
    else:
        hops = settings.subgraph_hops
        time = native.passage_times(edges, part.first_edge, part.edge_ptr, node_ptr, seeds, wait, hops)
        native.mark_smallest(time, node_ptr, counts, keep)


def _counts(ptr: NDArray[np.int64], ratio: float) -> NDArray[np.int64]:
    """(G,) floor(ratio * size) of each range, in PyTorch's float32 arithmetic."""
    return (torch.from_numpy(np.diff(ptr)) * ratio).floor().long().numpy()


def _smallest(ptr: NDArray[np.int64], ratio: float, generator: torch.Generator | None) -> NDArray[np.bool_]:
    """Flags of floor(ratio * size) uniformly chosen items of each range."""
    keys = torch.rand(int(ptr[-1]), generator=generator, dtype=torch.float64).numpy()
    marked = np.zeros(len(keys), np.bool_)
    native.mark_smallest(keys, ptr, _counts(ptr, ratio), marked)
    return marked


def _written(
    m: Marks, store: GraphStore, x: Tensor, order: NDArray[np.int64], size: int, directed: bool
) -> Iterator[GraphBatch]:
    """The marked graphs `order` (G,) in batches of `size`, each written when it is asked for, while caches hold it."""
    fields = torch.empty(0, 0, dtype=torch.uint8) if store.edge_attr is None else store.edge_attr
    noise = m.noise if m.noise.shape[1] else np.empty((0, x.shape[1]), x.numpy().dtype)
    number = np.empty(len(m.keep_node), np.int64)
    pair_ptr = np.concatenate([[0], m.pair_count.cumsum()])
    nodes = np.diff(m.node_ptr)
    edges = np.diff(m.edge_ptr) + m.pair_count * (1 if directed else 2)
    for start in range(0, len(order), size):
        part = order[start : start + size]
        made = x.new_empty(nodes[part].sum(), x.shape[1])  # room for all nodes and edges, of which some stay
        edge_index = torch.empty(2, edges[part].sum(), dtype=torch.int64)
        edge_attr = fields.new_empty(edge_index.shape[1], fields.shape[1])
        node_ptr, edge_ptr = torch.empty(2, len(part) + 1, dtype=torch.int64)
        native.write_nodes(
            x.numpy(), m.first_node, m.node_ptr, m.keep_node, noise, m.row, part, number, made.numpy(), node_ptr.numpy()
        )
        native.write_edges(
            store.edge_index.numpy(), fields.numpy(), m.first_edge, m.edge_ptr, m.node_ptr, m.keep_edge, m.pairs,
            pair_ptr, directed, part, number, edge_index.numpy(), edge_attr.numpy(), edge_ptr.numpy(),
        )  # fmt: skip
        nodes_left, edges_left = int(node_ptr[-1]), int(edge_ptr[-1])
        attributes = None if store.edge_attr is None else edge_attr[:edges_left]
        yield GraphBatch(made[:nodes_left], edge_index[:, :edges_left], node_ptr, edge_ptr, attributes)
