"""Graph views: pure functions (batch, ratio, generator) -> batch over a whole batch at once (GraphCL's four kinds).

Counts are exact for every graph of n nodes and m edges: floor(ratio * n) nodes dropped or masked, floor(ratio * m)
edges changed, floor(ratio * n) + 1 nodes kept by `subgraph` (fewer where its component is smaller).
"""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from kanrepro.contrast.masking import mask_values, random_rank, rank_within
from kanrepro.contrast.settings import ViewSettings
from kanrepro.store.store import GraphBatch, GraphStore, pointers

try:
    from kanrepro.contrast import fast_views
except ImportError:  # no numba: slower views, not other ones
    fast_views = None

ASKED = 4  # rounds of growth between two looks at whether it is over, for which a GPU would have to be waited for


def drop_nodes(batch: GraphBatch, ratio: float, generator: torch.Generator | None = None) -> GraphBatch:
    """Drop floor(ratio * n) uniformly chosen nodes of each graph, with their edges."""
    rank = random_rank(batch.node_graph(), batch.node_ptr, generator)
    return induced(batch, rank >= _count(batch.node_ptr, ratio)[batch.node_graph()])


def mask_attributes(batch: GraphBatch, ratio: float, generator: torch.Generator | None = None) -> GraphBatch:
    """Replace the features of floor(ratio * n) uniformly chosen nodes of each graph (`masking.mask_values`)."""
    rank = random_rank(batch.node_graph(), batch.node_ptr, generator)
    masked = (rank < _count(batch.node_ptr, ratio)[batch.node_graph()]).nonzero().squeeze(1)
    return replace(batch, x=batch.x.index_copy(0, masked, mask_values(masked.numel(), batch.x, generator)))


def perturb_edges(
    batch: GraphBatch, ratio: float, generator: torch.Generator | None = None, add: bool = True, directed: bool = False
) -> GraphBatch:
    """Drop floor(ratio * m) uniformly chosen edges of each graph and add as many uniformly random node pairs.

    An edge is a pair of opposite directed edges (the batch must then be symmetric, its edges sorted by source and
    target, as a GraphStore holds them); self-loops stay. With `directed`, every directed edge counts for itself. Added
    pairs are drawn without regard to the edges that are there, as in GraphCL. Edges that stay keep their attributes;
    those of added ones are 0, which between atoms is a single bond without direction.

    Args:
        add: False only drops, which is what GraphCL's code does.
    """
    source, target = batch.edge_index
    owner = batch.edge_graph()
    free = torch.ones_like(source, dtype=torch.bool) if directed else source < target
    lead = free.nonzero().squeeze(1)
    counts = torch.bincount(owner[lead], minlength=batch.num_graphs)
    lead_ptr = pointers(counts)
    change = _count(lead_ptr, ratio)
    rank = random_rank(owner[lead], lead_ptr, generator)
    dropped = lead[rank < change[owner[lead]]]
    keep = torch.ones_like(free)
    keep[dropped] = False
    if not directed:
        keep[_reverse(batch)[dropped]] = False
    kept = keep.nonzero().squeeze(1)
    edge_index, owner = batch.edge_index.index_select(1, kept), owner.index_select(0, kept)
    edge_attr = None if batch.edge_attr is None else batch.edge_attr.index_select(0, kept)
    if add:
        pairs, of = _random_pairs(batch.node_ptr, change, generator)
        both = pairs if directed else torch.cat([pairs, pairs.flip(0)], dim=1)
        edge_index = torch.cat([edge_index, both], dim=1)
        owner, order = torch.cat([owner, of if directed else of.repeat(2)]).sort(stable=True)
        edge_index = edge_index[:, order]
        if edge_attr is not None:
            edge_attr = torch.cat([edge_attr, edge_attr.new_zeros(both.shape[1], edge_attr.shape[1])])[order]
    edge_ptr = pointers(torch.bincount(owner, minlength=batch.num_graphs))
    return replace(batch, edge_index=edge_index, edge_ptr=edge_ptr, edge_attr=edge_attr)


