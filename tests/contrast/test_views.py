"""Views: exact counts, purity, and a four-node world with the whole expected graph."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import small_molecules

from kanrepro.contrast import drop_nodes, fast_views, mask_attributes, native, perturb_edges, subgraph
from kanrepro.contrast.masking import mask_atoms
from kanrepro.contrast.settings import ViewSettings
from kanrepro.contrast.views import draw_view, draw_views, induced, without_isolated
from kanrepro.store.atoms import MASK, MASKED_ATOM
from kanrepro.store.store import GraphBatch, GraphStore

VIEWS = [drop_nodes, mask_attributes, perturb_edges, subgraph]


def store_of(graphs: list[tuple[int, list[tuple[int, int]]]]) -> GraphStore:
    """Graphs as (nodes, undirected edges); node features number the nodes of the whole set."""
    sizes = [n for n, _ in graphs]
    edges = [sorted({(u, v) for a, b in pairs for u, v in ((a, b), (b, a))}) for _, pairs in graphs]
    flat = [pair for group in edges for pair in group]
    return GraphStore(
        x=torch.arange(sum(sizes)).unsqueeze(1).float(),
        edge_index=torch.tensor(flat, dtype=torch.int32).reshape(-1, 2).T,
        edge_attr=None,
        y=torch.zeros(len(graphs), 1, dtype=torch.int64),
        node_ptr=torch.tensor([0, *torch.tensor(sizes).cumsum(0).tolist()]),
        edge_ptr=torch.tensor([0, *torch.tensor([len(e) for e in edges]).cumsum(0).tolist()]),
    )


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch_of(graphs: list[tuple[int, list[tuple[int, int]]]]) -> GraphBatch:
    store = store_of(graphs)
    return store.batch(torch.arange(len(store)))


def ring(n: int) -> tuple[int, list[tuple[int, int]]]:
    return n, [(i, (i + 1) % n) for i in range(n)]


def check(batch: GraphBatch) -> None:
    """A batch holds together: pointers, and edges within their graphs."""
    assert batch.node_ptr[-1] == batch.num_nodes
    assert batch.edge_ptr[-1] == batch.num_edges
    node_graph = batch.node_graph()
    assert torch.equal(node_graph[batch.edge_index[0]], batch.edge_graph())
    assert torch.equal(node_graph[batch.edge_index[1]], batch.edge_graph())


graph_sets = st.lists(
    st.integers(0, 9).flatmap(
        lambda n: st.tuples(
            st.just(n),
            st.lists(
                st.tuples(st.integers(0, max(n - 1, 0)), st.integers(0, max(n - 1, 0))), max_size=12 if n else 0
            ).map(lambda pairs: [(a, b) for a, b in pairs if a != b]),
        )
    ),
    min_size=1,
    max_size=5,
)


@settings(deadline=None)
@given(graphs=graph_sets, ratio=st.sampled_from([0.0, 0.1, 0.2, 0.5, 1.0]), seed=st.integers(0, 99))
def test_counts_are_exact_for_every_graph(graphs: list, ratio: float, seed: int) -> None:
    batch = batch_of(graphs)
    size = batch.node_ptr.diff()
    changed = (size * ratio).floor().long()
    edges = batch.edge_ptr.diff()

    dropped = drop_nodes(batch, ratio, generator(seed))
    assert torch.equal(dropped.node_ptr.diff(), size - changed)

    masked = mask_attributes(batch, ratio, generator(seed))
    moved = (masked.x != batch.x).squeeze(1).long()
    assert torch.equal(torch.zeros_like(size).index_add_(0, batch.node_graph(), moved), changed)
    assert torch.equal(masked.edge_index, batch.edge_index)

    pairs = (edges // 2 * ratio).floor().long()
    only_dropped = perturb_edges(batch, ratio, generator(seed), add=False)
    assert torch.equal(only_dropped.edge_ptr.diff(), edges - 2 * pairs)
    assert torch.equal(perturb_edges(batch, ratio, generator(seed)).edge_ptr.diff(), edges)
    directed = perturb_edges(batch, ratio, generator(seed), add=False, directed=True)
    assert torch.equal(directed.edge_ptr.diff(), edges - (edges * ratio).floor().long())

    kept = subgraph(batch, ratio, generator(seed))
    assert bool((kept.node_ptr.diff() <= ((size * ratio).floor() + 1).minimum(size)).all())
    assert bool((kept.node_ptr.diff() >= size.clamp_max(1)).all())
    for made in (dropped, masked, only_dropped, directed, kept):
        check(made)


@pytest.mark.parametrize("view", VIEWS)
def test_views_are_pure_and_driven_by_the_generator(view) -> None:  # noqa: ANN001
    batch = batch_of([ring(20), ring(9)])
    before = [t.clone() for t in (batch.x, batch.edge_index)]
    first, again = view(batch, 0.3, generator(4)), view(batch, 0.3, generator(4))
    assert torch.equal(first.x, again.x) and torch.equal(first.edge_index, again.edge_index)
    assert torch.equal(batch.x, before[0]) and torch.equal(batch.edge_index, before[1])
    other = view(batch, 0.3, generator(5))
    assert not (torch.equal(first.x, other.x) and torch.equal(first.edge_index, other.edge_index))


def test_induced_four_node_world() -> None:
    """The square 0-1-2-3 with the diagonal 0-2, without node 1: a triangle, renumbered."""
    batch = batch_of([(4, [(0, 1), (1, 2), (2, 3), (3, 0), (0, 2)])])
    made = induced(batch, torch.tensor([True, False, True, True]))
    assert made.x.squeeze(1).tolist() == [0, 2, 3]
    assert made.edge_index.T.tolist() == [[0, 1], [0, 2], [1, 0], [1, 2], [2, 0], [2, 1]]
    assert made.node_ptr.tolist() == [0, 3]
    assert made.edge_ptr.tolist() == [0, 6]


def test_perturbed_edges_stay_symmetric() -> None:
    made = perturb_edges(batch_of([ring(12), ring(30)]), 0.4, generator(1))
    directed = sorted(map(tuple, made.edge_index.T.tolist()))
    assert directed == sorted((v, u) for u, v in directed)
    assert all(u != v for u, v in directed)


def test_subgraph_is_connected_and_as_large_as_asked() -> None:
    path = (50, [(i, i + 1) for i in range(49)])
    for seed in range(20):
        made = subgraph(batch_of([path, ring(30)]), 0.2, generator(seed))
        assert made.node_ptr.diff().tolist() == [11, 7]
        assert made.edge_ptr.diff().tolist() == [20, 12]  # connected pieces of a path and a ring are paths


def test_subgraph_stays_in_its_component_and_in_its_hops() -> None:
    two = (6, [(0, 1), (1, 2), (3, 4), (4, 5)])
    for seed in range(20):
        made = subgraph(batch_of([two]), 0.9, generator(seed))
        assert made.x.squeeze(1).tolist() in ([0, 1, 2], [3, 4, 5])
    star = subgraph(batch_of([ring(30)]), 0.5, generator(0), rounds=1)
    assert star.num_nodes == 3  # the seed and its two neighbours, not floor(0.5 * 30) + 1


def test_growth_picks_frontier_nodes_uniformly() -> None:
    """On the tree 0-1, 0-2, 1-3 grown to 3 nodes: the law of 'a uniform frontier node at a time', counted."""
    batch = batch_of([(4, [(0, 1), (0, 2), (1, 3)])])
    runs = 12000
    counts: dict[tuple[int, ...], int] = {}
    g = generator(7)
    for _ in range(runs // 1000):
        many = subgraph(batch_repeat(batch, 1000), 0.5, g)
        for nodes in many.x.squeeze(1).split(many.node_ptr.diff().tolist()):
            key = tuple(int(n) for n in nodes)
            counts[key] = counts.get(key, 0) + 1
    # seeds 0, 1, 2, 3 with probability 1/4 each; then two uniform picks from the frontier
    expected = {
        (0, 1, 2): 1 / 4 * (1 / 2 * 1 / 2 + 1 / 2) + 1 / 4 * (1 / 2 * 1 / 2) + 1 / 4,
        (0, 1, 3): 1 / 4 * (1 / 2 * 1 / 2) + 1 / 4 * (1 / 2 * 1 / 2 + 1 / 2) + 1 / 4,
    }
    for key, probability in expected.items():
        assert counts[key] / runs == pytest.approx(probability, abs=0.02), key
    assert sum(expected.values()) == pytest.approx(1)


def batch_repeat(batch: GraphBatch, times: int) -> GraphBatch:
    store = GraphStore(
        batch.x, batch.edge_index.int(), None, torch.zeros(1, 1, dtype=torch.int64), batch.node_ptr, batch.edge_ptr
    )
    return store.batch(torch.zeros(times, dtype=torch.int64))


def test_drawn_views_come_back_in_the_order_asked_for() -> None:
    store = store_of([ring(n) for n in range(5, 25)])
    index = torch.randperm(20, generator=generator(3))
    check(draw_view(store, store.x, index, ViewSettings(), generator(0)))
    first = store.x[store.node_ptr[index], 0]  # numbers of each graph's first node
    last = store.x[store.node_ptr[index + 1] - 1, 0]
    inner = ViewSettings(kinds=("drop_nodes", "subgraph"))
    view = draw_view(store, store.x, index, inner, generator(0))
    lowest = torch.stack([x.min() for x in view.x[:, 0].split(view.node_ptr.diff().tolist())])
    assert bool(((lowest >= first) & (lowest <= last)).all())


def test_every_kind_is_drawn_and_its_counts_hold() -> None:
    store = store_of([ring(20)] * 400)
    kinds = ViewSettings().kinds
    view = draw_view(store, store.x, torch.arange(400), ViewSettings(), generator(0))
    sizes = view.node_ptr.diff()
    assert sizes.unique().tolist() == [5, 18, 20]  # subgraph; dropped nodes; edges perturbed or attributes masked
    assert 60 < int((sizes == 5).sum()) < 140 and 60 < int((sizes == 18).sum()) < 140
    assert len(kinds) == 4


def test_kinds_can_be_given_graph_by_graph_and_one_of_them_changes_nothing() -> None:
    store = store_of([ring(20)] * 4)
    habits = ViewSettings(kinds=("identity", "drop_nodes"))
    drawn = torch.tensor([1, 0, 0, 1])
    (fast,) = draw_views(store, store.x, torch.arange(4), 4, habits, generator(0), drawn)
    plain = draw_view(store, store.x, torch.arange(4), habits, generator(0), drawn)
    for view in (fast, plain):
        assert view.node_ptr.diff().tolist() == [18, 20, 20, 18]
        untouched = store.batch(torch.tensor([1, 2]), store.x)
        torch.testing.assert_close(view.select(torch.tensor([1, 2])).edge_index, untouched.edge_index)


def test_graphs_without_edges_or_nodes_pass_through_every_view() -> None:
    batch = batch_of([(0, []), (1, []), (3, []), ring(4)])
    for view in VIEWS:
        check(view(batch, 0.5, generator(0)))


HABITS = [
    ViewSettings(),
    ViewSettings(subgraph_hops=1, add_edges=False, directed_edges=True),
    ViewSettings(subgraph_hops=2, directed_edges=True, drop_ratio=0.5, edge_ratio=0.5, mask_ratio=1.0),
    ViewSettings(subgraph_ratio=0.9, drop_ratio=1.0, edge_ratio=0.0, mask_ratio=0.0),
]


@settings(deadline=None)
@given(graphs=graph_sets, habits=st.sampled_from(HABITS), seed=st.integers(0, 99))
def test_compiled_views_are_the_same_views(graphs: list, habits: ViewSettings, seed: int) -> None:
    store = store_of([*graphs, ring(40), (7, [(a, b) for a in range(7) for b in range(a)])])
    store = replace(store, edge_index=store.edge_index.long())
    same_views(store, habits, seed)


@settings(deadline=None, max_examples=20)
@given(habits=st.sampled_from(HABITS), seed=st.integers(0, 99))
def test_compiled_views_of_molecules_are_the_same_views(habits: ViewSettings, seed: int) -> None:
    """Fields of atoms and bonds are bytes, node numbers too."""
    same_views(small_molecules(), habits, seed)


def same_views(store: GraphStore, habits: ViewSettings, seed: int) -> None:
    index = torch.randint(0, len(store), (12,), generator=generator(seed))  # any order, with repeats
    assert fast_views.supported(store.x, store.edge_index)
    compiled = draw_views(store, store.x, index, 5, habits, generator(seed))
    plain = draw_view(store, store.x, index, habits, generator(seed)).split(5)
    for ours, theirs in zip(compiled, plain, strict=True):
        for name in ("x", "edge_index", "node_ptr", "edge_ptr", "edge_attr"):
            one, other = getattr(ours, name), getattr(theirs, name)
            assert one is other if other is None else torch.equal(one, other), name


@pytest.mark.parametrize("view", VIEWS)
def test_edges_keep_their_fields_through_every_view(view) -> None:  # noqa: ANN001
    """Every edge says which nodes it joins; what a view adds says 0, and no kept edge does."""
    batch = batch_of([ring(12), (6, [(a, b) for a in range(6) for b in range(a)]), (3, [])])
    ends = batch.x.squeeze(1).long()[batch.edge_index] + 1  # nodes are numbered by their features
    made = view(replace(batch, edge_attr=ends.T.contiguous()), 0.4, generator(2))
    check(made)
    kept = made.edge_attr.all(1)
    if view is mask_attributes:
        assert torch.equal(made.edge_attr, ends.T)
    else:
        joined = made.x.squeeze(1).long()[made.edge_index].T + 1
        assert torch.equal(joined[kept], made.edge_attr[kept])
    added = 2 * (int(12 * 0.4) + int(15 * 0.4)) if view is perturb_edges else 0
    assert int((~kept).sum()) == added and not made.edge_attr[~kept].any()


def test_masked_atoms_get_the_token_and_other_features_noise() -> None:
    store = small_molecules(10)
    batch = store.batch(torch.arange(10))
    made = mask_attributes(batch, 0.3, generator())
    changed = (made.x != batch.x).any(1)
    assert made.x.dtype == batch.x.dtype and (made.x[changed] == torch.tensor(MASK)).all()
    counts = torch.zeros(10).index_add_(0, batch.node_graph(), changed.float())
    assert torch.equal(counts, (batch.node_ptr.diff() * 0.3).floor())


def test_atoms_to_be_told_are_masked_and_remembered() -> None:
    """floor(0.15 n + 1) of each molecule, as Hu et al. count them."""
    batch = small_molecules(20).batch(torch.arange(20))
    made = mask_atoms(batch, 0.15, generator())
    masked = made.x[:, 0] == MASKED_ATOM
    assert torch.equal(made.x[:, 2], batch.x[:, 0]) and torch.equal(made.x[~masked, :2], batch.x[~masked])
    assert not made.x[masked, 1].any()
    counts = torch.zeros(20).index_add_(0, batch.node_graph(), masked.float())
    assert counts.tolist() == [int(0.15 * n + 1) for n in batch.node_ptr.diff().tolist()]


def test_many_smallest_keys_and_ties() -> None:
    """More than are found by insertion, equal keys at the bound, and unreached nodes."""
    keys = np.array([0.5] * 40 + [0.1] * 10 + [np.inf] * 10)
    for count, wanted in ((5, 5), (45, 45), (60, 50)):
        marked = np.zeros(60, np.bool_)
        native.mark_smallest(keys, np.array([0, 60]), np.array([count]), marked)
        assert marked.sum() == wanted and marked[40:50].sum() == min(count, 10) and not marked[50:].any()


def test_isolated_nodes_are_left_out_and_the_rest_renumbered() -> None:
    x = torch.arange(5.0).unsqueeze(1)
    batch = GraphBatch(x, torch.tensor([[1, 3, 4], [3, 1, 4]]), torch.tensor([0, 3, 5]), torch.tensor([0, 2, 3]))
    # nodes 1 and 3 are joined, 4 has a loop, 0 and 2 have nothing
    made = without_isolated(batch)
    assert made.x.flatten().tolist() == [1.0, 3.0, 4.0]
    assert made.edge_index.tolist() == [[0, 1, 2], [1, 0, 2]] and made.node_ptr.tolist() == [0, 1, 3]
