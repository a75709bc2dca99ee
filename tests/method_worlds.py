"""Small runs of a method."""

from dataclasses import replace
from typing import Any

import torch
from worlds import rings_and_stars, small_molecules

from kanrepro.core.parts import merged
from kanrepro.methods.folder import find
from kanrepro.methods.readings import changes_of, settings_of
from kanrepro.pretraining.families import FAMILIES
from kanrepro.pretraining.settings import of_run
from kanrepro.pretraining.training import Training
from kanrepro.store.store import GraphStore


def graphs(family: str, count: int) -> GraphStore:
    """A small set of a family."""
    if family == "molecule":
        return small_molecules(count)
    store = rings_and_stars(count)
    if family == "tu":
        return store
    return replace(store, x=torch.rand(len(store.x), 3, generator=torch.Generator().manual_seed(0)), meta={})


def training(method: str, family: str, count: int = 12, reading: str = "repaired", **changes: Any) -> Training:
    """A small run; batches of eight graphs."""
    base = FAMILIES[family]().model_dump(mode="json")
    small: dict[str, Any] = {
        "encoder": {"hidden": 8, "layers": 2},
        "contrast": {"head": [8]},
        "optimiser": {"batch_size": 8, "learning_rate": 1e-2, "epochs": 4, "precision": "float32"},
    }
    made = merged(settings_of(base, changes_of(family, reading, method), method), merged(small, changes))
    return Training(graphs(family, count), of_run(FAMILIES[family], made, find(method), "test"), 0, "cpu")


def first_step(run: Training) -> tuple[Any, ...]:
    """What its first step sees, in training mode."""
    run.model.train()
    run.method.before_epoch(run, torch.Generator().manual_seed(0))
    return next(iter(run.views(torch.Generator().manual_seed(0))))
