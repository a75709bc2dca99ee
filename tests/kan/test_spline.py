"""Laws of the bases, and their agreement with scipy and with the textbook recursion."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import BSpline

from kanrepro.kan import bspline_basis
from kanrepro.kan.spline import Grid, bspline_recursion

ORDERS = [1, 2, 3, 4, 5]


def points(low: float, high: float, count: int = 401) -> torch.Tensor:
    return torch.linspace(low, high, count, dtype=torch.float64)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("size", "low", "high"), [(5, -1.0, 1.0), (5, -3.0, 3.0), (1, 0.0, 2.0), (20, -0.5, 4.0)])
def test_equals_scipy_everywhere(order: int, size: int, low: float, high: float) -> None:
    h = (high - low) / size
    knots = low + h * np.arange(-order, size + order + 1)
    x = points(low - 3 * h, high + 3 * h) + 1e-9  # off the knots, where an order-1 spline has kinks
    expected = np.stack(
        [
            np.nan_to_num(BSpline.basis_element(knots[k : k + order + 2], extrapolate=False)(x.numpy()))
            for k in range(size + order)
        ],
        axis=-1,
    )
    np.testing.assert_allclose(bspline_basis(x, size, order, (low, high)), expected, atol=1e-12)


@pytest.mark.parametrize("order", ORDERS)
def test_equals_the_textbook_recursion(order: int) -> None:
    x = points(-2.5, 2.5) + 1e-9
    torch.testing.assert_close(bspline_basis(x, 5, order), bspline_recursion(x, 5, order), atol=1e-13, rtol=0)


@given(
    x=st.floats(-1, 1),
    order=st.sampled_from(ORDERS),
    size=st.integers(1, 30),
    low=st.floats(-5, 0),
    width=st.floats(0.1, 9),
)
def test_partition_of_unity_inside_the_grid(x: float, order: int, size: int, low: float, width: float) -> None:
    inside = torch.tensor([low + width * (x + 1) / 2], dtype=torch.float64)
    total = bspline_basis(inside, size, order, (low, low + width)).sum(-1)
    torch.testing.assert_close(total, torch.ones_like(total), atol=1e-9, rtol=0)


def test_bases_are_non_negative_and_vanish_beyond_their_support() -> None:
    bases = bspline_basis(points(-4, 4), 5, 3)
    assert bool((bases >= 0).all())
    far = bspline_basis(torch.tensor([-2.2, 2.2, 9.0, -70.0]), 5, 3)
    torch.testing.assert_close(far, torch.zeros_like(far), atol=1e-6, rtol=0)


def test_outside_share_counts_values_beyond_the_range() -> None:
    assert float(Grid().outside(torch.tensor([[-1.0, 1.0], [1.5, -7.0], [0.0, 0.2], [0.0, 3.0]]))) == 3 / 8


@pytest.mark.parametrize("wrong", [{"size": 0}, {"order": 0}, {"order": 6}, {"low": 1.0, "high": 1.0}])
def test_impossible_grids_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match="a grid needs"):
        Grid(**wrong)
