"""Data: fetching, parsing, the graph store, splits. `GraphStore` is loaded on first use (fetching needs no torch)."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kanrepro.data.store import GraphStore as GraphStore

__all__ = ["GraphStore"]


def __getattr__(name: str) -> Any:
    if name == "GraphStore":
        from kanrepro.data.store import GraphStore

        return GraphStore
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
