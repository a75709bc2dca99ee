"""Models: GIN encoders, image classifiers, equilibria. What is named here is loaded when it is first asked for."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kanrepro.models.equilibrium import fixed_point
    from kanrepro.models.gin import GIN

__all__ = ["GIN", "fixed_point"]

# not imported at once, so that a change of the image models does not count as one of the graph encoders
_HOMES = {"GIN": "gin", "fixed_point": "equilibrium"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
