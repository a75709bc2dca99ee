"""Makes the tables of an unpacked bundle again from its records, and compares by the byte.

The bundle's own sources are parsed, never run: where they are not those of the installed package, nothing is compared.
"""

import ast
import tempfile
from pathlib import Path

from kanrepro.bundle.kinds import KINDS, TABLES, catalog_of
from kanrepro.bundle.make import own_catalogues
from kanrepro.core import provenance
from kanrepro.core.errors import UserError
from kanrepro.core.family import Results, load
from kanrepro.report.make_table import write_table
from kanrepro.settings import Settings


def remake(bundle: Path, folder: Path, preset: str, settings: Settings) -> list[str]:
    """Make every table of the bundle again with the installed package, and compare."""
    results = folder / "results" / preset
    own = {key: tuple(folder / name for name in names) for key, names in own_catalogues(settings).items()}
    given = Results(preset, results / "records", folder / "workflow" / "published", settings, own)
    said = []
    for name in sorted({path.stem for path in (results / "tables").glob("*") if path.is_file()}):
        if name not in TABLES:
            raise UserError(f"{bundle}: results/{preset}/tables/{name} is no table of this workflow.")
        module = TABLES[name].module
        if not same_code(module, folder):
            said.append(f"{name} NOT compared: the installed {module} differs from the bundled one")
            continue
        with tempfile.TemporaryDirectory(dir=results) as made:  # as deep as tables/: paths in tables are the same
            try:
                forms = write_table(*load(module).again(name, given, Path(made)), Path(made) / name)
            except Exception as error:  # records may be valid one by one and yet make no table
                said_of = " ".join(str(error).replace(f"{folder}/", "").split())
                raise UserError(f"{bundle}: {name} cannot be made: {type(error).__name__}: {said_of}") from None
            differing = [path.name for path in forms if path.read_bytes() != _bytes(results / "tables" / path.name)]
        if differing:
            raise UserError(f"{bundle}: {', '.join(differing)} cannot be made from the bundled records: other bytes.")
        said.append(f"{name}: all four forms made again from the records, the same bytes")
    return said or ["none in the bundle"]


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
    catalogues = {catalog_of(kind).built_in for kind in KINDS}
    return all(_bytes(bundled / path.relative_to(installed)) == path.read_bytes() for path in catalogues)


def _code(path: Path) -> str | None:
    try:
        return provenance.without_docstrings(ast.parse(_bytes(path) or b"?"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
