"""Losses against the paper's sums, written out."""

import math

import pytest
import torch

from kanrepro.contrast import hard_negative_loss, nt_xent
from kanrepro.contrast.loss import one_way_loss


def cosine(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(a @ b / (a.norm() * b.norm()))


def test_nt_xent_is_equation_1() -> None:
    v1, v2, tau = torch.randn(5, 3, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64), 0.2
    views, total = torch.cat([v1, v2]), 0.0
    for a in range(10):
        partner = (a + 5) % 10
        below = sum(math.exp(cosine(views[a], views[c]) / tau) for c in range(10) if c != a)
        total -= math.log(math.exp(cosine(views[a], views[partner]) / tau) / below)
    assert float(nt_xent(v1, v2, tau)) == pytest.approx(total / 10)


def test_one_way_loss_is_graphcls() -> None:
    v1, v2, tau = torch.randn(4, 3, dtype=torch.float64), torch.randn(4, 3, dtype=torch.float64), 0.5
    total = 0.0
    for i in range(4):
        similar = [math.exp(cosine(v1[i], v2[j]) / tau) for j in range(4)]
        total -= math.log(similar[i] / (sum(similar) - similar[i]))
    assert float(one_way_loss(v1, v2, tau)) == pytest.approx(total / 4)


def test_nt_xent_gradcheck_and_symmetry() -> None:
    v1, v2 = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a, b: nt_xent(a, b, 0.5), (v1, v2))
    torch.testing.assert_close(nt_xent(v1, v2, 0.5), nt_xent(v2, v1, 0.5))


def test_hard_negatives_get_no_gradient() -> None:
    v, v_hard = torch.randn(4, 3, requires_grad=True), torch.randn(4, 3, requires_grad=True)
    loss = hard_negative_loss(v, v_hard)
    assert float(loss.detach()) == pytest.approx(
        sum(cosine(a, b) for a, b in zip(v, v_hard, strict=True)) / 4, abs=1e-6
    )
    loss.backward()
    assert v.grad is not None and v_hard.grad is None


def test_a_temperature_divides_the_similarity_to_hard_negatives() -> None:
    v, hard = torch.randn(2, 4, 3).unbind(0)
    torch.testing.assert_close(hard_negative_loss(v, hard, 0.5), 2 * hard_negative_loss(v, hard))
