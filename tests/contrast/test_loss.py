"""Losses against the paper's sums, written out."""

import math

import pytest
import torch

from kanrepro.contrast import hard_negative_loss, nt_xent
from kanrepro.contrast.loss import beside_terms, info_nce, one_way, one_way_loss, two_way_loss


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


S3 = torch.tensor([[0.9, 0.1, 0.3], [0.2, 0.8, 0.0], [-0.1, 0.4, 0.7]])
C3 = torch.tensor([[0.5, 0.2, 0.1], [0.3, 0.4, 0.2], [0.0, 0.1, 0.6]])


@pytest.mark.parametrize(
    ("tau", "rows", "columns"),
    [(0.1, -4.913143, -4.951413), (0.2, -2.264862, -2.298587), (0.3, -1.332751, -1.353405)],
)
def test_the_losses_of_given_similarities(tau: float, rows: float, columns: float) -> None:
    assert float(one_way(S3, tau)) == pytest.approx(rows, abs=1e-5)
    assert float(one_way(S3.T, tau)) == pytest.approx(columns, abs=1e-5)


def test_positives_in_the_denominator_and_negatives_beside_it() -> None:
    assert float(info_nce(S3, 0.2)) == pytest.approx(0.116015, abs=1e-6)
    assert float(-beside_terms(S3, C3, 0.2).mean()) == pytest.approx(0.309417, abs=1e-6)
    assert float(-beside_terms(S3, C3, 0.1).mean()) == pytest.approx(0.120757, abs=1e-6)
    assert float(one_way(torch.tensor([[0.9, 0.1], [0.2, 0.8]]), 0.2)) == pytest.approx(-3.5)
    alike = torch.full((5, 5), 0.3)
    assert float(one_way(alike, 0.2)) == pytest.approx(math.log(4))
    assert float(info_nce(alike, 0.2)) == pytest.approx(math.log(5))


def test_two_ways_are_the_mean_of_both_and_symmetric() -> None:
    v1, v2 = torch.randn(2, 4, 3, dtype=torch.float64)
    there, back = one_way_loss(v1, v2, 0.2), one_way_loss(v2, v1, 0.2)
    torch.testing.assert_close(two_way_loss(v1, v2, 0.2), (there + back) / 2)
    torch.testing.assert_close(two_way_loss(v1, v2, 0.2), two_way_loss(v2, v1, 0.2))
    assert float(there) != pytest.approx(float(back))
