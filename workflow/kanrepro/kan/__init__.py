"""KAN layers: bases, layers, and what coefficients imply."""

from kanrepro.kan.gaussian import gaussian_basis as gaussian_basis
from kanrepro.kan.layer import KAN as KAN
from kanrepro.kan.layer import KANLinear as KANLinear
from kanrepro.kan.spline import bspline_basis as bspline_basis
