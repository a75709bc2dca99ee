"""The methods there are: those of this package's folder, and files of a user's own."""

import hashlib
import importlib
import importlib.util
import pkgutil
import re
import sys
import traceback
from functools import cache
from pathlib import Path
from types import ModuleType

from kanrepro.core.errors import UserError, unknown
from kanrepro.core.provenance import code_digest
from kanrepro.methods.method import Method

_NAME = re.compile(r"[a-z][a-z0-9_]*")  # what folders of runs and names of records are made of
_own: dict[str, tuple[str, Method]] = {}  # name -> digest of the file, and the method: of files that were read


@cache
def built_in() -> dict[str, Method]:
    """Name -> method of this package, in the order of lists and tables."""
    package = importlib.import_module("kanrepro.methods")
    modules = [
        importlib.import_module(f"kanrepro.methods.{found.name}") for found in pkgutil.iter_modules(package.__path__)
    ]
    made = [
        kind(f"{module.__name__.rpartition('.')[2]}{suffix}")
        for module in modules
        for found in _defined_in(module)
        for suffix, kind in {"": found, **({"_kan": _on_kans(found)} if found.with_kan else {})}.items()
    ]
    return {method.name: method for method in sorted(made, key=lambda method: method.place)}


def _on_kans(kind: type[Method]) -> type[Method]:
    """The same method with KANs in its encoder: its objective and its keys; neither printed nor run unless named."""
    name = kind.__module__.rpartition(".")[2]
    same = {"__module__": kind.__module__, "__doc__": kind.__doc__, "objective": kind.objective or name}
    changed = {
        "label": f"{kind.label}, KAN",
        "network": "kan",
        "with_kan": False,
        "on_kans": True,
        "key": kind.key or name,
    }
    return type(f"{kind.__name__}OnKans", (kind,), {**same, **changed, "usual": (), "printed": {}, "readings": {}})


def of(*kinds: str, family: str | None = None) -> list[str]:
    """The names of this package's methods of some kinds, of those that can learn from a family of graphs."""
    return [m.name for m in built_in().values() if m.kind in kinds and (family is None or family in m.families)]


def usual(family: str, *kinds: str) -> tuple[str, ...]:
    """The names of those that are run on a family unless the settings name others."""
    return tuple(name for name in of(*kinds) if family in built_in()[name].usual)


def every() -> list[Method]:
    """Those of this package, and the user's own that were read."""
    return [*built_in().values(), *(method for _, method in _own.values())]


def find(word: str) -> Method:
    """The method that a word names: one of this package, or a user's own by the path of its file, then by its name.

    Raises:
        UserError: there is none, or the file is at fault.
    """
    if word.endswith(".py"):
        return _read(Path(word))
    if word in built_in():
        return built_in()[word]
    if word in _own:
        return _own[word][1]
    raise unknown("method", word, [*built_in(), *_own])


def learner(objective: str) -> Method:
    """The method whose objective settings name.

    Raises:
        UserError: there is none.
    """
    for method in built_in().values():
        if method.learned == objective:
            return method
    if objective.endswith(".py"):
        return _read(Path(objective))
    raise unknown("objective", objective, dict.fromkeys(method.learned for method in built_in().values()))


def _defined_in(module: ModuleType) -> list[type[Method]]:
    """The methods that a file defines, not those that it imports."""
    classes = [value for value in vars(module).values() if isinstance(value, type) and issubclass(value, Method)]
    return [kind for kind in classes if kind.__module__ == module.__name__ and kind is not Method]


def _read(file: Path) -> Method:
    """The method of a user's own file, which is executed: once, as long as it stays as it is.

    Raises:
        UserError: it cannot be read or run, defines no method or several, or its name is taken.
    """
    name = file.stem
    try:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise UserError(f"cannot read the method {file}: {error.strerror}.") from None
    if not _NAME.fullmatch(name):
        raise UserError(
            f"{file}: the name of a method's file has small letters, digits and _, a letter first. Rename it."
        )
    if name in built_in():
        raise UserError(f"{file}: the name {name} is taken by a method of this package. Rename the file.")
    known, method = _own.get(name, ("", None))
    if method and method.file != file:
        raise UserError(f"{file}: the name {name} is taken by {method.file}. Rename one of the files.")
    if method is None or known != digest:
        method = _loaded(name, file)
        _own[name] = digest, method
    return method


def _loaded(name: str, file: Path) -> Method:
    spec = importlib.util.spec_from_file_location(f"kanrepro_own_{name}", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # pydantic and pickle look modules up by name
    try:
        spec.loader.exec_module(module)
    except UserError:
        raise
    except Exception as error:
        raise fault(file, error) from error
    found = _defined_in(module)
    if len(found) != 1:
        raise UserError(f"{file} defines {len(found) or 'no'} methods: it must hold one class derived from Method.")
    (kind,) = found
    _check(kind, file)
    return kind(name, file)


def _check(kind: type[Method], file: Path) -> None:
    """What a class must have before anything is run."""
    if not isinstance(getattr(kind, "label", None), str):
        raise UserError(f"{file}: class {kind.__name__} has no label, its name in tables.")
    if kind.loss is Method.loss:
        raise UserError(f"{file}: class {kind.__name__} has no objective: define loss(self, model, *seen, generator).")


def fault(file: Path, error: Exception) -> UserError:
    """An exception in a user's own file as one line that names the file and the line."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename) == file.absolute()]
    where = f"{file}, line {lines[-1]}" if lines else str(file)
    said = " ".join(str(error).split())
    return UserError(f"{where}: {type(error).__name__}: {said}")


def training_code(method: str) -> str:
    """A digest of the code that pre-trains by a method: the stage, and the method's file."""
    return code_digest("kanrepro.pretraining.pretrain", *sources(method))


def sources(method: str) -> list[str | Path]:
    """What counts in that digest beside the stage."""
    found = find(method)
    return [find(found.encoder_of or method).source]
