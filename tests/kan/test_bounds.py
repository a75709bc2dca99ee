"""Proposition 1: the corrected bound holds for every spline, the printed one does not."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kanrepro.kan.bounds import gram_matrix, printed_bound, spline_variation, variation_bound
from kanrepro.kan.spline import Grid, bspline_basis

CUBIC = Grid()


def test_gram_matrix_has_the_known_integrals() -> None:
    """M(0), M(1), M(2), M(3) over h are 151/315, 397/1680, 1/42, 1/5040 where the support lies inside."""
    gram = gram_matrix(Grid(20, 3, 0.0, 20.0))
    expected = torch.tensor([151 / 315, 397 / 1680, 1 / 42, 1 / 5040], dtype=torch.float64)
    torch.testing.assert_close(gram[11, 11:15], expected)


def test_variation_equals_a_riemann_sum() -> None:
    c = torch.randn(4, 8, dtype=torch.float64)
    x = torch.linspace(-1, 1, 20001, dtype=torch.float64)
    phi = c @ bspline_basis(x).T
    sums = torch.from_numpy(np.trapezoid((phi - phi.mean(1, keepdim=True)).square().numpy(), x.numpy(), axis=1))
    torch.testing.assert_close(spline_variation(c, CUBIC), sums, rtol=1e-3, atol=1e-6)


@given(st.lists(st.floats(-100, 100), min_size=8, max_size=8))
def test_corrected_bound_holds(values: list[float]) -> None:
    c = torch.tensor(values, dtype=torch.float64)
    variation = spline_variation(c, CUBIC)
    sharp, loose = variation_bound(c, CUBIC), variation_bound(c, CUBIC, sharp=False)
    slack = 1e-9 * (1 + float(c.square().sum()))
    assert float(variation) <= float(sharp) + slack
    assert float(sharp) <= float(loose) + slack


def test_printed_bound_has_a_counterexample() -> None:
    c = torch.tensor([-1.0] * 4 + [1.0] * 4)
    assert float(spline_variation(c, CUBIC)) == pytest.approx(1.545, abs=1e-3)
    assert float(printed_bound(c, CUBIC)) == pytest.approx(1.534, abs=1e-3)
    assert float(spline_variation(c, CUBIC)) > float(printed_bound(c, CUBIC))
    assert float(spline_variation(c, CUBIC)) <= float(variation_bound(c, CUBIC))


def test_largest_eigenvalue_of_the_default_grid() -> None:
    assert float(torch.linalg.eigvalsh(gram_matrix(CUBIC))[-1]) / CUBIC.spacing == pytest.approx(0.911, abs=1e-3)
