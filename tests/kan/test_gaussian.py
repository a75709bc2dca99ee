"""Gaussian bases, and KANLinear with them: its formula edge by edge, its gradients, its initial values."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch.utils._python_dispatch import TorchDispatchMode

from kanrepro.kan import KANLinear, expansion, gaussian_basis
from kanrepro.kan.gaussian import Gaussians
from kanrepro.kan.layer import xavier_std
from kanrepro.kan.spline import Grid

SHIPPED = {"grid": 10, "grid_range": (-3.0, 3.0), "base": False, "basis": "gaussian"}  # DEQ-KAN's code


def edge_by_edge(kan: KANLinear, x: torch.Tensor) -> torch.Tensor:
    """The layer as DEQ-KAN writes it: a function an edge, whose outputs are summed."""
    grid = kan.grid
    assert isinstance(grid, Gaussians)
    knots = torch.linspace(grid.low, grid.high, grid.size, dtype=x.dtype)
    y = torch.zeros(len(x), kan.out_features, dtype=x.dtype)
    for i in range(kan.in_features):
        for o in range(kan.out_features):
            basis = torch.exp(-0.5 * ((x[:, i, None] - knots) / grid.width) ** 2)
            edge = basis @ kan.coefficients[i, o]
            if kan.edge_bias is not None:
                edge = edge + kan.edge_bias[i, o]
            if kan.base_weight is not None:
                edge = edge + kan.base_weight[i, o] * x[:, i] * torch.sigmoid(x[:, i])
            y = y + torch.nn.functional.one_hot(torch.tensor(o), kan.out_features) * edge[:, None]
    return y


def layer(**more: object) -> KANLinear:
    """Five inputs, three outputs, float64; biases that are not zero."""
    kan = KANLinear(5, 3, **{**SHIPPED, "coefficient_scale": 1.0, **more}).double()
    if kan.edge_bias is not None:
        torch.nn.init.normal_(kan.edge_bias)
    return kan


@pytest.mark.parametrize(("knots", "low", "high", "width"), [(10, -3.0, 3.0, 1.0), (2, -0.5, 4.0, 0.3)])
def test_basis_is_a_normal_density_over_its_peak(knots: int, low: float, high: float, width: float) -> None:
    x = torch.linspace(-6, 6, 101, dtype=torch.float64)
    expected = norm.pdf(x.numpy()[:, None], np.linspace(low, high, knots), width) / norm.pdf(0, 0, width)
    np.testing.assert_allclose(gaussian_basis(x, knots, (low, high), width), expected, atol=1e-14)


@pytest.mark.parametrize("more", [{}, {"edge_bias": True}, {"base": True, "edge_bias": True, "width": 0.4, "grid": 6}])
@pytest.mark.parametrize("rows", [0, 9, 500])
def test_value_and_gradients_equal_the_edges(more: dict, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expansion, "BLOCK_BYTES", {"cpu": 1})  # 384 rows a block: 9 are a whole, 500 are not
    kan = layer(**more)
    x = (torch.randn(rows, 5, dtype=torch.float64) * 2).requires_grad_()
    target = torch.randn(rows, 3, dtype=torch.float64)
    wanted = [x, *kan.parameters()]
    torch.testing.assert_close(kan(x), edge_by_edge(kan, x))
    found = torch.autograd.grad((kan(x) * target).sum(), wanted)
    for one, other in zip(found, torch.autograd.grad((edge_by_edge(kan, x) * target).sum(), wanted), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("more", [{}, {"base": True, "edge_bias": True}])
def test_gradcheck_for_inputs_and_parameters(more: dict) -> None:
    kan = layer(**more)
    names, values = zip(*kan.named_parameters(), strict=True)
    x = (torch.randn(4, 5, dtype=torch.float64) * 2).requires_grad_()

    def output(x: torch.Tensor, *parameters: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(kan, dict(zip(names, parameters, strict=True)), (x,))

    assert torch.autograd.gradcheck(output, (x, *values))


class MatrixProducts(TorchDispatchMode):
    """Counts them."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += "mm" in func.__name__
        return func(*args, **(kwargs or {}))


