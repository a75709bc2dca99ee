"""Two small encoders, trained for an epoch."""

from pathlib import Path

import pytest

from kanrepro.pretraining import pretrain
from kanrepro.tu import catalog
from kanrepro.tu.prepare import prepare
from kanrepro.tu.splits import split


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """store, folds, and encoder.safetensors of khan_gcl (`kan`, 3 x 8) and graphcl (`mlp`) on the demo's molecules."""
    folder = tmp_path_factory.mktemp("trained")
    store, folds = folder / "s.safetensors", folder / "folds.json"
    prepare(catalog.entry("NCI-TPSA"), None, store)
    split(store, 5, 0, folds)
    made = {"store": store, "folds": folds}
    for name, method in (("kan", "khan_gcl"), ("mlp", "graphcl")):
        settings = '{"encoder": {"hidden": 8}, "contrast": {"head": [8]}, "optimiser": {"epochs": 1}}'
        words = ["--store", str(store), "--method", method, "--output", str(folder / name), "--settings", settings]
        pretrain.main([*words, "--device", "cpu"])
        made[name] = folder / name / "encoder.safetensors"
    return made
