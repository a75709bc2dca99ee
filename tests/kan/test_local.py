"""The loops of local support: the layer's formula in float64, rounding no worse than an expansion's, threads."""

from itertools import product as combinations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from kanrepro.kan import KANLinear, local, plain
from kanrepro.kan.spline import Grid

native = pytest.importorskip("kanrepro.kan.native")


def world(rows: int, inputs: int, outputs: int, grid: Grid, base: bool = True) -> tuple[Tensor, Tensor, Tensor]:
    """x over the grid and beyond, weights, and a gradient of the output."""
    generator = torch.Generator().manual_seed(rows + inputs + outputs)
    middle, reach = (grid.low + grid.high) / 2, grid.high - grid.low
    x = middle + reach * torch.randn(rows, inputs, generator=generator)
    weight = torch.randn((grid.bases + base) * inputs, outputs, generator=generator)
    return x, weight, torch.randn(rows, outputs, generator=generator)


def in_full(x: Tensor, weight: Tensor, gradient: Tensor, grid: Grid, dtype: torch.dtype) -> list[Tensor]:
    """The output and both gradients, by the expansion and autograd."""
    x, weight = (each.to(dtype).requires_grad_() for each in (x, weight))
    y = plain.product(x, weight, grid, dtype)
    return [y.detach(), *torch.autograd.grad(y, [x, weight], gradient.to(dtype))]


def by_cells(x: Tensor, weight: Tensor, gradient: Tensor, grid: Grid) -> list[Tensor]:
    """The same by the loops."""
    grad_x, grad_weight = local.pull_back(x, weight, grid, gradient, True, True)
    assert grad_x is not None and grad_weight is not None
    return [local.product(x, weight, grid), grad_x, grad_weight]


@pytest.mark.parametrize(
    ("rows", "inputs", "outputs"), [(1, 1, 1), (7, 3, 33), (256, 5, 32), (257, 40, 31), (700, 65, 110)]
)
@pytest.mark.parametrize("grid", [Grid(), Grid(1, 3, 0.0, 0.5), Grid(20, 3, -7.0, 4.0)], ids=["5", "1", "20"])
@pytest.mark.parametrize("base", [True, False])
def test_equals_the_expansion_in_float64(rows: int, inputs: int, outputs: int, grid: Grid, base: bool) -> None:
    given = world(rows, inputs, outputs, grid, base)
    most = 5e-7 * max(grid.bases, 8)  # an input is known to so many knot spacings
    for found, right in zip(by_cells(*given, grid), in_full(*given, grid, torch.float64), strict=True):
        torch.testing.assert_close(found.double(), right, atol=most * float(right.abs().max()), rtol=0)


def test_equals_the_sum_over_edges_as_the_paper_writes_it() -> None:
    kan, x = KANLinear(3, 2), torch.randn(4, 3)
    assert isinstance(kan.grid, Grid) and kan.base_weight is not None
    right = torch.zeros(4, 2)
    for n, o, i in combinations(range(4), range(2), range(3)):
        spline = (kan.coefficients[i, o] * kan.grid.values(x[n, i])).sum()
        right[n, o] += kan.base_weight[i, o] * functional.silu(x[n, i]) + spline
    torch.testing.assert_close(kan(x), right)


def test_rounds_no_more_than_an_expansion_in_float32() -> None:
    grid = Grid()
    given = world(4000, 64, 40, grid)
    exact = in_full(*given, grid, torch.float64)
    errors = [
        [float((found - right).square().mean().sqrt()) for found, right in zip(each, exact, strict=True)]
        for each in (by_cells(*given, grid), in_full(*given, grid, torch.float32))
    ]
    for ours, theirs in zip(*errors, strict=True):
        assert ours <= 1.1 * theirs


def test_knots_and_their_neighbours_are_met() -> None:
    grid = Grid(5, 3, -1.0, 1.0)
    knots = torch.linspace(-2.2, 2.2, 12)
    x = torch.cat([knots, knots.nextafter(knots + 1), knots.nextafter(knots - 1)]).unsqueeze(1)
    weight = torch.eye(8)
    torch.testing.assert_close(local.product(x, weight, grid), grid.values(x.squeeze(1)), atol=1e-6, rtol=0)


def test_what_is_not_wanted_is_left_out() -> None:
    grid = Grid()
    x, weight, gradient = world(300, 4, 5, grid)
    both = local.pull_back(x, weight, grid, gradient, True, True)
    of_x, none = local.pull_back(x, weight, grid, gradient, True, False)
    assert none is None and of_x is not None and both[0] is not None and torch.equal(of_x, both[0])
    none, of_weight = local.pull_back(x, weight, grid, gradient, False, True)
    assert none is None and of_weight is not None and both[1] is not None and torch.equal(of_weight, both[1])


@pytest.mark.parametrize("base", [True, False])
def test_a_value_that_is_no_number_spoils_its_row_alone(base: bool) -> None:
    grid = Grid()
    x, weight, _ = world(6, 2, 3, grid, base)
    clean = local.product(x, weight, grid)
    x[2, 1] = torch.nan
    found = local.product(x, weight, grid)
    assert bool(found[2].isnan().all())
    assert torch.equal(found[[0, 1, 3, 4, 5]], clean[[0, 1, 3, 4, 5]])


def test_infinite_inputs_leave_only_silu() -> None:
    grid = Grid()
    weight = torch.ones(9, 1)
    assert float(local.product(torch.full((1, 1), torch.inf), weight, grid)) == torch.inf
    assert float(local.product(torch.full((1, 1), torch.inf), weight[:8], grid)) == 0
    torch.testing.assert_close(local.product(torch.full((1, 1), -300.0), weight, grid), torch.zeros(1, 1))


def test_silu_and_its_slope() -> None:
    x = torch.cat([torch.linspace(-90, 90, 20001), torch.randn(1000)])
    values, slopes, powers = torch.empty_like(x), torch.empty_like(x), torch.empty(len(x), dtype=torch.int32)
    native._silu(x.numpy(), values.numpy(), slopes.numpy(), powers.numpy())
    exact = x.double().requires_grad_()
    functional.silu(exact).sum().backward()
    torch.testing.assert_close(values.double(), functional.silu(exact.detach()), rtol=4e-7, atol=1e-30)
    torch.testing.assert_close(slopes.double(), exact.grad, rtol=1e-6, atol=3e-7)


def test_threads_share_the_rows_and_repeat_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = Grid()
    given = world(1000, 20, 40, grid)
    alone = by_cells(*given, grid)
    monkeypatch.setattr(local, "WORTH_A_THREAD", 1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    assert local._parts(given[0], torch.empty(2, 20, 15, 32)) == 3
    shared, again = by_cells(*given, grid), by_cells(*given, grid)
    for one, two, three in zip(alone, shared, again, strict=True):
        assert torch.equal(two, three)
        torch.testing.assert_close(one, two, atol=1e-5 * float(one.abs().max()), rtol=0)
    assert all(torch.equal(one, two) for one, two in zip(alone[:2], shared[:2], strict=True))


def test_serves_cubic_splines_in_float32_on_the_cpu() -> None:
    x, weight = torch.zeros(1, 1), torch.zeros(9, 1)
    assert local.serves(x, weight, Grid(), torch.float32)
    assert not local.serves(x, weight, Grid(order=2), torch.float32)
    assert not local.serves(x.double(), weight.double(), Grid(), torch.float64)
    assert not local.serves(x, weight, Grid(), torch.bfloat16)
