"""The names that modules had when committed records were made: `python -m` still takes them."""

import importlib.util
import re
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

FORMER = {
    "analysis.criticality": "studies.criticality",
    "analysis.splines": "studies.splines",
    "assess": "images.assess",
    "classify": "images.classify",
    "data.describe": "tu.describe",
    "data.fetch": "tu.fetch",
    "data.fetch_images": "images.fetch",
    "data.image_describe": "images.describe",
    "data.image_prepare": "images.prepare",
    "data.image_splits": "images.splits",
    "data.molecule_describe": "molecules.describe",
    "data.molecule_fetch": "molecules.fetch",
    "data.molecule_join": "molecules.join",
    "data.molecule_prepare": "molecules.prepare",
    "data.molecule_shards": "molecules.shards",
    "data.molecule_splits": "molecules.splits",
    "data.prepare": "tu.prepare",
    "data.splits": "tu.splits",
    "data.superpixels.describe": "superpixels.describe",
    "data.superpixels.fetch": "superpixels.fetch",
    "data.superpixels.prepare": "superpixels.prepare",
    "data.superpixels.splits": "superpixels.splits",
    "finetune": "molecules.finetune",
    "fingerprint": "molecules.fingerprint",
    "measure": "molecules.measure",
    "memory": "images.memory",
    "offline": "bundle.offline",
    "pretrain": "pretraining.pretrain",
    "probe": "tu.probe",
    "report.analysis_figure": "studies.report.analysis_figure",
    "report.figure": "tu.report.figure",
    "report.image_figure": "images.report.figure",
    "report.image_table": "images.report.table",
    "report.page": "page.page",
    "report.sensitivity_figure": "studies.report.sensitivity_figure",
    "report.table": "tu.report.table",
    "report.transfer_table": "molecules.report.table",
    "retrieve": "superpixels.retrieve",
    "superpixel_finetune": "superpixels.finetune",
    "trace": "images.trace",
}
_MODULE = re.compile(r"(?<= -m kanrepro\.)[\w.]+")


def today(command: str) -> str:
    """A command line of a record with the module's name of today."""
    return _MODULE.sub(lambda found: FORMER.get(found[0], found[0]), command, count=1)


class Former(MetaPathFinder):
    """Finds the module of today under a former name, and former folders as empty packages."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The specification of `fullname`; None where it is no former name."""
        name = fullname.removeprefix("kanrepro.")
        if name in FORMER:
            found = importlib.util.find_spec(f"kanrepro.{FORMER[name]}")
            return importlib.util.spec_from_file_location(fullname, found.origin) if found and found.origin else None
        folder = any(former.startswith(f"{name}.") for former in FORMER)
        return ModuleSpec(fullname, None, is_package=True) if folder else None


def install() -> None:
    """Look up former names after all others."""
    sys.meta_path.append(Former())
