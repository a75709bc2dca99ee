"""Keys with dots in the form that Snakemake takes."""

import pytest
import yaml

from kanrepro.core.dotted import nested


@pytest.mark.parametrize(
    ("key", "value", "right"),
    [
        ("tu.seeds", "[0]", "tu={seeds: [0]}"),
        ("tu.pretrain.optimiser.epochs", "3", "tu={pretrain: {optimiser: {epochs: 3}}}"),
        ("preset", "demo", None),
        ("tu={seeds: [0.5]}", "", None),
        ("", "", None),
    ],
)
def test_keys_with_dots_are_shown_as_snakemake_takes_them(key: str, value: str, right: str | None) -> None:
    assert nested(key, value) == right


def test_in_a_file_it_is_yaml() -> None:
    text = nested("tu.svm.folds", "3", ": ")
    assert text and yaml.safe_load(text) == {"tu": {"svm": {"folds": 3}}}
