"""The doors of the families: what they name is there, and no name is taken twice."""

from collections import Counter

import pytest

from kanrepro.core.catalog import Catalog
from kanrepro.core.family import Family, load
from kanrepro.core.parts import Part
from kanrepro.core.record import Document
from kanrepro.families import FAMILIES


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_what_a_door_names_is_there(family: Family) -> None:
    makers = [*family.stages.values(), *(table.module for table in family.tables.values()), *family.figures.values()]
    assert all(callable(load(module).main) for module in set(makers))
    assert all(callable(load(module).explain) for module in family.explained.values())
    assert all(issubclass(part, Part) for part in family.settings.values())
    for kind in family.kinds.values():
        assert issubclass(load(kind.schema), Document) and isinstance(load(kind.catalog).CATALOG, Catalog)


@pytest.mark.parametrize("what", ["settings", "catalogues", "tables", "figures", "kinds", "explained"])
def test_no_name_is_taken_twice(what: str) -> None:
    counted = Counter(name for family in FAMILIES for name in getattr(family, what))
    assert counted and set(counted.values()) == {1}
