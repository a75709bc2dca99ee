"""Makes the tables of an unpacked bundle again from its records, and compares by the byte.

The bundle's own sources are parsed, never run: where they are not those of the installed package, nothing is compared.
"""

import ast
import tempfile
from pathlib import Path

from kanrepro.bundle.kinds import KINDS, maker_of
from kanrepro.bundle.make import is_safe
from kanrepro.core import provenance
from kanrepro.core.errors import UserError
from kanrepro.images.report import table as image_table
from kanrepro.images.report.inputs import ImageInputs
from kanrepro.molecules.report import table as transfer_table
from kanrepro.molecules.report.table import TransferInputs
from kanrepro.report import table
from kanrepro.report.inputs import Inputs
from kanrepro.settings import Settings


def remake(bundle: Path, folder: Path, preset: str, settings: Settings) -> list[str]:
    """Make every table of the bundle again with the installed package, and compare."""
    results = folder / "results" / preset
    said = []
    for name in sorted({path.stem for path in (results / "tables").glob("*") if path.is_file()}):
        module = maker_of(name)
        if module is None:
            raise UserError(f"{bundle}: results/{preset}/tables/{name} is no table of this workflow.")
        if not same_code(f"kanrepro.{module}", folder):
            said.append(f"{name} NOT compared: the installed kanrepro.{module} differs from the bundled one")
            continue
        with tempfile.TemporaryDirectory(dir=results) as made:  # as deep as tables/: paths in tables are the same
            try:
                forms = _make_again(name, results, preset, settings, Path(made) / name, folder)
            except Exception as error:  # records may be valid one by one and yet make no table
                said_of = " ".join(str(error).replace(f"{folder}/", "").split())
                raise UserError(f"{bundle}: {name} cannot be made: {type(error).__name__}: {said_of}") from None
            differing = [path.name for path in forms if path.read_bytes() != _bytes(results / "tables" / path.name)]
        if differing:
            raise UserError(f"{bundle}: {', '.join(differing)} cannot be made from the bundled records: other bytes.")
        said.append(f"{name}: all four forms made again from the records, the same bytes")
    return said or ["none in the bundle"]


def _make_again(name: str, results: Path, preset: str, settings: Settings, stem: Path, folder: Path) -> list[Path]:
    records = results / "records"
    if name in image_table.TABLES:
        images = settings.images
        given = ImageInputs(preset, (), records, images.datasets, images.models, images.split)
        document, rows = image_table.build(name, given, stem.parent)
    elif name in transfer_table.TABLES:
        transfer = TransferInputs(preset, folder=records, published=folder / "workflow" / "published")
        document, rows = transfer_table.build(name, transfer, stem.parent, settings.report.margin)
    else:
        catalogs = tuple(folder / path for path in settings.data.catalog if is_safe(path))
        inputs = Inputs(preset, (), (), records, (), catalogs, folder / "workflow" / "published")
        document, rows = table.build(name, inputs, stem.parent, settings.report.margin)
    return table.write(document, rows, stem)


def same_code(module: str, folder: Path) -> bool:
    """Whether the bundled sources of a module and of all that it imports run the same code as the installed ones.

    Sources are parsed, never run. The data sets' catalogues count too.
    """
    installed, bundled = Path(provenance.__file__).parents[2], folder / "workflow"
    names = provenance.import_closure(module)
    for name in names:
        ours = provenance.source_of(name)
        assert ours is not None
        theirs = bundled / ours.relative_to(installed)
        if _bytes(theirs) != ours.read_bytes() and _code(theirs) != _code(ours):
            return False
    catalogues = {kind.catalog.built_in for kind in KINDS.values()}
    return all(_bytes(bundled / path.relative_to(installed)) == path.read_bytes() for path in catalogues)


def _code(path: Path) -> str | None:
    try:
        return provenance.without_docstrings(ast.parse(_bytes(path) or b"?"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
