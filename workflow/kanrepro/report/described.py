"""The descriptions of prepared data sets (records/data*/NAME.json), as the stages of data write them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pydantic

from kanrepro.core.errors import UserError
from kanrepro.core.parts import read_as


class Described(pydantic.BaseModel):
    """What the data stage found in a prepared set; keys that are not needed here are left alone."""

    model_config = pydantic.ConfigDict(extra="ignore", allow_inf_nan=False)
    dataset: str
    graphs: int
    mean_nodes: float
    candidates: dict[str, float]
    classes: dict[str, int] = {}  # original label -> graphs
    node_labels: int = 0
    demo: bool = False

    @property
    def chance(self) -> float | None:
        """Accuracy in percent of always guessing the largest class; None where the classes are not counted."""
        return 100 * max(self.classes.values()) / sum(self.classes.values()) if self.classes else None


@dataclass(frozen=True)
class Source:
    """A description and the file that it was read from."""

    path: Path
    found: Described


def read(paths: Iterable[Path]) -> dict[str, Source]:
    """The descriptions by data-set name, sorted.

    Raises:
        UserError: a file is missing, truncated or no description, or two describe the same set.
    """
    sources: dict[str, Source] = {}
    for path in sorted({Path(path) for path in paths}):
        found = read_as(Described, path, "does not describe a data set")
        if found.dataset in sources:
            raise UserError(f"{sources[found.dataset].path} and {path} describe the same set; delete one of them.")
        sources[found.dataset] = Source(path, found)
    return dict(sorted(sources.items()))
