"""Rates at plateaus, against the scheduler that GraphCL's code for superpixels uses; weight decay."""

import pytest
import torch
from worlds import rings_and_stars

from kanrepro.core.parts import merged
from kanrepro.methods.readings import changes_of, settings_of
from kanrepro.pretraining.plateau import lower_rates
from kanrepro.pretraining.settings import PretrainSettings
from kanrepro.pretraining.training import Training


@pytest.mark.parametrize("patience", [1, 2, 5])
def test_rates_are_those_of_the_scheduler(patience: int) -> None:
    draws = torch.rand(40, generator=torch.Generator().manual_seed(patience)).tolist()
    losses = [3 / (1 + i) + 0.3 * draw for i, draw in enumerate(draws)]
    ours, theirs = (torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], lr=0.1) for _ in range(2))
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, factor=0.5, patience=patience)
    rates = []
    for epoch, loss in enumerate(losses):
        lower_rates([ours], losses[:epoch], patience)
        rates.append(ours.param_groups[0]["lr"])
        assert rates[-1] == pytest.approx(theirs.param_groups[0]["lr"])
        scheduler.step(loss)
    assert rates[0] == 0.1 > rates[-1]


def training(**optimiser: object) -> Training:
    small = {"encoder": {"hidden": 8}, "contrast": {"head": [8]}, "optimiser": {"batch_size": 8, **optimiser}}
    made = settings_of(PretrainSettings().model_dump(mode="json"), changes_of("tu", "repaired", "graphcl"), "graphcl")
    return Training(rings_and_stars(12), PretrainSettings.model_validate(merged(made, small)), 0, "cpu")


def test_a_training_without_progress_halves_its_rate() -> None:
    run = training(patience=1, learning_rate=1e-9)
    for _ in range(3):
        run.run_epoch()
        run.history[-1]["loss"] = 1.0
    run.run_epoch()
    assert run.optimisers[0].param_groups[0]["lr"] == pytest.approx(5e-10)


def test_decay_pulls_weights_towards_zero() -> None:
    free, pulled = training(), training(weight_decay=10.0)
    for run in (free, pulled):
        for _ in range(5):
            run.run_epoch()
    norms = [sum(float(p.square().sum()) for p in run.model.parameters() if p.dim() > 1) for run in (free, pulled)]
    assert norms[1] < norms[0]
