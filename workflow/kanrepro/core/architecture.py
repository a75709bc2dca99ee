"""How the package is built: its rooms (the folders and modules below kanrepro), and who imports whom."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
FAMILIES = ("tu", "molecules", "superpixels", "images")
# from the ground up; what stands on one floor imports only from floors below
FLOORS: tuple[tuple[str, ...], ...] = (
    ("core", "kan"),
    ("store",),
    ("models", "contrast"),
    ("methods",),
    ("pretraining",),
    ("report",),
    FAMILIES,
    ("studies",),
    ("families",),
    ("settings", "explain", "compare", "plan", "page"),
    ("bundle", "reference"),
    ("__main__",),
)

HEAD = """# How the package is built

Made by `python -m kanrepro.reference --architecture`; do not edit. From the roof down: a room imports from floors below
its own alone, and the four families know nothing of each other. What lies above the studies, the roof, knows a family
by its `door` alone (`kanrepro.core.family`); what is named there is loaded when it is needed. A test holds this
(`tests/test_architecture.py`).
"""


def floor_of(room: str) -> int:
    """The floor of a room, counted from the ground. Raises KeyError for a room that stands on none."""
    return {name: floor for floor, rooms in enumerate(FLOORS) for name in rooms}[room]


@cache
def imports() -> frozenset[tuple[str, str]]:
    """Pairs of modules below kanrepro, without its name: `tu.probe` imports `core.errors`."""
    names = {".".join(parts): path for path in PACKAGE.rglob("*.py") if (parts := _parts(path))}
    return frozenset(
        (module, target)
        for module, path in names.items()
        for found in _imported(ast.parse(path.read_text(encoding="utf-8")))
        if (target := found if found in names else found.rpartition(".")[0]) in names and target != module
    )


def arrows() -> dict[str, set[str]]:
    """Room -> the other rooms that it imports from."""
    found: dict[str, set[str]] = {room: set() for rooms in FLOORS for room in rooms}
    for module, target in imports():
        one, other = module.split(".")[0], target.split(".")[0]
        if one != other:
            found.setdefault(one, set()).add(other)
    return found


def document() -> str:
    """docs/architecture.md."""
    lines = [HEAD]
    found = arrows()
    for number, rooms in reversed(list(enumerate(FLOORS))):
        lines += [f"## Floor {number}", "", "| room | what it is | imports from |", "| :-- | :-- | :-- |"]
        for room in rooms:
            below = sorted(found[room], key=lambda name: (-floor_of(name), name))
            lines.append(f"| `{room}` | {_about(room)} | {', '.join(below) or 'nothing'} |")
        lines.append("")
    return "\n".join(lines)


def _parts(path: Path) -> tuple[str, ...]:
    """The name of a module, in parts; none for the package itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def _imported(tree: ast.Module) -> Iterator[str]:
    """The names below kanrepro that a module imports, wherever it does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.removeprefix("kanrepro.") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "kanrepro":
            within = node.module.removeprefix("kanrepro").removeprefix(".")
            yield from (f"{within}.{alias.name}".removeprefix(".") for alias in node.names)


def _about(room: str) -> str:
    """The first paragraph of a room's docstring, in one line."""
    path = PACKAGE / room
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    told = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or ""
    return " ".join(told.split("\n\n")[0].split())
