"""Encoders whose batch norms saw graphs though nothing was trained, and what splines carry of an encoder."""

from typing import Any

import pytest
import torch
from worlds import rings_and_stars

from kanrepro.core.parts import merged
from kanrepro.methods.readings import changes_of, settings_of
from kanrepro.models.spline_share import spline_shares
from kanrepro.pretraining.calibration import calibrate
from kanrepro.pretraining.settings import PretrainSettings
from kanrepro.pretraining.training import Training


def training(method: str, reading: str = "repaired", **changes: object) -> Training:
    small = {"encoder": {"hidden": 8}, "contrast": {"head": [8]}, "optimiser": {"batch_size": 8}}
    made = settings_of(PretrainSettings().model_dump(mode="json"), changes_of("tu", reading, method), method)
    settings = PretrainSettings.model_validate(merged(merged(made, small), changes))
    return Training(rings_and_stars(12), settings, 0, "cpu")


@pytest.mark.parametrize("network", ["mlp", "kan"])
def test_calibration_moves_statistics_and_no_weight(network: str) -> None:
    run = training(f"calibrated_{network}")
    before = {name: t.clone() for name, t in run.model.encoder.state_dict().items()}
    run.calibrate()
    after = run.model.encoder.state_dict()
    moved = {name for name, t in before.items() if not torch.equal(t, after[name])}
    assert moved and all("running_" in name or "num_batches" in name for name in moved)
    assert any(name.endswith("running_mean") for name in moved)


def test_statistics_are_the_mean_over_batches() -> None:
    run = training("calibrated_mlp", statistics={"of": "graphs", "passes": 1})
    encoder = run.model.encoder
    batches = list(run._passes())
    calibrate(encoder, batches)
    first: Any = encoder.blocks[0]
    seen = [torch.relu(first.network(b.x + torch.zeros_like(b.x).index_add_(0, b.edge_index[1], b.x[b.edge_index[0]])))
            for b in batches]  # fmt: skip
    torch.testing.assert_close(first.norm.running_mean, torch.stack([h.mean(0) for h in seen]).mean(0))
    torch.testing.assert_close(first.norm.running_var, torch.stack([h.var(0) for h in seen]).mean(0))
    assert first.norm.momentum == 0.1


def test_untouched_graphs_and_views_give_other_statistics() -> None:
    found = []
    for of in ("views", "graphs"):
        run = training("calibrated_kan", statistics={"of": of})
        run.calibrate()
        block: Any = run.model.encoder.blocks[0]
        found.append(block.norm.running_mean.clone())
    assert not torch.allclose(*found)


def test_a_rate_of_zero_moves_statistics_alone() -> None:
    run = training("khan_gcl", optimiser={"learning_rate": 0, "epochs": 1})
    before = {name: p.clone() for name, p in run.model.encoder.named_parameters()}
    run.run_epoch()
    assert all(torch.equal(before[name], p) for name, p in run.model.encoder.named_parameters())
    block: Any = run.model.encoder.blocks[0]
    assert block.norm.running_mean.abs().sum() > 0


def test_shares_of_splines_are_those_of_the_branches() -> None:
    alone = training("khan_gcl", encoder={"kan": {"base": False}})
    batch = alone.graphs.original.batch(torch.arange(12), alone.graphs.x)
    assert spline_shares(alone.model.encoder, batch) == [1.0] * 6
    both = training("khan_gcl")
    with torch.no_grad():
        for layer in both.model.encoder._kan_layers:
            layer.coefficients.zero_()
    assert spline_shares(both.model.encoder, batch)[0] == pytest.approx(0, abs=1e-9)
    assert spline_shares(training("graphcl").model.encoder, batch) == []
