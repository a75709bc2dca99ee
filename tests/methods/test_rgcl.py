"""RGCL: what a score makes of weights and probabilities, what is kept, its losses, and where it is GraphCL."""

import pytest
import torch
from method_worlds import C3, S3, first_step, training
from torch.nn import functional

from kanrepro.contrast.loss import beside_terms, cosines, info_nce, info_nce_terms
from kanrepro.methods.rgcl import RgclSettings, counts_kept, kept, node_weights, probabilities
from kanrepro.models.graph_encoder import pool
from kanrepro.models.scorer import Scorer
from kanrepro.store.store import GraphBatch

OWN = RgclSettings()
SCORE = torch.tensor([5.0, 0.0, -5.0])
X = torch.tensor([[1.0, 2.0], [0.0, 1.0], [3.0, -1.0]])


def one_graph(x: torch.Tensor = X) -> GraphBatch:
    path = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    return GraphBatch(x, path, torch.tensor([0, len(x)]), torch.tensor([0, 4]))


def test_a_score_gives_weights_and_probabilities() -> None:
    batch = one_graph()
    for shift in (0, 3):
        score = SCORE + shift
        assert node_weights(score, batch, OWN).tolist() == pytest.approx([1, 0.936788, 0.913534], abs=1e-6)
        q = probabilities(score, batch, OWN, complement=False).tolist()
        assert q == pytest.approx([0.664248, 0.244993, 0.090758], abs=1e-6)
        q = probabilities(score, batch, OWN, complement=True).tolist()
        assert q == pytest.approx([0.001001, 0.422052, 0.576947], abs=1e-6)


def test_the_largest_score_only_loses() -> None:
    score = SCORE.clone().requires_grad_()
    node_weights(score, one_graph(), OWN).sum().backward()
    assert score.grad is not None
    assert score.grad.tolist() == pytest.approx([-0.010064, 0.007358, 0.002707], abs=1e-6)


def test_weights_multiply_states_before_they_are_pooled() -> None:
    batch = one_graph()
    weight = node_weights(SCORE, batch, OWN).unsqueeze(1)
    assert pool(X * weight, batch, "sum").flatten().tolist() == pytest.approx([3.740601, 2.023254], abs=1e-6)
    weight = node_weights(SCORE, batch, RgclSettings(score_temperature=1)).unsqueeze(1)
    assert pool(X * weight, batch, "mean").flatten().tolist() == pytest.approx([1.233338, 0.666890], abs=1e-6)


@pytest.mark.parametrize(
    ("complement", "inclusion"), [(False, (0.946095, 0.754141, 0.299764)), (True, (0.003098, 0.998056, 0.998846))]
)
def test_two_of_three_nodes_are_drawn_without_replacement(complement: bool, inclusion: tuple[float, ...]) -> None:
    graphs = 20_000
    x, ptr = torch.arange(3.0).repeat(graphs).unsqueeze(1), torch.arange(graphs + 1) * 3
    none = torch.zeros(2, 0, dtype=torch.long)
    batch = GraphBatch(x, none, ptr, torch.zeros(graphs + 1, dtype=torch.long))
    q = probabilities(SCORE.repeat(graphs), batch, OWN, complement)
    view = kept(batch, q, RgclSettings(drop=0.34), torch.Generator().manual_seed(0))
    assert view.node_ptr.diff().unique().tolist() == [2]
    found = torch.bincount(view.x[:, 0].long(), minlength=3) / graphs
    assert found.tolist() == pytest.approx(inclusion, abs=0.01)


def test_counts_are_a_tenth_or_what_floats_make_of_it() -> None:
    sizes = torch.tensor([1, 9, 10, 20, 30, 100])
    assert (sizes - counts_kept(sizes, OWN)).tolist() == [0, 0, 1, 2, 3, 10]
    assert (sizes - counts_kept(sizes, RgclSettings(drop_count="rounded"))).tolist() == [0, 0, 0, 1, 2, 9]


def test_dropped_nodes_may_stay_without_edges() -> None:
    batch, q = one_graph(), torch.tensor([0.998, 0.001, 0.001])
    own = RgclSettings(drop=0.34, dropped="isolated")
    view = kept(batch, q, own, torch.Generator().manual_seed(0))
    assert view.num_nodes == 3 and view.num_edges in (0, 2)
    assert kept(batch, q, RgclSettings(drop=0.34), torch.Generator().manual_seed(0)).num_nodes == 2


def test_the_two_losses_by_hand() -> None:
    contrast, beside = info_nce_terms(S3, 0.2), beside_terms(S3, C3, 0.2)
    assert float(-(contrast + 0.1 * beside).mean()) == pytest.approx(0.146957, abs=1e-6)
    assert float(-(contrast.exp() + 0.1 * beside.exp()).log().mean()) == pytest.approx(0.036571, abs=1e-6)
    far = beside_terms(S3, C3 - 1e4, 0.2)
    assert far.abs().max() == 0 and float(-(contrast.exp() + 0.1).log().mean()) > -0.0954


@pytest.mark.parametrize("loss", ["sum", "log_of_sum"])
def test_equal_scores_and_no_complement_are_node_dropping(loss: str) -> None:
    run = training("rgcl", "tu", rgcl={"complement_weight": 0, "weight_span": 0, "loss": loss})
    graph, view, other = first_step(run)
    model = run.model.eval()
    expected = info_nce(cosines(model.head(model.z(graph)), model.head(model.z(view))), 0.2)
    terms = run.terms((graph, view, other), torch.Generator())
    torch.testing.assert_close(terms["loss"], expected)
    terms["loss"].backward()
    assert all(p.grad is None or not p.grad.any() for p in model.scorer.parameters())
    assert any(p.grad is not None and bool(p.grad.any()) for p in model.encoder.parameters())
    assert float(terms["weight_spread"]) == 0


def test_the_scorer_learns_through_weights_alone() -> None:
    run = training("rgcl", "tu")
    terms = run.terms(first_step(run), torch.Generator())
    terms["loss"].backward()
    assert any(p.grad is not None and bool(p.grad.any()) for p in run.model.scorer.parameters())
    assert not run.model.scores.requires_grad


def test_views_lose_the_self_loops_that_graphs_have_in_its_code() -> None:
    run = training("rgcl", "tu", reading="own")
    graph, view, _ = first_step(run)
    loops = [bool((part.edge_index[0] == part.edge_index[1]).any()) for part in (graph, view)]
    assert loops == [True, False] and run.run_epoch()["loss"] is not None


def test_the_scorer_has_the_published_size() -> None:
    made = Scorer(7, torch.Generator())
    assert sum(p.numel() for p in made.parameters()) == 32 * 7 + 4_419
    assert functional.softmax(SCORE / 5, 0)[0] == pytest.approx(0.665241, abs=1e-6)