def subgraph(
    batch: GraphBatch, ratio: float, generator: torch.Generator | None = None, rounds: int | None = None
) -> GraphBatch:
    """Keep floor(ratio * n) + 1 nodes of each graph, grown from a random node over its whole frontier.

    Growth picks a uniformly random frontier node at a time. The same process runs here for all graphs at once as
    first-passage percolation: a node that enters the frontier waits an Exp(1) time before it joins, and since waiting
    times have no memory, the next to join is uniform over the frontier. So the nodes that joined first are those with
    the smallest first-passage times, found by Bellman-Ford steps over all edges.

    Args:
        rounds: hops that growth may reach; 1 is the star around the seed that GraphCL's code grows. None: no bound.
    """
    size = batch.node_ptr.diff()
    keep = (_count(batch.node_ptr, ratio) + 1).minimum(size)
    graphs = size.nonzero().squeeze(1)  # a graph without nodes has no seed
    start = torch.rand(graphs.numel(), generator=generator, device=batch.x.device, dtype=torch.float64)
    seeds = batch.node_ptr[graphs] + (start * size[graphs]).long()
    wait = torch.empty(batch.num_nodes, device=batch.x.device).exponential_(generator=generator)
    time = torch.full_like(wait, torch.inf)
    time[seeds] = 0
    source, target = batch.edge_index
    step_wait = wait.index_select(0, target)
    # a node among the first k is at most k - 1 hops from the seed
    bound = int(keep.max()) - 1 if batch.num_graphs else 0
    for done in range(bound if rounds is None else min(rounds, bound)):
        reached = time.scatter_reduce(0, target, time.index_select(0, source).add_(step_wait), "amin")
        if done % ASKED == 0 and torch.equal(reached, time):
            break
        time = reached
    owner = batch.node_graph()
    by_time = time.argsort()
    rank = rank_within(by_time[owner[by_time].argsort(stable=True)], owner, batch.node_ptr)
    return induced(batch, (rank < keep[owner]) & time.isfinite())


def without_isolated(batch: GraphBatch, among: Tensor | None = None) -> GraphBatch:
    """The batch without nodes that have no edge, of those `among` (N,) alone; a graph may be left without nodes."""
    joined = torch.zeros(batch.num_nodes, dtype=torch.bool, device=batch.x.device)
    joined[batch.edge_index.flatten()] = True
    return induced(batch, joined if among is None else joined | ~among)


def with_last_marked(store: GraphStore, x: Tensor) -> Tensor:
    """Features x (N, D) with one column more: 1 for the last node of each graph, else 0."""
    last = x.new_zeros(len(x), 1)
    last[store.node_ptr[1:][store.node_ptr.diff() > 0] - 1] = 1
    return torch.cat([x, last], dim=1)


def without_isolated_last(batch: GraphBatch) -> GraphBatch:
    """The batch without isolated nodes that were the last of their graph, and without the column that tells it.

    Khan-GCL's code leaves isolated nodes out while all nodes but a graph's last have self-loops.
    """
    return without_isolated(replace(batch, x=batch.x[:, :-1]), batch.x[:, -1] == 1)


def induced(batch: GraphBatch, keep: Tensor) -> GraphBatch:
    """The subgraph induced by the nodes `keep` (N,), renumbered in order."""
    number = keep.cumsum(0)
    kept_edges = keep.index_select(0, batch.edge_index.flatten()).view(2, -1).all(0)
    edge_count = pointers(kept_edges)
    edges = batch.edge_index.index_select(1, kept_edges.nonzero().squeeze(1))
    return GraphBatch(
        x=batch.x.index_select(0, keep.nonzero().squeeze(1)),
        edge_index=(number - 1).index_select(0, edges.flatten()).view(2, -1),
        node_ptr=pointers(keep)[batch.node_ptr],
        edge_ptr=edge_count[batch.edge_ptr],
        edge_attr=None if batch.edge_attr is None else batch.edge_attr[kept_edges],
        y=batch.y,
    )


