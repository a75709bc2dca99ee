"""KAN layers: bases, layers, and what coefficients imply."""

from kanrepro.kan.layer import KAN as KAN
from kanrepro.kan.layer import KANLinear as KANLinear
from kanrepro.kan.spline import bspline_basis as bspline_basis
