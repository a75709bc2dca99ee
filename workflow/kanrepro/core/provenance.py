"""What made a result: code digest, commit, package versions, hardware."""

import ast
import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_HARDWARE = re.compile(r", \d+ cores$")
PACKAGES = ("numpy", "numba", "scipy", "scikit-learn", "torch", "safetensors", "rdkit", "snakemake")


def import_closure(*modules: str) -> list[str]:
    """The names of the kanrepro modules that `modules` import, themselves included, sorted. Nothing is executed."""
    found: set[str] = set()
    waiting = [*modules]
    while waiting:
        name = waiting.pop()
        if name in found or not (name == "kanrepro" or name.startswith("kanrepro.")):
            continue
        if source_of(name) is None:
            continue  # `from kanrepro.kan import KANLinear` names an attribute, not a module
        found.add(name)
        waiting.extend(name.rsplit(".", 1)[:1])  # the package's __init__ runs too
        waiting.extend(_imported(_tree(name)))
    return sorted(found)


def _imported(node: ast.AST) -> Iterator[str]:
    """The names that a piece of code imports when it runs; what only type checkers read is left out."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    for below in ast.iter_child_nodes(node):
        yield from _imported(below)


def code_digest(*sources: str | Path) -> str:
    """A digest of the code that some modules run: the syntax trees of their import closure, without docstrings.

    An edited line of code changes it; an edited comment, docstring or layout does not. It is the same on every Python.

    Args:
        sources: names of modules, or files outside the package, which count whatever their folder.
    """
    files = [(path.name, path.read_text(encoding="utf-8")) for path in sources if isinstance(path, Path)]
    return _digest(tuple(name for name in sources if isinstance(name, str)), tuple(files))


@cache
def _digest(modules: tuple[str, ...], files: tuple[tuple[str, str], ...]) -> str:
    outside = [(name, ast.parse(text)) for name, text in files]
    below = [name for _, tree in outside for name in _imported(tree)]
    digest = hashlib.sha256()
    for name, tree in [*((name, _tree(name)) for name in import_closure(*modules, *below)), *outside]:
        digest.update(f"{name}\n{without_docstrings(tree)}\n".encode())
    return digest.hexdigest()[:16]


def commit() -> tuple[str | None, bool]:
    """The git commit of the checkout that holds this package, and whether code under workflow/ differs from it."""
    root = Path(__file__).resolve().parents[3]
    try:
        head = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
        status = subprocess.run(
            ["git", "-C", str(root), "status", "--porcelain", "--", "workflow"],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return None, False
    return head, bool(status.strip())


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that a number can depend on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def hardware() -> str:
    """The processor's name, the widest vectors that its sums are made in, and the number of cores.

    Several processors share a name; the vectors that PyTorch is held to by ATEN_CPU_CAPABILITY count, since they decide
    how sums are rounded.
    """
    name, flags = platform.processor() or platform.machine(), ""
    try:
        facts = dict(
            (key.strip(), value.strip())
            for key, found, value in (line.partition(":") for line in Path("/proc/cpuinfo").read_text().splitlines())
            if found
        )
        name, flags = facts.get("model name", name), facts.get("flags", "")
    except OSError:
        pass
    there = next((vectors for flag, vectors in (("avx512f", "avx512"), ("avx2", "avx2")) if flag in flags.split()), "")
    vectors = os.environ.get("ATEN_CPU_CAPABILITY", "").lower() or there
    return f"{name}{f' ({vectors})' if vectors else ''}, {os.cpu_count()} cores"


def same_processor(one: str, other: str) -> bool:
    """Whether two texts of `hardware` name the same processor; vectors count where both tell them."""
    (name, vectors), (name2, vectors2) = (_HARDWARE.sub("", text).partition(" (")[::2] for text in (one, other))
    return name == name2 and (not vectors or not vectors2 or vectors == vectors2)


@cache
def source_of(name: str) -> Path | None:
    """The file of a module of this package; None where the name is of something else."""
    root = Path(__file__).resolve().parents[2]
    path = root.joinpath(*name.split("."))
    for candidate in (path / "__init__.py", path.with_suffix(".py")):
        if candidate.is_file():
            return candidate
    return None


@cache
def _tree(name: str) -> ast.Module:
    source = source_of(name)
    assert source is not None
    return ast.parse(source.read_text(encoding="utf-8"))


def without_docstrings(tree: ast.AST) -> str:
    """The tree as text that leaves out docstrings, positions, and fields that only newer Pythons have."""
    if isinstance(tree, ast.AST):
        body = getattr(tree, "body", None)
        skip = isinstance(tree, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and body
        fields = []
        for name, value in ast.iter_fields(tree):
            if name in ("type_params", "type_comment", "type_ignores", "kind"):
                continue
            if name == "body" and skip and _is_docstring(value[0]):
                value = value[1:]
            fields.append(f"{name}={without_docstrings(value)}")
        return f"{type(tree).__name__}({','.join(fields)})"
    if isinstance(tree, list):
        return "[" + ",".join(map(without_docstrings, tree)) + "]"
    return repr(tree)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