def draw_views(
    store: GraphStore,
    x: Tensor,
    index: Tensor,
    size: int,
    settings: ViewSettings,
    generator: torch.Generator | None = None,
    drawn: Tensor | None = None,
) -> Iterator[GraphBatch]:
    """Random views of the graphs `index` in batches of `size`, each kind drawn uniformly from `settings.kinds`.

    Everything is drawn by the call, and in one pass for all batches; on the CPU compiled loops (`fast_views`) then
    write each batch when it is asked for.

    Args:
        x: (N, D) features of all nodes of the store.
        index: (G,) graphs.
        drawn: (G,) the place in `settings.kinds` of each graph's kind; None: uniform.
    """
    last = settings.drop_isolated == "last"
    x = with_last_marked(store, x) if last else x
    if fast_views and fast_views.supported(x, store.edge_index):
        made = fast_views.draw_views(store, x, index, size, settings, generator, drawn)
    else:
        made = iter(draw_view(store, x, index, settings, generator, drawn).split(size))
    if last:
        return map(without_isolated_last, made)
    return map(without_isolated, made) if settings.drop_isolated else made


def draw_view(
    store: GraphStore,
    x: Tensor,
    index: Tensor,
    settings: ViewSettings,
    generator: torch.Generator | None = None,
    drawn: Tensor | None = None,
) -> GraphBatch:
    """One batch of random views of the graphs `index`.

    Graphs of one kind are gathered side by side, so that each kind is one call over its graphs.
    """
    s = settings
    views = {
        "drop_nodes": lambda part: drop_nodes(part, s.drop_ratio, generator),
        "mask_attributes": lambda part: mask_attributes(part, s.mask_ratio, generator),
        "perturb_edges": lambda part: perturb_edges(part, s.edge_ratio, generator, s.add_edges, s.directed_edges),
        "subgraph": lambda part: subgraph(part, s.subgraph_ratio, generator, s.subgraph_hops),
        "identity": lambda part: part,
    }
    if drawn is None:
        drawn = torch.randint(0, len(s.kinds), index.shape, generator=generator, device=index.device)
    drawn, order = drawn.sort(stable=True)
    batch = store.batch(index[order], x)
    bounds = torch.searchsorted(drawn, torch.arange(len(s.kinds) + 1, device=drawn.device)).tolist()
    parts = [views[kind](part) for kind, part in zip(s.kinds, batch.cut(bounds), strict=True) if part.num_graphs]
    return joined(parts).select(order.argsort())


def _count(ptr: Tensor, ratio: float) -> Tensor:
    """(G,) floor(ratio * size) of each range."""
    return (ptr.diff() * ratio).floor().long() if ratio else torch.zeros_like(ptr[1:])


def _reverse(batch: GraphBatch) -> Tensor:
    """(E,) where the opposite of each edge stands, for a symmetric batch whose edges are sorted by (source, target)."""
    return batch.edge_index[1].argsort(stable=True)


def _random_pairs(ptr: Tensor, counts: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """`counts` (G,) random ordered pairs of different nodes of each graph: (2, P), and (P,) their graphs."""
    size = ptr.diff()
    owner = torch.arange(counts.numel(), device=ptr.device).repeat_interleave(torch.where(size > 1, counts, 0))
    u = torch.rand(2, owner.numel(), generator=generator, device=ptr.device, dtype=torch.float64)
    first = (u[0] * size[owner]).long()
    other = (u[1] * (size[owner] - 1)).long()
    other = other + (other >= first)  # skip the node itself
    return torch.stack([first, other]) + ptr[owner], owner


def joined(parts: list[GraphBatch]) -> GraphBatch:
    """Batches one after the other; labels are left out."""
    nodes, edges = 0, 0
    index, node_ptr, edge_ptr = [], [parts[0].node_ptr[:1]], [parts[0].edge_ptr[:1]]
    for part in parts:
        index.append(part.edge_index + nodes)
        node_ptr.append(part.node_ptr[1:] + nodes)
        edge_ptr.append(part.edge_ptr[1:] + edges)
        nodes, edges = nodes + part.num_nodes, edges + part.num_edges
    x = torch.cat([part.x for part in parts])
    attributes = [part.edge_attr for part in parts if part.edge_attr is not None]
    edge_attr = torch.cat(attributes) if attributes else None
    return GraphBatch(x, torch.cat(index, dim=1), torch.cat(node_ptr), torch.cat(edge_ptr), edge_attr)
