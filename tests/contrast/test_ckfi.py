"""Scores of components: the closed form against the paper's own loop, and what the scores mean."""

import pytest
import torch

from kanrepro.contrast import discriminative_scores, independent_scores
from kanrepro.contrast.ckfi import independent_scores_loop


def tensor(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("shape", [(4, 3, 8), (6, 6, 8), (32, 32, 8), (1, 5, 8), (3, 20, 8)])
def test_closed_form_equals_the_papers_loop(shape: tuple[int, int, int]) -> None:
    c = tensor(*shape)
    torch.testing.assert_close(independent_scores(c), independent_scores_loop(c), rtol=1e-8, atol=1e-8)


def test_delta_is_the_distance_from_the_span_of_the_others() -> None:
    c = tensor(3, 4, 8)
    slices = c.transpose(0, 1).flatten(1)
    for j in range(4):
        others = torch.cat([slices[:j], slices[j + 1 :]])
        fit = torch.linalg.lstsq(others.T, slices[j]).solution
        torch.testing.assert_close(independent_scores(c)[j], (others.T @ fit - slices[j]).norm())


def test_dependent_slices_score_zero_and_free_ones_do_not() -> None:
    c = tensor(3, 4, 8)
    c[:, 2] = 2 * c[:, 0] - c[:, 1]
    delta = independent_scores(c)
    torch.testing.assert_close(delta[:3], torch.zeros(3, dtype=torch.float64), atol=1e-6, rtol=0)
    assert float(delta[3]) > 0.1


def test_more_slices_than_dimensions_are_all_dependent() -> None:
    torch.testing.assert_close(independent_scores(tensor(1, 12, 8)), torch.zeros(12, dtype=torch.float64))


def test_orthogonal_slices_score_their_norms() -> None:
    c = torch.zeros(2, 3, 4)
    c[0, 0, 0], c[1, 1, 2], c[0, 2, 3] = 1.0, -2.0, 3.0
    torch.testing.assert_close(independent_scores(c), torch.tensor([1.0, 2.0, 3.0]))


def test_truncated_ranks_give_the_known_decomposition() -> None:
    """delta_j^2 = distance of C_j from span P squared + |C^(-j)|^2 - |core|^2."""
    c, ranks = tensor(6, 5, 8), (4, 3, 5)
    delta = independent_scores_loop(c, ranks)
    j = 1
    others = torch.cat([c[:, :j], c[:, j + 1 :]], dim=1)
    u = [torch.linalg.svd(others.movedim(m, 0).flatten(1))[0][:, :r] for m, r in enumerate(ranks)]
    core = torch.einsum("iok,ia,ob,kc->abc", others, *u)
    columns = torch.einsum("abc,ia,kc->bik", core, u[0], u[2]).flatten(1).T
    target = c[:, j].flatten()
    distance = (columns @ torch.linalg.lstsq(columns, target).solution - target).norm()
    expected = distance**2 + others.norm() ** 2 - core.norm() ** 2
    torch.testing.assert_close(delta[j] ** 2, expected)


def test_rho_is_the_mean_population_variance() -> None:
    c = torch.tensor([[[0.0, 2.0]], [[1.0, 5.0]]])  # I=2, O=1, K=2: variances 1 and 4
    torch.testing.assert_close(discriminative_scores(c), torch.tensor([2.5]))


def test_scores_follow_a_permutation_of_the_outputs() -> None:
    c, order = tensor(5, 7, 8), torch.randperm(7)
    torch.testing.assert_close(independent_scores(c[:, order]), independent_scores(c)[order])
    torch.testing.assert_close(discriminative_scores(c[:, order]), discriminative_scores(c)[order])
