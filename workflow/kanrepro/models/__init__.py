"""Models: GIN encoders, image classifiers, equilibria."""

from typing import TYPE_CHECKING

from kanrepro.core import lazy

if TYPE_CHECKING:
    from kanrepro.models.equilibrium import fixed_point as fixed_point
    from kanrepro.models.gin import GIN as GIN

__all__ = ["GIN", "fixed_point"]

# not imported at once, so that a change of the image models does not count as one of the graph encoders
__getattr__ = lazy.names(__name__, {"GIN": "gin", "fixed_point": "equilibrium"})
