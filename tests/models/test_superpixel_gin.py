"""The encoder of superpixel graphs: the published layer as a slow loop, permutation laws, and what CKFI scores."""

import pytest
import torch
from torch import nn

from kanrepro.kan import KANLinear
from kanrepro.models.digit_classifier import DigitClassifier
from kanrepro.models.superpixel_gin import SuperpixelGIN
from kanrepro.store.store import GraphBatch, pointers


def batch(seed: int = 0) -> GraphBatch:
    """Three graphs of 5, 1 and 4 nodes, with directed edges."""
    generator = torch.Generator().manual_seed(seed)
    edges = torch.tensor([[0, 1, 2, 3, 4, 0, 6, 7, 8, 9, 6], [1, 2, 0, 4, 3, 4, 7, 8, 9, 6, 9]])
    ptr = pointers(torch.tensor([5, 1, 4]))
    return GraphBatch(torch.rand(10, 3, generator=generator), edges, ptr, torch.tensor([0, 6, 6, 11]))


def encoder(network: str, normalise: bool = False) -> SuperpixelGIN:
    made = SuperpixelGIN(3, 6, 2, network, normalise_input=normalise, generator=torch.Generator().manual_seed(1))  # type: ignore[arg-type]
    for block in made.blocks:
        nn.init.constant_(block.epsilon, 0.3)  # type: ignore[arg-type]
    return made


@pytest.mark.parametrize("network", ["mlp", "kan"])
def test_it_is_the_published_layer_node_by_node(network: str) -> None:
    """mn/layers/gin_layer.py and mn/nets/.../gin_net.py of GraphCL, in evaluation mode."""
    model, given = encoder(network).eval(), batch()
    h, z = model.embedding(given.x), 0
    size = given.node_ptr.diff()[given.node_graph()]
    for block in [None, *model.blocks]:
        if block is not None:
            rows = []
            for node in range(10):
                sources = given.edge_index[0][given.edge_index[1] == node]
                rows.append((1 + 0.3) * h[node] + sum((h[s] for s in sources), torch.zeros(6)))
            update = block.network(torch.stack(rows)) / size.sqrt().unsqueeze(1)  # type: ignore[operator]
            h = h + torch.relu(block.norm(update))  # type: ignore[operator]
        z = z + torch.stack([h[given.node_graph() == g].sum(0) for g in range(3)])
    assert torch.allclose(model(given), torch.as_tensor(z), atol=1e-5)


@pytest.mark.parametrize(("network", "normalise"), [("mlp", False), ("kan", False), ("kan", True)])
def test_order_of_nodes_and_graphs_does_not_matter(network: str, normalise: bool) -> None:
    model, given = encoder(network, normalise).train(), batch()
    order = torch.tensor([3, 1, 4, 0, 2, 5, 9, 6, 8, 7])
    place = order.argsort()
    moved = GraphBatch(given.x[order], place[given.edge_index], given.node_ptr, given.edge_ptr)
    assert torch.allclose(model(given), model(moved), atol=1e-4)
    swapped = given.select(torch.tensor([2, 0, 1]))
    assert torch.allclose(model(swapped), model(given)[[2, 0, 1]], atol=1e-4)


def test_scores_see_the_last_splines_of_all_blocks_at_once() -> None:
    model = encoder("kan")
    (scored,) = model.scored_coefficients()
    last = [block.network[-1] for block in model.blocks]  # type: ignore[index]
    assert scored.shape == (12, 6, 8) and all(isinstance(layer, KANLinear) for layer in last)
    assert isinstance(last[1], KANLinear) and torch.equal(scored[6:], last[1].coefficients)
    assert not encoder("mlp").scored_coefficients()


def test_a_classifier_sums_a_linear_head_a_layer() -> None:
    model, given = DigitClassifier(encoder("mlp"), 4, torch.Generator().manual_seed(0)).eval(), batch()
    expected = torch.zeros(3, 4)
    for head, h in zip(model.heads, model.encoder.states(given), strict=True):
        expected += head(torch.stack([h[given.node_graph() == g].sum(0) for g in range(3)]))
    assert torch.allclose(model(given), expected, atol=1e-5) and len(model.heads) == 3
    model(given).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
