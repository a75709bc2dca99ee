"""Encoders, and the solver of equilibria."""

from kanrepro.models.equilibrium import fixed_point as fixed_point
from kanrepro.models.gin import GIN as GIN