def test_products_for_the_inputs_alone_can_be_repeated_and_leave_the_weights_out() -> None:
    """What the implicit gradient does, tens of times a solve."""
    kan, x = layer(edge_bias=True), torch.randn(4, 5, dtype=torch.float64, requires_grad=True)
    y = kan(x)
    jacobian = torch.autograd.functional.jacobian(lambda x: edge_by_edge(kan, x), x)
    for _ in range(3):
        v = torch.randn_like(y)
        with MatrixProducts() as counter:
            (product,) = torch.autograd.grad(y, x, v, retain_graph=True)
        torch.testing.assert_close(product, torch.einsum("no,nomi->mi", v, jacobian))
        assert counter.count == 1  # the weights' gradient would be another


def test_float32_stays_close_to_float64() -> None:
    kan, x = KANLinear(64, 64, **{**SHIPPED, "coefficient_scale": None}), torch.randn(200, 64, requires_grad=True)
    found = [kan(x), *torch.autograd.grad(kan(x).square().sum(), [x, kan.coefficients])]
    kan, x = kan.double(), x.detach().double().requires_grad_()
    expected = [kan(x), *torch.autograd.grad(kan(x).square().sum(), [x, kan.coefficients])]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one.double(), other, atol=1e-4, rtol=1e-4)


def test_far_inputs_leave_only_the_biases_and_no_gradient() -> None:
    kan = layer(edge_bias=True)
    assert kan.edge_bias is not None
    x = torch.full((2, 5), 1e30, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(kan(x), kan.edge_bias.sum(0).expand(2, 3))
    assert torch.equal(torch.autograd.grad(kan(x).sum(), x)[0], torch.zeros_like(x))
    assert float(kan.outside_share) == 1.0


def test_mixed_precision_stays_close() -> None:
    kan, x = KANLinear(16, 8, **SHIPPED, edge_bias=True), torch.randn(64, 16, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        y = kan(x)
    assert y.dtype == torch.bfloat16
    y.float().sum().backward()
    torch.testing.assert_close(y.float(), kan(x), atol=0.05, rtol=0.05)
    assert x.grad is not None and x.grad.dtype == torch.float32


def test_shipped_initial_values() -> None:
    kan = KANLinear(50, 60, **SHIPPED, edge_bias=True, coefficient_scale=0.01 * math.sqrt(50))
    assert kan.edge_bias is not None and not bool(kan.edge_bias.any())
    assert kan.coefficients.shape == (50, 60, 10)
    assert float(kan.coefficients.detach().std()) == pytest.approx(0.01, rel=0.02)


@pytest.mark.parametrize("width", [0.3, 1.0, 2.5])
def test_xavier_of_gaussians_in_closed_form(width: float) -> None:
    centres = torch.linspace(-3, 3, 10, dtype=torch.float64)
    squares = (width / math.sqrt(width**2 + 2) * torch.exp(-(centres**2) / (width**2 + 2))).sum()
    found = xavier_std(Gaussians(10, -3.0, 3.0, width), 20, 30)
    assert found == pytest.approx(float((2 / (50 * squares)).sqrt()), rel=1e-9)


@pytest.mark.parametrize("grid", [Gaussians(10), Grid(7, 3, -3.0, 3.0), Grid(2, 1, -0.5, 0.5)])
def test_xavier_keeps_the_variance_of_a_linear_layer(grid: Gaussians | Grid) -> None:
    """For inputs ~ N(0, 1) it is 2 I / (I + O)."""
    generator = torch.Generator().manual_seed(0)
    more = {"basis": "gaussian"} if isinstance(grid, Gaussians) else {"order": grid.order}
    shape = {"grid": grid.size, "grid_range": (grid.low, grid.high), "base": False, **more}
    kan = KANLinear(400, 200, **shape, coefficient_scale=None, generator=generator)
    with torch.no_grad():
        y = kan(torch.randn(500, 400, generator=generator))
    assert float(y.square().mean()) == pytest.approx(2 * 400 / 600, rel=0.1)


@pytest.mark.parametrize("wrong", [{"size": 1}, {"width": 0.0}, {"low": 3.0}, {"width": math.nan}])
def test_impossible_gaussians_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match="Gaussians need"):
        Gaussians(**wrong)
