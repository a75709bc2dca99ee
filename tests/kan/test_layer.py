"""KANLinear against its formula, its gradients, and its blocks."""

import copy
from typing import Literal

import pytest
import torch
from torch.nn import functional

from kanrepro.kan import KAN, KANLinear, bspline_basis, expansion, local
from kanrepro.kan.spline import Grid


def formula(kan: KANLinear, x: torch.Tensor) -> torch.Tensor:
    """y_o = sum_i [ w_io silu(x_i) + sum_k c_iok B_k(x_i) ], as it is written."""
    grid = kan.grid
    assert isinstance(grid, Grid)
    y = torch.einsum("nik,iok->no", bspline_basis(x, grid.size, grid.order, (grid.low, grid.high)), kan.coefficients)
    return y if kan.base_weight is None else y + functional.silu(x) @ kan.base_weight


@pytest.mark.parametrize("base", [True, False])
@pytest.mark.parametrize("order", [1, 3, 4])
def test_value_and_gradients_equal_the_formula(base: bool, order: int) -> None:
    kan = KANLinear(3, 4, order=order, base=base).double()
    x = (torch.rand(150, 3, dtype=torch.float64) * 6 - 3).requires_grad_()
    target = torch.rand(150, 4, dtype=torch.float64)
    wanted = [x, *kan.parameters()]
    expected = torch.autograd.grad((formula(kan, x) * target).sum(), wanted)
    y = kan(x)
    torch.testing.assert_close(y, formula(kan, x))
    for found, right in zip(torch.autograd.grad((y * target).sum(), wanted), expected, strict=True):
        torch.testing.assert_close(found, right)


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    kan, x = KANLinear(7, 5).double(), torch.randn(1000, 7, dtype=torch.float64, requires_grad=True)
    whole = torch.autograd.grad(kan(x).square().sum(), [x, kan.coefficients])
    monkeypatch.setattr(expansion, "BLOCK_BYTES", {"cpu": 1})
    blocks = torch.autograd.grad(kan(x).square().sum(), [x, kan.coefficients])
    for a, b in zip(whole, blocks, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("base", [True, False])
def test_compiled_and_plain_form_agree(base: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert local.native is not None, "numba is missing: it is a dependency"
    kan, x = KANLinear(5, 3, base=base), (torch.rand(300, 5) * 6 - 3).requires_grad_()
    compiled = [kan(x), *torch.autograd.grad(kan(x).square().sum(), [x, kan.coefficients])]
    monkeypatch.setattr(local, "native", None)
    plain = [kan(x), *torch.autograd.grad(kan(x).square().sum(), [x, kan.coefficients])]
    for a, b in zip(compiled, plain, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)


def test_gradcheck() -> None:
    kan = KANLinear(2, 3).double()
    x = (torch.rand(70, 2, dtype=torch.float64) * 4 - 2).requires_grad_()
    assert torch.autograd.gradcheck(kan, (x,))


def test_inputs_without_gradient_still_train_the_weights() -> None:
    kan = KANLinear(2, 3)
    kan(torch.randn(9, 2)).sum().backward()
    assert kan.coefficients.grad is not None
    assert float(kan.coefficients.grad.abs().sum()) > 0


def test_shapes_and_the_exposed_coefficients() -> None:
    kan = KANLinear(4, 6, grid=7, order=2)
    assert kan.coefficients.shape == (4, 6, 9)
    assert kan(torch.randn(2, 5, 4)).shape == (2, 5, 6)
    assert kan(torch.randn(0, 4)).shape == (0, 6)
    assert KAN((4, 8, 2))(torch.randn(3, 4)).shape == (3, 2)


def test_far_inputs_leave_only_silu() -> None:
    kan, x = KANLinear(3, 4), torch.full((5, 3), 40.0)
    assert kan.base_weight is not None
    torch.testing.assert_close(kan(x), functional.silu(x) @ kan.base_weight)
    assert float(kan.outside_share) == 1.0


def test_the_generator_alone_decides_the_initial_values() -> None:
    made = [KANLinear(3, 4, generator=torch.Generator().manual_seed(5)).state_dict() for _ in range(2)]
    assert all(torch.equal(made[0][name], made[1][name]) for name in made[0])


def test_initial_values_are_normal_then_uniform() -> None:
    """The order of the draws: results that exist depend on it."""
    kan = KANLinear(6, 4, coefficient_scale=0.2, generator=torch.Generator().manual_seed(3))
    generator, bound = torch.Generator().manual_seed(3), 6**-0.5
    assert kan.base_weight is not None
    assert torch.equal(kan.coefficients, torch.empty(6, 4, 8).normal_(0, 0.2 * bound, generator=generator))
    assert torch.equal(kan.base_weight, torch.empty(6, 4).uniform_(-bound, bound, generator=generator))
    assert list(kan.state_dict()) == ["coefficients", "base_weight"]


@pytest.mark.parametrize("basis", ["bspline", "gaussian"])
def test_a_bound_layer_is_the_layer(basis: Literal["bspline", "gaussian"]) -> None:
    kan, x = KANLinear(3, 3, basis=basis, edge_bias=True).double(), torch.randn(4, 3, dtype=torch.float64)
    bound = kan.bind()
    once = torch.autograd.grad(bound(bound(x)).square().sum(), list(kan.parameters()))
    again = torch.autograd.grad(kan(kan(x)).square().sum(), list(kan.parameters()))
    assert torch.equal(bound(x), kan(x))
    for one, other in zip(once, again, strict=True):
        torch.testing.assert_close(one, other)


def test_an_unknown_basis_is_refused() -> None:
    with pytest.raises(ValueError, match="'bspline' or 'gaussian', not 'fourier'"):
        KANLinear(2, 2, basis="fourier")  # pyright: ignore[reportArgumentType]


def test_mixed_precision_stays_close_and_in_float32_inside() -> None:
    kan, x = KANLinear(16, 8), torch.randn(64, 16, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        y = kan(x)
    assert y.dtype == torch.bfloat16
    y.float().sum().backward()
    torch.testing.assert_close(y.float(), kan(x), atol=0.05, rtol=0.05)
    assert x.grad is not None and x.grad.dtype == torch.float32


def test_a_copy_is_independent() -> None:
    kan = KANLinear(2, 2)
    other = copy.deepcopy(kan)
    with torch.no_grad():
        other.coefficients.zero_()
    assert float(kan.coefficients.detach().abs().sum()) > 0
