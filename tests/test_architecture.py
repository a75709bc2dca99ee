"""The plan of the house: floors, doors, no circles, short files, names that say what and not of whom."""

import ast
from pathlib import Path

import pytest

from kanrepro.core.architecture import FAMILIES, FLOORS, PACKAGE, arrows, document, floor_of, imports
from kanrepro.families import FAMILIES as DOORS

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted(PACKAGE.rglob("*.py"))
ROOF = {room for rooms in FLOORS[floor_of("studies") + 1 :] for room in rooms}
LEFT = {"models -> pretraining", "methods -> pretraining"}  # go when settings of pre-training stand below methods
# how a family was called in the names of modules, before each had a folder
FORMER_NAMES = ("tu_", "graph_", "image_", "molecule_", "transfer_", "superpixel_", "digit_")


def test_every_room_stands_on_a_floor() -> None:
    entries = {p.stem for p in PACKAGE.iterdir() if not p.name.startswith(("__", ".")) and p.name != "py.typed"}
    assert entries | {"__main__"} == {room for rooms in FLOORS for room in rooms}
    assert len(entries) <= 21


def test_imports_point_down_so_that_there_is_no_circle() -> None:
    wrong = [f"{a} -> {b}" for a, others in arrows().items() for b in others if floor_of(a) <= floor_of(b)]
    assert set(wrong) <= LEFT


def test_the_roof_enters_a_family_by_its_door_alone() -> None:
    inside = {*FAMILIES, "studies"}
    entered = {(a, b) for a, b in imports() if a.split(".")[0] in ROOF and b.split(".")[0] in inside}
    assert {a for a, _ in entered} == {"families"} and {b for _, b in entered} == {f"{room}.door" for room in inside}


@pytest.mark.parametrize("room", sorted(ROOF - {"families"}))
def test_the_roof_names_no_family_and_nothing_of_one(room: str) -> None:
    """Neither in text nor as a key of the settings: it loops over the doors."""
    kinds = ("settings", "tables", "figures", "kinds", "explained")
    names = {name for family in DOORS for kind in kinds for name in (family.name, *getattr(family, kind))}
    path = PACKAGE / room
    for source in sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]:
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            said = node.value if isinstance(node, ast.Constant) else getattr(node, "attr", None)
            assert said not in names, f"{source}: {said}"


def test_no_module_carries_the_name_of_its_family_and_none_is_long() -> None:
    for path in MODULES:
        room = path.relative_to(PACKAGE).parts[0]
        if room in (*FAMILIES, "studies"):
            assert not path.stem.startswith((f"{room}_", f"{room.removesuffix('s')}_", *FORMER_NAMES)), path
        assert path.read_text(encoding="utf-8").count("\n") <= 300, path


def test_the_committed_page_is_that_of_the_code() -> None:
    committed = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert committed == document() + "\n", "make it again: python -m kanrepro.reference --architecture"
