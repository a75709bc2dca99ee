"""The control without a network: fingerprints by hand, what it learns, tasks that it leaves out."""

from pathlib import Path

import numpy as np
import pytest
from molecule_worlds import amines_and_alkanes, write_world

from kanrepro.core.errors import UserError
from kanrepro.molecules import fingerprint
from kanrepro.molecules.finetune_settings import FingerprintSettings
from kanrepro.molecules.labelled import open_labelled
from kanrepro.molecules.record import TransferRecord


def test_fingerprints_tell_environments_not_how_they_are_written() -> None:
    made = fingerprint.fingerprints(["CCO", "OCC", "CCN", "CC"], radius=2, bits=512)
    assert made.shape == (4, 512) and set(np.unique(made)) == {0, 1}
    assert (made[0] == made[1]).all() and (made[0] != made[2]).any()
    assert made[3].sum() == 2  # a methyl group, and its bond to the other one
    with pytest.raises(UserError, match="molecule 1 is no SMILES that RDKit reads: 'C1'"):
        fingerprint.fingerprints(["C", "C1"], 2, 64)


@pytest.mark.parametrize("model", ["random_forest", "logistic_regression"])
def test_it_tells_amines_from_alkanes(model: str, tmp_path: Path) -> None:
    store, split = write_world(tmp_path, amines_and_alkanes())
    labelled = open_labelled(store, split)
    settings = FingerprintSettings.model_validate({"model": model, "trees": 20, "bits": 256})
    x = fingerprint.fingerprints(labelled.smiles, settings.radius, settings.bits)
    found = fingerprint.predict(labelled, x, settings, 0, 1)
    assert found.test == 1.0 and found.epoch is None
    assert found.test_tasks == [1.0, 1.0, None]
    assert found == fingerprint.predict(labelled, x, settings, 0, 1)


def test_its_record_has_one_score_and_no_encoder(tmp_path: Path) -> None:
    store, split = write_world(tmp_path, amines_and_alkanes())
    given = ["--store", str(store), "--split", str(split), "--settings", '{"trees": 5, "bits": 64}']
    fingerprint.main([*given, "--output", str(tmp_path / "{seed}.json"), "--seeds", "0", "1"])
    for seed in (0, 1):
        record = TransferRecord.read(tmp_path / f"{seed}.json")
        assert (record.encoder, record.last, record.checkpoint, record.pretraining) == ("ecfp", None, None, None)
        assert (record.seed, record.dataset, record.split) == (seed, "toy", "scaffold")


def test_a_task_of_one_class_in_train_scores_all_molecules_alike(tmp_path: Path) -> None:
    store, split = write_world(tmp_path, amines_and_alkanes(), [[0, 2, 4, 6], range(7, 15), range(15, 24)])
    with pytest.raises(UserError, match="does not split 24 molecules"):
        open_labelled(store, split)
    store, split = write_world(
        tmp_path, amines_and_alkanes(), [[0, 2, 4, 6], [1, *range(7, 15)], [3, 5, *range(15, 24)]]
    )
    labelled = open_labelled(store, split)
    settings = FingerprintSettings(trees=5, bits=64)
    found = fingerprint.predict(labelled, fingerprint.fingerprints(labelled.smiles, 2, 64), settings, 0, 1)
    assert labelled.excluded["train"] == ["amine", "half", "none"]
    assert found.test_tasks[0] == 0.5
