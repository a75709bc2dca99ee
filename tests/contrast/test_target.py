"""Losses beside a target encoder, and the released code's views and scores, worked out by their formulas."""

import math

import pytest
import torch
from torch import Tensor

from kanrepro.contrast.ckfi import independent_scores_loop
from kanrepro.contrast.effect import effect
from kanrepro.contrast.loss import hard_negative_loss
from kanrepro.contrast.negatives import component_scores, hard_negatives
from kanrepro.contrast.settings import NegativeSettings, ViewSettings
from kanrepro.contrast.target import agreement_loss, min_max, mixed_loss
from kanrepro.contrast.views import draw_views
from kanrepro.store.store import GraphStore, pointers


def s(u: Tensor, v: Tensor) -> float:
    return float(u @ v / (u.norm() * v.norm()))


def n(u: Tensor, v: Tensor, g: int) -> float:
    """N(u, v)_g of the released code."""
    below = sum(math.exp(s(u[g], u[h])) + math.exp(s(u[g], v[h])) for h in range(len(u))) - math.exp(s(u[g], u[g]))
    return -math.log(math.exp(s(u[g], v[g])) / below)


def test_the_mixed_loss_is_the_formula() -> None:
    p, q, t, r = torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(0))
    contrast = sum((n(p, q, g) + n(q, p, g)) / 2 for g in range(3)) / 3
    towards = sum((s(p[g], r[g]) + s(q[g], t[g])) / 2 for g in range(3)) / 3
    assert float(mixed_loss(p, q, t, r, 0.6, 1.0)) == pytest.approx(0.6 * contrast - 0.4 * towards, rel=1e-5)


def test_no_gradient_reaches_the_target() -> None:
    p, q = torch.randn(2, 3, 5, requires_grad=True)
    t, r = torch.randn(2, 3, 5, requires_grad=True)
    found = torch.autograd.grad(agreement_loss(p, q, t, r), [p, t, r], allow_unused=True)
    assert found[0] is not None and found[1:] == (None, None)


def test_min_max_scores_and_the_perturbation_that_follows_them() -> None:
    assert min_max(torch.tensor([3.0, 1.0, 2.0])).tolist() == [1.0, 0.0, 0.5]
    assert min_max(torch.ones(3)).tolist() == [0.0, 0.0, 0.0]
    given = NegativeSettings(scale="min_max", epsilon_rho=0.2, sigma_rho=0.0)
    z = torch.randn(50, 3)
    moved = hard_negatives(z, {"rho": torch.tensor([3.0, 1.0, 2.0])}, given, torch.Generator().manual_seed(0)) - z
    torch.testing.assert_close(moved.abs(), torch.tensor([0.2, 0.0, 0.1]).expand(50, 3), atol=1e-5, rtol=0)
    assert {-1.0, 1.0} == set(moved[:, 0].sign().tolist())


def test_the_released_discriminative_score_is_the_papers_once_scaled() -> None:
    blocks = [torch.randn(4, 3, 8, generator=torch.Generator().manual_seed(seed)) * seed for seed in (1, 2)]
    released = torch.cat([c.var(dim=2).sum(0) for c in blocks])  # 1 / (K - 1), summed over inputs
    ours = component_scores("rho", blocks, NegativeSettings())
    torch.testing.assert_close(min_max(ours), min_max(released))


def test_alternating_least_squares_keep_at_least_what_the_hosvd_keeps() -> None:
    c = torch.randn(6, 8, 4, generator=torch.Generator().manual_seed(0))
    once, iterated = (independent_scores_loop(c, (2, 3, 2), rounds) for rounds in (0, 100))
    assert float(iterated.mean()) < float(once.mean())
    torch.testing.assert_close(independent_scores_loop(c, (6, 8, 4), 5), independent_scores_loop(c))


def chains(*sizes: int, loose_end: bool = False) -> GraphStore:
    """Paths; with `loose_end` the last node of each has no edge."""
    edges, counts = [], []
    for size in sizes:
        pairs = [(i, i + 1) for i in range(size - 1 - loose_end)]
        edges += sorted([*pairs, *((b, a) for a, b in pairs)])
        counts.append(2 * len(pairs))
    return GraphStore(
        x=torch.zeros(sum(sizes), 0),
        edge_index=torch.tensor(edges).T.contiguous(),
        edge_attr=None,
        y=torch.zeros(len(sizes), 1, dtype=torch.int64),
        node_ptr=pointers(torch.tensor(sizes)),
        edge_ptr=pointers(torch.tensor(counts)),
    )


RELEASED = ViewSettings(kinds=("drop_nodes",), drop_ratio=0.0999999)


@pytest.mark.parametrize(("size", "dropped"), [(9, 0), (10, 0), (11, 1), (20, 1), (30, 2), (31, 3), (1000, 99)])
def test_as_many_nodes_are_dropped_as_the_released_rounding_says(size: int, dropped: int) -> None:
    assert dropped == int(size * (1.0 - 0.9))
    (view,) = draw_views(chains(size), torch.ones(size, 1), torch.tensor([0]), 1, RELEASED)
    assert view.num_nodes == size - dropped


@pytest.mark.parametrize(("isolated", "left"), [(False, 5), ("last", 4), (True, 4)])
def test_a_last_node_without_an_edge_is_left_out(isolated: bool | str, left: int) -> None:
    given = RELEASED.model_copy(update={"drop_isolated": isolated})
    x = torch.arange(5.0).unsqueeze(1)
    (view,) = draw_views(chains(5, loose_end=True), x, torch.tensor([0]), 1, given)
    assert view.x.flatten().tolist() == list(range(left))


def test_other_isolated_nodes_stay() -> None:
    """Of 20 nodes in a row one goes; what it leaves without an edge stays, but for the last node."""
    given = RELEASED.model_copy(update={"drop_isolated": "last"})
    store, seen = chains(20), set()
    for seed in range(120):
        x = torch.arange(20.0).unsqueeze(1)
        (view,) = draw_views(store, x, torch.tensor([0]), 1, given, torch.Generator().manual_seed(seed))
        gone = set(range(20)) - set(view.x.flatten().int().tolist())
        seen.add(tuple(sorted(gone)))
    assert (18, 19) in seen and (18,) not in seen
    assert (1,) in seen and (0, 1) not in seen


def test_the_effect_of_hard_negatives_on_two_weights() -> None:
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    z = torch.tensor([[3.0, 4.0]])
    found = effect([w], (2 * w).sum(), w[0] * 3, w.sum(), z, z + torch.tensor([[0.0, 0.5]]))
    assert found["hn_alignment"] == pytest.approx(3 / (3 * 2**0.5))  # (3, 0) and (1, 1)
    assert found["hn_strength"] == pytest.approx(3 / 8**0.5)  # (3, 0) and (2, 2)
    assert found["hn_step"] == pytest.approx(0.1)
    assert found["hn_cosine"] == pytest.approx((9 + 18) / (5 * (9 + 20.25) ** 0.5))


def test_without_perturbation_the_papers_term_has_no_gradient_to_align_with() -> None:
    v = torch.randn(4, 3, requires_grad=True)
    other = hard_negative_loss(v, torch.randn(4, 3))
    assert effect([v], v.sum(), other, hard_negative_loss(v, v), v, v)["hn_alignment"] is None
