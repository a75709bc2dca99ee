"""Bounds of slopes: true on random layers at many points, not much above the truth, and false once halved."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kanrepro.kan import KANLinear
from kanrepro.kan.slopes import SILU_SLOPE, lipschitz, non_negative_norm, slope_bounds

SHIPPED = {"basis": "gaussian", "grid": 10, "grid_range": (-3.0, 3.0), "coefficient_scale": 3.0}
SHAPES: list[dict[str, Any]] = [
    {**SHIPPED, "base": False},
    {**SHIPPED, "base": True, "edge_bias": True},
    {**SHIPPED, "base": False, "width": 0.2},
    {**SHIPPED, "base": False, "width": 3.0, "grid": 4},
    *({"order": order, "grid_range": (-2.0, 2.0), "coefficient_scale": 3.0, "base": False} for order in (1, 2, 3, 5)),
    {"base": True},
]
GRID = torch.linspace(-9, 9, 6007, dtype=torch.float64)  # beyond every support, off most knots


def layer(inputs: int, outputs: int, seed: int, **more: Any) -> KANLinear:
    return KANLinear(inputs, outputs, generator=torch.Generator().manual_seed(seed), **more).double().eval()


def slopes(kan: KANLinear, x: torch.Tensor) -> torch.Tensor:
    """phi'_io(x) of every edge at every x (N,): (I, O, N), one input at a time."""
    made = []
    for i in range(kan.in_features):
        one = x.new_zeros(len(x), kan.in_features)
        one[:, i] = x
        one.requires_grad_()
        y = kan(one)
        made.append(torch.stack([torch.autograd.grad(y_o.sum(), one, retain_graph=True)[0][:, i] for y_o in y.T]))
    return torch.stack(made)


def jacobians(kan: KANLinear, x: torch.Tensor) -> torch.Tensor:
    """x (N, I) to (N, O, I)."""
    x = x.requires_grad_()
    return torch.stack([torch.autograd.grad(y_o.sum(), x, retain_graph=True)[0] for y_o in kan(x).T], dim=1)


def steepest(kan: KANLinear) -> torch.Tensor:
    return slopes(kan, GRID).abs().amax(-1)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", [0, 1])
def test_no_edge_is_steeper_anywhere(shape: dict[str, Any], seed: int) -> None:
    kan = layer(4, 3, seed, **shape)
    bounds, seen = slope_bounds(kan), steepest(kan)
    assert bounds.shape == (4, 3)
    assert bool((seen <= bounds + 1e-12).all())
    assert bool((seen > bounds / 2).any()), "half of the bound would be wrong: the test above can fail"


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if not shape["base"] and shape.get("order", 3) <= 3])
def test_every_edge_is_half_as_steep_somewhere(shape: dict[str, Any]) -> None:
    kan = layer(4, 3, 5, **shape)
    assert bool((steepest(kan) > slope_bounds(kan) / 2).all())


@pytest.mark.parametrize("shape", SHAPES)
def test_no_jacobian_is_larger(shape: dict[str, Any]) -> None:
    kan, generator = layer(6, 5, 2, **shape), torch.Generator().manual_seed(0)
    bound = float(lipschitz(kan).detach())
    x = torch.randn(2000, 6, dtype=torch.float64, generator=generator) * torch.rand(2000, 1, generator=generator) * 4
    norms = torch.linalg.matrix_norm(jacobians(kan, x), 2)
    assert float(norms.max().detach()) <= bound + 1e-12
    assert float(norms.max().detach()) > bound / 4, "not far above the truth"
    difference = kan(x[::2]) - kan(x[1::2])
    assert bool((difference.norm(dim=1) <= bound * (x[::2] - x[1::2]).norm(dim=1) + 1e-12).all())


@given(st.lists(st.floats(-5, 5), min_size=8, max_size=8), st.floats(-4, 4), st.sampled_from(["bspline", "gaussian"]))
def test_any_edge_at_any_point(coefficients: list[float], at: float, basis: Any) -> None:
    kan = KANLinear(1, 1, grid=8 if basis == "gaussian" else 5, basis=basis, base=False).double()
    with torch.no_grad():
        kan.coefficients.copy_(torch.tensor(coefficients))
    x = torch.tensor([[at]], dtype=torch.float64, requires_grad=True)
    slope = abs(float(torch.autograd.grad(kan(x).sum(), x)[0]))
    assert slope <= float(slope_bounds(kan).detach()) * (1 + 1e-12) + 1e-12
    assert slope <= float(lipschitz(kan).detach()) * (1 + 1e-12) + 1e-12


@pytest.mark.parametrize("order", [1, 2, 3])
def test_linear_coefficients_of_a_spline(order: int) -> None:
    """Inside the grid the slope is their difference over the spacing; where the ends are low, that is the bound."""
    kan = layer(1, 1, 0, order=order, grid=8, grid_range=(0.0, 4.0), base=False)
    line = torch.arange(kan.grid.bases, dtype=torch.float64)
    with torch.no_grad():
        kan.coefficients.copy_(torch.minimum(line, line.flip(0)) + 1)  # up and down by 1, ends at 1
    torch.testing.assert_close(slope_bounds(kan), torch.full((1, 1), 2.0, dtype=torch.float64))
    inside = slopes(kan, torch.tensor([1.26], dtype=torch.float64))
    torch.testing.assert_close(inside.abs().flatten(), torch.tensor([2.0], dtype=torch.float64))
    torch.testing.assert_close(lipschitz(kan), torch.tensor(2.0, dtype=torch.float64))


