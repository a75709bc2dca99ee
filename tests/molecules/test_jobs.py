"""The jobs on molecules: encoders, splits and shards that they need, and which seeds share one."""

from types import SimpleNamespace
from typing import Any

from kanrepro.core.jobs import Place
from kanrepro.molecules.jobs import Jobs
from kanrepro.molecules.settings import MoleculeSettings

GIVEN: dict[str, Any] = {
    "pretrain_set": "nci",
    "datasets": ["bace"],
    "methods": ["khan_gcl"],
    "controls": ["untrained_kan", "fingerprint"],
    "readings": {"own": None, "literal": None, "literal_silu": None},
    "seeds": [0, 1],
}


def jobs(gpu: int = 0, **settings: Any) -> Jobs:
    return Jobs(Place("small", gpu), MoleculeSettings.model_validate({**GIVEN, **settings}), [])


def test_one_pretraining_serves_all_seeds_but_each_has_an_untrained_encoder_of_its_own() -> None:
    run = "results/small/runs/molecules/nci"
    assert jobs().encoders() == [
        f"{run}/khan_gcl/repaired/0/encoder.safetensors",
        f"{run}/untrained_kan/repaired/0/encoder.safetensors",
        f"{run}/untrained_kan/repaired/1/encoder.safetensors",
    ]
    assert jobs(pretrain_seed=2).encoder_of("khan_gcl", "repaired") == f"{run}/khan_gcl/repaired/2/encoder.safetensors"


def test_records_are_of_all_rows_the_fingerprints_without_a_reading() -> None:
    names = [path.rpartition("/")[2] for path in jobs(seeds=[4]).records()]
    assert names == ["khan_gcl-repaired-4.json", "untrained_kan-repaired-4.json", "fingerprint-none-4.json"]


def test_splits_that_are_drawn_are_one_a_seed() -> None:
    wildcards: Any = SimpleNamespace(dataset="bace")
    assert jobs().splits(wildcards) == ["resources/molecules/bace.scaffold-0.json"]
    drawn = jobs(split="random-scaffold").splits(wildcards)
    assert drawn == [f"resources/molecules/bace.random-scaffold-{seed}.json" for seed in (0, 1)]
    wildcards = SimpleNamespace(dataset="nci")
    assert jobs().splits(wildcards) == []  # nothing to predict there


def test_a_large_set_is_prepared_in_shards() -> None:
    wildcards: Any = SimpleNamespace(dataset="zinc-2m")
    parts = jobs(pretrain_set="zinc-2m").parts(wildcards)
    assert len(parts) == 4
    assert parts[-1] == "resources/molecules/shards/zinc-2m/part-4-of-4.json"


def test_a_gpu_is_given_less_time() -> None:
    wildcards: Any = SimpleNamespace(dataset="nci", method="khan_gcl", reading="repaired")
    assert jobs(gpu=1).pretraining_minutes(wildcards, 1) < jobs().pretraining_minutes(wildcards, 1)
    assert jobs(gpu=1).launcher() == "python"
    assert jobs(processes=4).launcher() == "torchrun --standalone --nproc-per-node 4"


def test_steps_are_clocked_of_what_is_trained() -> None:
    assert jobs().measures() == ["results/small/records/measure/300.json"]
    assert jobs(methods=["wo_hard_neg"]).measures() == []
