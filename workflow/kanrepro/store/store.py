"""GraphStore: all graphs of a set as flat tensors, and batches of them made without a loop over graphs."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safetensors
import torch
from torch import Tensor

from kanrepro.core.errors import UserError
from kanrepro.core.files import read_tensors, write_tensors

if TYPE_CHECKING:
    from torch_geometric.data import Batch, Data


@dataclass(frozen=True)
class GraphBatch:
    """G graphs as one disconnected graph.

    Attributes:
        x: (N, D) node features.
        edge_index: (2, E) int64 source and target in 0..N-1, grouped by graph.
        node_ptr: (G+1,) int64, nodes of graph g are node_ptr[g]:node_ptr[g+1].
        edge_ptr: (G+1,) int64, likewise for edges.
        edge_attr: (E, B) or None.
        y: (G, T) or None.
    """

    x: Tensor
    edge_index: Tensor
    node_ptr: Tensor
    edge_ptr: Tensor
    edge_attr: Tensor | None = None
    y: Tensor | None = None

    @property
    def num_graphs(self) -> int:
        return self.node_ptr.numel() - 1

    @property
    def num_nodes(self) -> int:
        return self.x.shape[0]

    @property
    def num_edges(self) -> int:
        return self.edge_index.shape[1]

    def node_graph(self) -> Tensor:
        """(N,) the graph of each node."""
        return owner(self.node_ptr, self.num_nodes)

    def edge_graph(self) -> Tensor:
        """(E,) the graph of each edge."""
        return owner(self.edge_ptr, self.num_edges)

    def select(self, index: Tensor) -> "GraphBatch":
        """Graphs `index` (any order, repeats allowed) as a batch of their own."""
        nodes, node_ptr = _ranges(self.node_ptr, index)
        edges, edge_ptr = _ranges(self.edge_ptr, index)
        shift = (node_ptr[:-1] - self.node_ptr[index]).repeat_interleave(edge_ptr.diff(), output_size=edges.numel())
        return GraphBatch(
            x=self.x.index_select(0, nodes),
            edge_index=self.edge_index.index_select(1, edges) + shift,
            node_ptr=node_ptr,
            edge_ptr=edge_ptr,
            edge_attr=None if self.edge_attr is None else self.edge_attr[edges],
            y=None if self.y is None else self.y[index],
        )

    def slice(self, start: int, stop: int) -> "GraphBatch":
        """Graphs start..stop-1, sharing the memory of their nodes."""
        return next(self.cut([start, stop]))

    def split(self, size: int) -> Iterator["GraphBatch"]:
        """The graphs in batches of `size`, the last one perhaps smaller, sharing the memory of their nodes."""
        return self.cut([*range(0, self.num_graphs, size), self.num_graphs])

    def cut(self, bounds: list[int]) -> Iterator["GraphBatch"]:
        """The graphs bounds[0]..bounds[1]-1, bounds[1]..bounds[2]-1, ..., sharing the memory of their nodes."""
        at = torch.tensor(bounds, device=self.node_ptr.device)
        nodes, edges = self.node_ptr[at].tolist(), self.edge_ptr[at].tolist()
        for (g0, g1), (n0, n1), (e0, e1) in zip(pairwise(bounds), pairwise(nodes), pairwise(edges), strict=True):
            yield GraphBatch(
                x=self.x[n0:n1],
                edge_index=self.edge_index[:, e0:e1] - n0,
                node_ptr=self.node_ptr[g0 : g1 + 1] - n0,
                edge_ptr=self.edge_ptr[g0 : g1 + 1] - e0,
                edge_attr=None if self.edge_attr is None else self.edge_attr[e0:e1],
                y=None if self.y is None else self.y[g0:g1],
            )

    def to(self, device: torch.device | str) -> "GraphBatch":
        """The same batch on another device."""
        return replace(self, **{n: t.to(device) for n, t in vars(self).items() if t is not None})

    def to_pyg(self) -> "Batch":
        """As a PyTorch Geometric batch (x, edge_index, edge_attr, y, batch, ptr)."""
        from torch_geometric.data import Batch

        made = Batch(x=self.x, edge_index=self.edge_index, edge_attr=self.edge_attr, y=self.y)
        made.batch, made.ptr = self.node_graph(), self.node_ptr
        return made


@dataclass(frozen=True)
class GraphStore:
    """A graph set as flat tensors (design: one file, small integer types, memory-mapped).

    Attributes:
        x: (N, F) node fields, small integers (TU: node label as class id; F = 0 where the set has none) or floats.
        edge_index: (2, E) node numbers local to their graph, edges sorted by (graph, source, target), distinct.
        edge_attr: (E, B) edge fields, or None.
        y: (G, T) labels.
        node_ptr: (G+1,) int64.
        edge_ptr: (G+1,) int64.
        meta: JSON-able facts: name, source checksum, original label values, ...; `edges_checked` tells that no edge
            leaves its graph, so that a store of millions of graphs opens without a look at every edge (molecule sets,
            whose shards are checked one by one when they are joined).
    """

    x: Tensor
    edge_index: Tensor
    edge_attr: Tensor | None
    y: Tensor
    node_ptr: Tensor
    edge_ptr: Tensor
    meta: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.check(edges=not self.meta.get("edges_checked"))

    def __len__(self) -> int:
        return self.node_ptr.numel() - 1

    def check(self, edges: bool = True) -> None:
        """Raise ValueError where pointers, sizes or (with `edges`, which reads them all) node numbers do not fit."""
        graphs = len(self)
        for name, ptr, total in (
            ("node_ptr", self.node_ptr, self.x.shape[0]),
            ("edge_ptr", self.edge_ptr, self.edge_index.shape[1]),
        ):
            if ptr.dtype != torch.int64 or ptr.dim() != 1 or int(ptr[0]) != 0 or int(ptr[-1]) != total:
                raise ValueError(f"{name} must be int64 and run from 0 to {total}")
            if bool((ptr.diff() < 0).any()):
                raise ValueError(f"{name} decreases")
        if self.edge_ptr.numel() != graphs + 1 or self.y.shape[0] != graphs:
            ranges, labels = self.edge_ptr.numel() - 1, self.y.shape[0]
            raise ValueError(f"{graphs} graphs, but {ranges} edge ranges and {labels} labels")
        if self.edge_attr is not None and self.edge_attr.shape[0] != self.edge_index.shape[1]:
            raise ValueError("edge_attr and edge_index differ in length")
        if edges and self.edge_index.numel():
            size = self.node_ptr.diff().to(self.edge_index.dtype).repeat_interleave(self.edge_ptr.diff())
            if int(self.edge_index.min()) < 0 or bool((self.edge_index >= size).any()):
                raise ValueError("an edge leaves its graph")

    def save(self, path: Path | str) -> None:
        """Write everything into one safetensors file, atomically."""
        tensors = {n: t.contiguous() for n, t in vars(self).items() if isinstance(t, Tensor)}
        write_tensors(path, tensors, self.meta)

    @classmethod
    def load(cls, path: Path | str) -> "GraphStore":
        """Open a store; tensors are memory-mapped until they are touched.

        Raises:
            UserError: the file is missing, truncated or not a store.
        """
        try:
            tensors, meta = read_tensors(path)
            return cls(edge_attr=tensors.pop("edge_attr", None), meta=meta, **tensors)
        except FileNotFoundError:
            raise UserError(f"{path} does not exist. Make it with: python -m kanrepro.tu.prepare --help") from None
        except (safetensors.SafetensorError, ValueError, TypeError, OSError, RuntimeError) as error:
            raise UserError(f"{path} is not a graph store ({error}). Delete it and prepare the set again.") from error

    def batch(self, index: Tensor, x: Tensor | None = None) -> GraphBatch:
        """Graphs `index` (G,) as one batch, on the store's device, in the order given (repeats allowed).

        `x` (N, D) replaces the stored node fields, for instance by features made of them.
        """
        x = self.x if x is None else x
        nodes, node_ptr = _ranges(self.node_ptr, index)
        edges, edge_ptr = _ranges(self.edge_ptr, index)
        shift = node_ptr[:-1].repeat_interleave(edge_ptr.diff(), output_size=edges.numel())
        return GraphBatch(
            x=x.index_select(0, nodes),
            edge_index=self.edge_index.index_select(1, edges).long() + shift,
            node_ptr=node_ptr,
            edge_ptr=edge_ptr,
            edge_attr=None if self.edge_attr is None else self.edge_attr[edges],
            y=self.y[index],
        )

    def to(self, device: torch.device | str) -> "GraphStore":
        """The same store with its tensors on another device."""
        return replace(self, **{n: t.to(device) for n, t in vars(self).items() if isinstance(t, Tensor)})

    @classmethod
    def from_pyg(cls, graphs: "list[Data]", meta: dict[str, Any] | None = None) -> "GraphStore":
        """A store of PyTorch Geometric graphs (x, edge_index, edge_attr, y), edges sorted and made distinct."""
        sizes = [int(graph.num_nodes or 0) for graph in graphs]
        edges, attributes = [], []
        for graph, size in zip(graphs, sizes, strict=True):
            index = torch.as_tensor(graph.edge_index)
            key, first = torch.unique(index[0] * size + index[1], return_inverse=True)
            kept = torch.full_like(key, index.shape[1]).scatter_reduce_(
                0, first, torch.arange(index.shape[1], device=index.device), "amin"
            )
            edges.append(index[:, kept])
            attributes.append(None if graph.edge_attr is None else torch.as_tensor(graph.edge_attr)[kept])
        has_attributes = bool(attributes) and all(a is not None for a in attributes)
        return cls(
            x=torch.cat([g.x if g.x is not None else torch.zeros(n, 0) for g, n in zip(graphs, sizes, strict=True)]),
            edge_index=torch.cat(edges, dim=1),
            edge_attr=torch.cat([a for a in attributes if a is not None]) if has_attributes else None,
            y=torch.cat([torch.as_tensor(g.y).reshape(1, -1) for g in graphs]),
            node_ptr=pointers(torch.tensor(sizes)),
            edge_ptr=pointers(torch.tensor([e.shape[1] for e in edges])),
            meta=dict(meta or {}),
        )

    def to_pyg(self) -> "list[Data]":
        """The graphs as a list of PyTorch Geometric `Data`."""
        from torch_geometric.data import Data

        made = []
        for g in range(len(self)):
            n, e = slice(*self.node_ptr[g : g + 2].tolist()), slice(*self.edge_ptr[g : g + 2].tolist())
            attribute = None if self.edge_attr is None else self.edge_attr[e]
            made.append(Data(self.x[n], self.edge_index[:, e].long(), attribute, y=self.y[g : g + 1]))
        return made


def pointers(counts: Tensor) -> Tensor:
    """(G,) counts to (G+1,) int64 pointers."""
    summed = counts.cumsum(0)
    return torch.cat([summed.new_zeros(1), summed]).long()


def owner(ptr: Tensor, total: int) -> Tensor:
    """(total,) which range of `ptr` each position lies in."""
    return torch.arange(ptr.numel() - 1, device=ptr.device).repeat_interleave(ptr.diff(), output_size=total)


def _ranges(ptr: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    """Positions of the ranges `index` of `ptr` one after the other, and the pointers of the result."""
    start = ptr[index]
    made = pointers(ptr[index + 1] - start)
    total = int(made[-1])
    shift = (start - made[:-1]).repeat_interleave(made.diff(), output_size=total)
    return torch.arange(total, device=ptr.device) + shift, made
