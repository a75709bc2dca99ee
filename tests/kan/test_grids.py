"""Grids that follow their inputs, against dense B-spline design matrices and torch.linalg.lstsq."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from kanrepro.kan import KANLinear, bspline_basis
from kanrepro.kan.grids import adapted, bases_on, refit


def design(x: Tensor, knots: Tensor, order: int) -> Tensor:
    """The B-splines of one input at x (n,) on knots (M,), one by one as the recursion defines them: (n, K)."""

    def basis(k: int, p: int, at: float) -> float:
        if p == 0:
            return float(knots[k] <= at < knots[k + 1])
        rise, fall = float(knots[k + p] - knots[k]), float(knots[k + p + 1] - knots[k + 1])
        left = (at - float(knots[k])) / rise * basis(k, p - 1, at) if rise > 0 else 0.0
        right = (float(knots[k + p + 1]) - at) / fall * basis(k + 1, p - 1, at) if fall > 0 else 0.0
        return left + right

    rows = [[basis(k, order, float(at)) for k in range(len(knots) - order - 1)] for at in x]
    return torch.tensor(rows, dtype=x.dtype)


def layer(inputs: int = 2, outputs: int = 3, **more: float | bool) -> KANLinear:
    generator = torch.Generator().manual_seed(3)
    return KANLinear(inputs, outputs, generator=generator, adaptive=0.02, **more).double()  # type: ignore[arg-type]


def test_knots_are_quantiles_with_a_share_of_a_uniform_grid() -> None:
    x = torch.tensor([[3.0], [0.0], [1.0], [10.0], [2.0]], dtype=torch.float64)
    # ranks floor(5/2 * 0) = 0 and floor(5/2 * 1) = 2, then the maximum: 0, 2, 10; uniform: 0, 5, 10; steps of 5
    wanted = [[-5.0, 0.0, 0.9 * 2 + 0.1 * 5, 10.0, 15.0]]
    torch.testing.assert_close(adapted(x, 2, 1, 0.1), torch.tensor(wanted, dtype=torch.float64))


def test_bases_are_the_recursions_also_where_knots_coincide() -> None:
    x = torch.linspace(-2, 3, 23, dtype=torch.float64)
    ours = torch.tensor([[-4.0, -3.0, -1.5, 0.0, 0.0, 0.3, 1.0, 2.0, 3.0]] * 2, dtype=torch.float64)
    ours[1] = 0.5  # a constant input: no interval has a width
    made = bases_on(x.unsqueeze(1).expand(-1, 2), ours, 3)
    torch.testing.assert_close(made[:, 0], design(x, ours[0], 3))
    assert not made[:, 1].any()


def test_a_refit_is_the_least_squares_fit_of_least_norm() -> None:
    kan = layer()
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(40, 2, generator=generator, dtype=torch.float64) * 1.5
    x[:, 1] = x[:, 1].round()  # few values: the fit is not unique
    before = kan.coefficients.detach().clone()
    kept = refit(kan, x)
    assert kan.knots is not None
    lost, whole = 0.0, 0.0
    for i in range(2):
        old = bspline_basis(x[:, i]) @ before[i].T  # (n, O)
        bases = design(x[:, i], kan.knots[i], 3)
        wanted = torch.linalg.pinv(bases) @ old
        torch.testing.assert_close(kan.coefficients[i].T, wanted, atol=1e-8, rtol=1e-6)
        lost += float((bases @ wanted - old).square().sum())
        whole += float(old.square().sum())
    assert float(kept) == pytest.approx(1 - lost / whole)
    assert 0 < float(kept) < 1


def test_a_function_that_the_new_grid_can_hold_is_kept() -> None:
    kan = layer(1)
    with torch.no_grad():  # constant splines: bases sum to one on both grids
        kan.coefficients.fill_(0.7)
    x = torch.linspace(-0.9, 0.8, 50, dtype=torch.float64).unsqueeze(1)
    before = kan(x)
    assert float(refit(kan, x)) == pytest.approx(1)
    assert kan.moved
    torch.testing.assert_close(kan(x), before, atol=1e-10, rtol=1e-10)


def test_a_constant_input_switches_its_splines_off() -> None:
    kan = layer(1)
    x = torch.full((9, 1), 0.3, dtype=torch.float64)
    assert float(refit(kan, x)) == pytest.approx(0)
    assert not kan.coefficients.any()
    assert kan.base_weight is not None
    torch.testing.assert_close(kan(x), functional.silu(x) @ kan.base_weight)


def test_moved_layers_are_what_the_formula_says_and_can_be_trained() -> None:
    kan = layer(2, 3, edge_scale=True)
    x = torch.randn(60, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 3
    refit(kan, x)
    assert kan.knots is not None and kan.edge_scale is not None and kan.base_weight is not None
    with torch.no_grad():
        kan.edge_scale.uniform_(0.5, 2, generator=torch.Generator().manual_seed(2))
    wanted = functional.silu(x) @ kan.base_weight
    for i in range(2):
        wanted = wanted + design(x[:, i], kan.knots[i], 3) @ (kan.edge_scale[i, :, None] * kan.coefficients[i]).T
    torch.testing.assert_close(kan(x), wanted)
    assert torch.autograd.gradcheck(kan, (x[:7].clone().requires_grad_(),))


def test_a_fixed_grid_is_not_moved() -> None:
    with pytest.raises(ValueError, match="adaptive"):
        refit(KANLinear(2, 3), torch.zeros(4, 2))


def test_before_any_refit_an_adaptive_grid_changes_nothing() -> None:
    x = torch.randn(30, 2, generator=torch.Generator().manual_seed(0))
    fixed, free = (KANLinear(2, 3, generator=torch.Generator().manual_seed(5), adaptive=a) for a in (None, 0.02))
    assert torch.equal(fixed(x), free(x))
    assert fixed.state_dict().keys() == free.state_dict().keys() - {"knots"}


def test_pykans_initial_splines_are_noise_at_the_points_of_the_grid() -> None:
    kan = KANLinear(20, 30, noise=0.5, edge_scale=True, generator=torch.Generator().manual_seed(0)).double()
    points = torch.linspace(-1, 1, 6, dtype=torch.float64)
    values = torch.einsum("gk,iok->gio", bspline_basis(points), kan.coefficients)
    assert float(values.abs().max()) <= 0.05 + 1e-6
    assert float(values.std()) == pytest.approx(0.1 / 12**0.5, rel=0.02)
    inverse = torch.linalg.pinv(bspline_basis(points))  # least norm: coefficients are in the row space
    torch.testing.assert_close(
        torch.einsum("kg,gio->iok", inverse, values), kan.coefficients.detach(), atol=1e-6, rtol=1e-4
    )
    assert float(kan.coefficients.std()) == pytest.approx(0.044, abs=0.001)  # as measured in the released code
    assert kan.edge_scale is not None and bool((kan.edge_scale == 1).all())
