"""Graphs as flat tensors, their features and settings."""

from typing import TYPE_CHECKING

from kanrepro.core import lazy

if TYPE_CHECKING:
    from kanrepro.store.store import GraphStore as GraphStore

__all__ = ["GraphStore"]

__getattr__ = lazy.names(__name__, {"GraphStore": "store"})
