"""Perturbations: their distribution (eq. 9), and the two scales."""

import pytest
import torch

from kanrepro.contrast.negatives import component_scores, hard_negatives
from kanrepro.contrast.settings import NegativeSettings

Z = torch.randn(4000, 3, generator=torch.Generator().manual_seed(1)) * torch.tensor([1.0, 5.0, 0.1])
SCORE = torch.tensor([0.5, 1.0, 1.5])


def shift(scores: dict[str, torch.Tensor], **settings: object) -> torch.Tensor:
    made = NegativeSettings(perturbations=tuple(scores), **settings)  # type: ignore[arg-type]
    return hard_negatives(Z, scores, made, torch.Generator().manual_seed(2)) - Z


def test_without_noise_every_component_moves_by_epsilon_times_its_score() -> None:
    p = shift({"delta": SCORE}, epsilon_delta=0.5, sigma_delta=0.0)
    torch.testing.assert_close(p.abs(), (0.5 * SCORE).expand_as(p), atol=1e-5, rtol=0)
    assert p.sign().mean(0).abs().max() < 0.06  # alpha is +-1 with equal odds, for each graph and component


def test_noise_has_its_standard_deviation() -> None:
    p = shift({"rho": torch.zeros(3)}, sigma_rho=0.05)
    torch.testing.assert_close(p.std(0), torch.full((3,), 0.05), rtol=0.05, atol=0)


def test_relative_scale_makes_epsilon_a_share_of_each_components_spread() -> None:
    p = shift({"delta": 7 * SCORE}, epsilon_delta=0.1, sigma_delta=0.0, scale="relative")
    expected = 0.1 * SCORE / SCORE.mean() * Z.std(0, correction=0)
    torch.testing.assert_close(p.abs().mean(0), expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("shared", "sizes"), [(True, {1.5}), (False, {0.5, 1.5})])
def test_the_sign_is_shared_or_drawn_for_each_perturbation(shared: bool, sizes: set[float]) -> None:
    ones = torch.ones(3)
    p = shift(
        {"delta": ones, "rho": ones},
        epsilon_delta=1.0,
        epsilon_rho=0.5,
        sigma_delta=0,
        sigma_rho=0,
        shared_alpha=shared,
    )
    assert {round(float(v), 3) for v in p.abs().flatten()} == sizes


def test_scores_of_all_blocks_stand_in_the_order_of_z() -> None:
    blocks = [torch.randn(4, 3, 8), torch.randn(4, 2, 8)]
    settings = NegativeSettings()
    assert component_scores("random", blocks, settings).tolist() == [1.0] * 5
    rho = component_scores("rho", blocks, settings)
    torch.testing.assert_close(rho[3:], blocks[1].var(dim=-1, correction=0).mean(0))
    truncated = component_scores("delta", blocks, NegativeSettings(ranks=(2, 2, 2)))
    assert truncated.shape == (5,)
    assert not torch.allclose(truncated, component_scores("delta", blocks, settings))


def test_constant_embeddings_do_not_make_nan() -> None:
    settings = NegativeSettings(perturbations=("rho",), scale="relative")
    made = hard_negatives(torch.ones(5, 3), {"rho": torch.zeros(3)}, settings)
    assert bool(made.isfinite().all())


def test_one_perturbation_serves_a_batch_where_it_is_told_to() -> None:
    p = shift({"delta": SCORE}, per="batch")
    torch.testing.assert_close(p, p[:1].expand_as(p), atol=1e-5, rtol=0)


def test_two_draws_have_twice_the_variance() -> None:
    p = shift({"random": torch.zeros(3)}, sigma_random=0.05, draws=2)
    torch.testing.assert_close(p.var(0), torch.full((3,), 2 * 0.05**2), rtol=0.1, atol=0)


@pytest.mark.parametrize(("components", "moved"), [("top", 2), ("bottom", 0)])
def test_a_quarter_of_the_components_moves_alone(components: str, moved: int) -> None:
    p = shift({"delta": SCORE}, components=components, epsilon_delta=0.5, sigma_delta=0.0)
    expected = torch.zeros(3).index_fill(0, torch.tensor([moved]), 0.5)  # the mean score is 1
    torch.testing.assert_close(p.abs().mean(0), expected, atol=1e-5, rtol=0)
    noise = shift({"delta": SCORE}, components=components)
    assert {i for i in range(3) if noise[:, i].abs().max() > 1e-6} == {moved}