def test_the_ends_of_a_spline_count() -> None:
    """Equal coefficients are flat inside the grid, and fall to zero outside it."""
    kan = layer(1, 1, 0, base=False)
    torch.nn.init.ones_(kan.coefficients)
    assert float(slope_bounds(kan).detach()) == pytest.approx(1 / kan.grid.spacing)
    assert 0.7 / kan.grid.spacing < float(steepest(kan).detach()) <= 1 / kan.grid.spacing


@pytest.mark.parametrize("width", [0.2, 1.0, 3.0])
def test_gaussians_within_a_fiftieth(width: float) -> None:
    """One Gaussian has the slope exp(-1/2) / width; random ones are within what is added between points."""
    kan = layer(1, 1, 0, **{**SHIPPED, "base": False, "width": width})
    alone = torch.zeros(10)
    alone[4] = -2
    with torch.no_grad():
        kan.coefficients.copy_(alone)
    assert float(slope_bounds(kan).detach()) == pytest.approx(2 * math.exp(-0.5) / width, rel=0.02)
    kan = layer(3, 3, 0, **{**SHIPPED, "base": False, "width": width})
    added = 0.011 / width * kan.coefficients.abs().sum(-1)
    assert bool((slope_bounds(kan) <= steepest(kan) + added).all())


def test_silu_is_bounded_by_its_steepest_point() -> None:
    kan = layer(1, 1, 0, base=True)
    torch.nn.init.zeros_(kan.coefficients)
    torch.nn.init.constant_(kan.base_weight, -2.0)  # pyright: ignore[reportArgumentType]
    x = torch.linspace(2.3, 2.5, 2001, dtype=torch.float64)
    top = float(slopes(kan, x).abs().max().detach())
    assert top <= 2 * SILU_SLOPE <= top * (1 + 1e-6)
    assert float(slope_bounds(kan).detach()) == 2 * SILU_SLOPE == pytest.approx(float(lipschitz(kan).detach()))


def test_many_edges_of_either_sign_do_not_add_up() -> None:
    """The entrywise norm is several times too large for a random layer; the Lipschitz bound is not."""
    kan = layer(64, 64, 0, **SHIPPED, base=False)
    norms = torch.linalg.matrix_norm(jacobians(kan, torch.randn(50, 64, dtype=torch.float64)), 2)
    entrywise, bound = float(non_negative_norm(slope_bounds(kan)).detach()), float(lipschitz(kan).detach())
    assert float(norms.max().detach()) <= bound < 2 * float(norms.max().detach())
    assert entrywise > 3 * bound


@pytest.mark.parametrize("shape", [(1, 1), (7, 4), (4, 7), (40, 40)])
def test_norm_of_a_non_negative_matrix(shape: tuple[int, int]) -> None:
    # how close a few steps come depends on the two leading eigenvalues: these matrices, not any
    drawn = torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    matrix = drawn.square().requires_grad_()
    wanted = torch.linalg.matrix_norm(matrix, 2)
    found = non_negative_norm(matrix)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=0)
    assert float(found.detach()) >= float(wanted.detach()) * (1 - 1e-12)
    gradients = [torch.autograd.grad(norm, matrix)[0] for norm in (found, wanted)]
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    "matrix",
    [[[0.0, 0.0], [0.0, 0.0]], [[2.0, 0.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, 3.0]], [[0.0, 5.0, 0.0]]],
)
def test_norm_of_a_matrix_with_zeros(matrix: list[list[float]]) -> None:
    made = torch.tensor(matrix, dtype=torch.float64)
    true = float(torch.linalg.matrix_norm(made, 2))
    assert true * (1 - 1e-12) <= float(non_negative_norm(made)) <= true * 1.01


@pytest.mark.parametrize("shape", [SHAPES[0], SHAPES[1], SHAPES[6], SHAPES[8]])
@pytest.mark.parametrize("size", [(2, 1), (30, 20)])
def test_gradients_of_the_bounds(shape: dict[str, Any], size: tuple[int, int]) -> None:
    """A small step along the gradient changes a bound by the squared length of the gradient."""
    for bound in (lipschitz, lambda kan: slope_bounds(kan).sum()):
        kan = layer(*size, 3, **shape)
        parameters = [p for name, p in kan.named_parameters() if name != "edge_bias"]
        value = bound(kan)
        gradients = torch.autograd.grad(value, parameters)
        squares, step = sum(float(g.square().sum()) for g in gradients), 1e-6
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter += step * gradient
            assert float(bound(kan) - value.detach()) / step == pytest.approx(squares, rel=1e-2)


def test_bounds_of_a_flat_layer_are_zero_and_harmless() -> None:
    kan = layer(3, 2, 0, **SHIPPED, base=False)
    torch.nn.init.zeros_(kan.coefficients)
    bound = lipschitz(kan)
    assert 0 <= float(bound.detach()) < 1e-100
    bound.backward()
    assert kan.coefficients.grad is not None and bool(kan.coefficients.grad.isfinite().all())


def test_bounds_do_not_lose_precision_under_autocast() -> None:
    kan = KANLinear(16, 16, **SHIPPED, base=True)
    plain = [slope_bounds(kan), lipschitz(kan)]
    with torch.autocast("cpu", torch.bfloat16):
        mixed = [slope_bounds(kan), lipschitz(kan)]
    for one, other in zip(plain, mixed, strict=True):
        assert torch.equal(one, other)
