"""Clocked steps of pre-training: which steps count, equal settings, and the record."""

import json
from pathlib import Path

import pytest
import torch
from molecule_worlds import amines_and_alkanes

from kanrepro.core.errors import UserError
from kanrepro.molecules import measure
from kanrepro.molecules.finetune_settings import MeasureSettings
from kanrepro.molecules.record import Clocked, MeasureRecord


def test_quartiles_by_hand() -> None:
    assert measure.clocked([4.0, 1, 2, 3, 5]) == Clocked(
        median=3, lower_quartile=2, upper_quartile=4, least=1, most=5, steps=5
    )


def test_methods_are_measured_at_one_width_and_batch() -> None:
    made = measure.equal_settings(measure.read_methods(None), width=16, batch_size=32)
    assert list(made) == list(measure.DEFAULT)
    for settings in made.values():
        assert (settings.encoder.hidden, settings.contrast.head) == (16, (16, 16))
        assert settings.optimiser.batch_size == 32
    assert made["graphcl/literal"].encoder.network == "mlp" and made["khan_gcl/repaired"].encoder.network == "kan"
    assert made["attr_masking/literal"].objective == "attr_masking"


def test_warm_up_steps_do_not_count_and_methods_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[str] = []

    def step(training: measure.Training, seen: object, generator: object) -> float:
        turns.append(training.settings.encoder.network)
        return float(len(turns))

    monkeypatch.setattr(measure, "step_seconds", step)
    methods = {name: part for name, part in measure.read_methods(None).items() if "literal" in name}
    pretrain = measure.equal_settings(methods, 8, 4)
    del pretrain["attr_masking/literal"]
    settings = MeasureSettings(warm_up=2, steps=2, batch_size=4)
    found = measure.measure(amines_and_alkanes(), pretrain, settings, torch.device("cpu"))
    assert turns == ["mlp", "kan"] * 4
    assert (found["graphcl/literal"].least, found["graphcl/literal"].most) == (5, 7)


def test_the_record_says_what_was_clocked(tmp_path: Path) -> None:
    store, output = tmp_path / "toy.safetensors", tmp_path / "8.json"
    amines_and_alkanes().save(store)
    given = ["--store", str(store), "--width", "8", "--device", "cpu", "--output", str(output)]
    measure.main([*given, "--settings", json.dumps({"warm_up": 1, "steps": 2, "batch_size": 4})])
    record = MeasureRecord.read(output)
    assert (record.width, record.batch_size, record.dataset) == (8, 4, "toy")
    assert set(record.methods) == set(measure.DEFAULT)
    assert all(clock.steps == 2 and 0 < clock.least <= clock.median <= clock.most for clock in record.methods.values())
    with pytest.raises(UserError, match="holds 24 molecules, fewer than a batch of 256"):
        measure.main(given)
