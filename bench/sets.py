"""The real data sets that benchmarks run on, or a stand-in where there are none."""

import os
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness import Effort

from kanrepro.core.errors import UserError
from kanrepro.store.store import GraphStore
from kanrepro.tu import catalog
from kanrepro.tu.fetch import fetch
from kanrepro.tu.prepare import prepare

ROOT = Path(__file__).resolve().parents[1]
STAND_IN = "NCI-TPSA"
_PREPARED = tempfile.TemporaryDirectory(prefix="kanrepro-bench-")


@dataclass(frozen=True)
class Set:
    """A prepared set; `note` says so where it stands in for another one."""

    name: str
    path: Path
    note: str = ""

    def store(self) -> GraphStore:
        """Open it."""
        return GraphStore.load(self.path)


def chosen(effort: Effort) -> list[Set]:
    """PROTEINS and NCI1, each as far as it is here; the stand-in where neither is, and in a quick run."""
    found = [] if effort.quick else [real for real in map(_real, ("PROTEINS", "NCI1")) if real]
    return found or [_stand_in("a quick run" if effort.quick else "no real data found")]


@cache
def _real(name: str) -> Set | None:
    """A set from resources/tu, or prepared from the mirror folder (KANREPRO_MIRROR, else ../shared/data)."""
    path = ROOT / f"resources/tu/{name}.safetensors"
    if path.is_file():
        return Set(name, path)
    entry = catalog.entry(name)
    mirror = Path(os.environ.get("KANREPRO_MIRROR") or ROOT.parent / "shared/data")
    if entry.mirror is None or not (mirror / entry.mirror.path).is_file():
        return None
    folder = Path(_PREPARED.name)
    try:
        fetch(entry, folder / f"{name}.zip", mirror)
        prepare(entry, folder / f"{name}.zip", folder / f"{name}.safetensors")
    except UserError:
        return None
    return Set(name, folder / f"{name}.safetensors")


@cache
def _stand_in(why: str) -> Set:
    path = Path(_PREPARED.name) / f"{STAND_IN}.safetensors"
    if not path.exists():
        prepare(catalog.entry(STAND_IN), None, path)
    return Set(STAND_IN, path, f"{why}: 300 molecules out of RDKit stand in")
