"""The jobs on superpixel graphs: files, runs, and that nothing is wanted without a set."""

from types import SimpleNamespace
from typing import Any

from kanrepro.core.jobs import Place
from kanrepro.superpixels.jobs import Jobs
from kanrepro.superpixels.settings import SuperpixelSettings


def jobs(**settings: Any) -> Jobs:
    return Jobs(
        Place("small"),
        SuperpixelSettings.model_validate({"readings": {"literal": None, "literal_silu": None}, **settings}),
        [],
    )


def test_without_a_set_nothing_is_wanted() -> None:
    found = jobs()
    assert found.records() == found.retrievals() == found.downloads == found.descriptions == []


def test_four_files_come_from_the_network_or_none() -> None:
    folder = "resources/downloads/superpixels"
    assert jobs(dataset="mnist").downloads == [
        f"{folder}/mnist-{part}-{kind}.gz" for part in ("train", "test") for kind in ("images", "labels")
    ]
    assert jobs(dataset="digits").downloads == []
    wildcards: Any = SimpleNamespace(dataset="mnist")
    assert jobs(dataset="mnist").images(wildcards) == [f"{folder}/mnist-{part}-images.gz" for part in ("train", "test")]


def test_each_untrained_encoder_has_a_seed_of_its_own() -> None:
    found = jobs(dataset="digits")
    run = "results/small/runs/superpixels/digits"
    for method, seed in (("khan_gcl", 0), ("untrained_kan", 4)):
        wildcards: Any = SimpleNamespace(dataset="digits", method=method, reading="repaired", seed="4")
        assert found.encoder(wildcards) == f"{run}/{method}/repaired/{seed}/encoder.safetensors"


def test_negatives_are_looked_up_for_the_method_that_the_settings_name() -> None:
    assert jobs(dataset="digits").retrievals() == ["results/small/records/retrieval/digits/khan_gcl-repaired-0.json"]
    assert jobs(dataset="digits", methods=["graphcl"]).retrievals() == []
