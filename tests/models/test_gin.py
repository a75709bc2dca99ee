"""GIN: the formula, PyTorch Geometric as an oracle, and invariance."""

from typing import Any

import pytest
import torch
from torch import nn

from kanrepro.kan import KANLinear
from kanrepro.models import GIN
from kanrepro.models.gin import pool, sum_neighbours
from kanrepro.store.store import GraphBatch


def random_batch(seed: int = 0, graphs: int = 5, width: int = 4) -> GraphBatch:
    g = torch.Generator().manual_seed(seed)
    sizes = torch.randint(2, 9, (graphs,), generator=g)
    node_ptr = torch.cat([torch.zeros(1, dtype=torch.int64), sizes.cumsum(0)])
    edges, edge_ptr = [], [0]
    for start, n in zip(node_ptr.tolist(), sizes.tolist(), strict=False):
        pairs = torch.randint(0, n, (2, 2 * n), generator=g) + start
        edges.append(torch.cat([pairs, pairs.flip(0)], dim=1))
        edge_ptr.append(edge_ptr[-1] + 4 * n)
    x = torch.randn(int(node_ptr[-1]), width, generator=g)
    return GraphBatch(x, torch.cat(edges, dim=1), node_ptr, torch.tensor(edge_ptr))


def test_sum_neighbours_tiny_world() -> None:
    h = torch.tensor([[1.0], [10.0], [100.0]])
    assert sum_neighbours(h, torch.tensor([[0, 1, 2, 1], [1, 0, 1, 2]])).squeeze(1).tolist() == [10.0, 101.0, 10.0]


def test_readouts_and_a_graph_without_nodes() -> None:
    batch = GraphBatch(
        torch.tensor([[1.0], [3.0]]),
        torch.zeros(2, 0, dtype=torch.int64),
        torch.tensor([0, 2, 2]),
        torch.zeros(3).long(),
    )
    assert pool(batch.x, batch, "sum").tolist() == [[4.0], [0.0]]
    assert pool(batch.x, batch, "mean").tolist() == [[2.0], [0.0]]


@pytest.mark.parametrize("network", ["mlp", "kan"])
def test_blocks_equal_pytorch_geometrics_gin_convolution(network: str) -> None:
    from torch_geometric.nn import GINConv, global_add_pool

    torch.manual_seed(0)
    gin: Any = GIN(4, network=network).eval()  # type: ignore[arg-type]
    batch = random_batch()
    graph: Any = batch.to_pyg()
    h, pooled = graph.x, []
    for block in gin.blocks:
        h = block.norm(torch.relu(GINConv(block.network)(h, graph.edge_index)))
        pooled.append(global_add_pool(h, graph.batch))
    torch.testing.assert_close(gin(batch), torch.cat(pooled, dim=1))


@pytest.mark.parametrize("network", ["mlp", "kan"])
@pytest.mark.parametrize("normalise", [False, True])
def test_node_order_does_not_change_z(network: str, normalise: bool) -> None:
    gin = GIN(4, network=network, normalise_input=normalise).double()  # type: ignore[arg-type]
    batch = random_batch()
    batch = GraphBatch(batch.x.double(), batch.edge_index, batch.node_ptr, batch.edge_ptr)
    within = torch.cat(
        [torch.randperm(int(b - a)) + a for a, b in zip(batch.node_ptr, batch.node_ptr[1:], strict=False)]
    )
    number = torch.empty_like(within)
    number[within] = torch.arange(within.numel())
    shuffled = GraphBatch(batch.x[within], number[batch.edge_index], batch.node_ptr, batch.edge_ptr)
    torch.testing.assert_close(gin(batch), gin(shuffled))


def test_sizes_of_table_5_and_the_scored_coefficients() -> None:
    gin = GIN(7)
    assert gin.out_features == 96
    assert [tuple(c.shape) for c in gin.scored_coefficients()] == [(32, 32, 8)] * 3
    assert GIN(7, network="mlp").scored_coefficients() == []
    last: Any = GIN(7, hidden=300, layers=5, join="last", readout="mean")
    assert last.out_features == 300 and len(last.scored_coefficients()) == 1
    assert all(isinstance(layer, KANLinear) for block in last.blocks for layer in block.network)
    wide: Any = GIN(32)
    kan = sum(p.numel() for block in wide.blocks for p in block.network.parameters())
    plain = sum(m.weight.numel() for m in GIN(32, network="mlp").modules() if isinstance(m, nn.Linear))
    assert kan == 9 * plain  # 8 coefficients and one base weight an edge


def test_the_generator_alone_decides_the_initial_values() -> None:
    a, b = (GIN(5, generator=torch.Generator().manual_seed(3)).state_dict() for _ in range(2))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_a_block_has_as_many_kan_layers_and_norms_as_it_is_told() -> None:
    made: Any = GIN(4, 8, kan={"layers": 3, "normalised": True, "edge_bias": True})
    kinds = [type(layer) for layer in made.blocks[0].network]
    assert kinds == [KANLinear, nn.BatchNorm1d, KANLinear, nn.BatchNorm1d, KANLinear]
    assert [layer.in_features for layer in made.blocks[0].network if isinstance(layer, KANLinear)] == [4, 8, 8]
    one: Any = GIN(4, 8, kan={"layers": 1})
    assert [(layer.in_features, layer.out_features) for layer in one.blocks[0].network] == [(4, 8)]


def test_another_layer_of_each_block_can_be_scored() -> None:
    made: Any = GIN(4, 8)
    for layer, place in (("first", 0), ("last", 1)):
        scored = made.scored_coefficients(layer)
        assert all(c is block.network[place].coefficients for c, block in zip(scored, made.blocks, strict=True))


def test_the_last_norm_stands_before_or_after_the_relu() -> None:
    torch.manual_seed(0)
    after: Any = GIN(4, network="mlp", layers=1)
    before: Any = GIN(4, network="mlp", layers=1, norm_order="before_relu")
    before.load_state_dict(after.state_dict())
    batch = random_batch()
    h = after.blocks[0].network(batch.x + sum_neighbours(batch.x, batch.edge_index))
    norm = nn.BatchNorm1d(32)
    torch.testing.assert_close(after(batch), pool(norm(torch.relu(h)), batch, "sum"))
    torch.testing.assert_close(before(batch), pool(torch.relu(norm(h)), batch, "sum"))
