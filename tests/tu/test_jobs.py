"""The jobs on TU sets: which records are wanted, whose encoder each evaluates, and what they ask of the machine."""

from types import SimpleNamespace
from typing import Any

import pytest

from kanrepro.core.errors import UserError
from kanrepro.core.jobs import Place
from kanrepro.tu.jobs import Jobs
from kanrepro.tu.settings import TuSettings


def jobs(**settings: Any) -> Jobs:
    return Jobs(Place("small"), TuSettings.model_validate(settings), [])


def test_the_wanted_records_are_methods_by_reading_by_seed() -> None:
    found = jobs(datasets=["MUTAG", "IMDB-BINARY"], readings={"own": None, "literal_silu": None}, seeds=[3])
    paths = [path.removeprefix("results/small/records/tu/") for path in found.records(["graphcl", "khan_gcl"])]
    assert paths == [
        "MUTAG/graphcl-literal-3.json",  # on labelled sets an MLP reads both alike
        "MUTAG/khan_gcl-literal-3.json",
        "MUTAG/khan_gcl-repaired-3.json",
        "IMDB-BINARY/graphcl-literal-3.json",
        "IMDB-BINARY/graphcl-repaired-3.json",
        "IMDB-BINARY/khan_gcl-literal-3.json",
        "IMDB-BINARY/khan_gcl-repaired-3.json",
    ]


def test_only_archives_come_from_the_network() -> None:
    found = jobs(datasets=["NCI-TPSA", "MUTAG"])
    assert found.downloads == ["resources/downloads/tu/MUTAG.zip"]
    wildcards: Any = SimpleNamespace(dataset="NCI-TPSA")
    assert found.archives(wildcards) == []


def test_shuffled_labels_are_probed_with_the_full_methods_encoder() -> None:
    wildcards: Any = SimpleNamespace(dataset="MUTAG", method="shuffled_labels", reading="repaired", seed="1")
    assert jobs().encoder(wildcards) == "results/small/runs/tu/MUTAG/khan_gcl/repaired/1/encoder.safetensors"


def test_a_second_attempt_may_take_twice_as_much() -> None:
    found = jobs(datasets=["MUTAG"], pretrain={"optimiser": {"epochs": 1000}})
    wildcards: Any = SimpleNamespace(dataset="MUTAG", method="khan_gcl", reading="repaired")
    for bound in (found.memory_mb, found.training_minutes, found.evaluation_minutes):
        assert 2 * bound(wildcards, 1) <= bound(wildcards, 2) <= 2 * bound(wildcards, 1) + 1
    longer = jobs(datasets=["MUTAG"], pretrain={"optimiser": {"epochs": 100_000}})
    assert longer.training_minutes(wildcards, 1) > found.training_minutes(wildcards, 1)


def test_an_unknown_set_is_refused() -> None:
    with pytest.raises(UserError, match="Did you mean 'MUTAG'"):
        jobs(datasets=["MUTG"])
