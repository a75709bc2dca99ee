"""What the image stages of the report are given: records, a preset, the comparison's split, data sets and models."""

import argparse
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kanrepro.core.errors import unknown
from kanrepro.core.parser import Parser
from kanrepro.images.report.maker import Maker
from kanrepro.images.report.results import ImageResults, image_paths, read
from kanrepro.images.variants import IMAGE_MODELS, SPLITS


@dataclass(frozen=True)
class ImageInputs:
    """Where image records are, and what to show of them."""

    preset: str
    records: tuple[Path, ...] = ()
    folder: Path | None = None  # records are looked for below it
    datasets: tuple[str, ...] = ()
    models: tuple[str, ...] = tuple(IMAGE_MODELS)
    split: str = "grouped"

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> "ImageInputs":
        """The inputs that the options of `add_image_inputs` name. Raises UserError for an unknown model or split."""
        check_names(arguments.models, arguments.split)
        return cls(
            arguments.preset,
            tuple(arguments.records),
            arguments.records_from,
            tuple(dict.fromkeys(arguments.datasets)),
            tuple(arguments.models or IMAGE_MODELS),
            arguments.split,
        )

    @cached_property
    def results(self) -> ImageResults:
        """The records, gathered. Raises UserError where one is corrupt or does not belong."""
        return read([*self.records, *(image_paths(self.folder) if self.folder else [])], self.preset)

    @property
    def shown(self) -> list[str]:
        """The data sets to show: those asked for, in their order, else those that have records."""
        return list(self.datasets) or self.results.datasets

    def demo(self, datasets: Iterable[str]) -> frozenset[str]:
        """Those of `datasets` that are stand-ins, as their records say; without a record, as the preset does."""
        known = set(self.results.datasets)
        return frozenset(d for d in datasets if (d in self.results.demo if d in known else self.preset == "demo"))

    def maker(self, base: Path) -> Maker:
        """A table in the making; `base`: the folder that record paths are written relative to."""
        return Maker(self.results, self.preset, base, self.shown, self.split, self.models)


def check_names(models: Iterable[str], split: str) -> None:
    """Raise UserError for a model or split that is unknown."""
    for kind, names, known in (("model", models, tuple(IMAGE_MODELS)), ("split", [split], SPLITS)):
        for name in names:
            if name not in known:
                raise unknown(kind, name, known)


def add_image_inputs(parser: Parser) -> None:
    """Add the options that `ImageInputs.of` reads."""
    parser.add_argument("--preset", required=True, help="preset of these records")
    parser.files("--records", "records, in any order")
    parser.folder("--records-from", "take records from FOLDER/images/*/*/*.json as well")
    parser.names("--datasets", "data sets to show, in this order (default: all that have records)")
    parser.names("--models", "models to show on the split of the comparison (default: all)")
    parser.add_argument("--split", default="grouped", help="split of the comparison (default %(default)s)")
