"""The points of Figure 5: one parameter at a time around the default, each reached by its own settings alone."""

import random
from pathlib import Path
from typing import Any

import pytest

from kanrepro.core.errors import UserError
from kanrepro.pretraining.families import MoleculePretrainSettings
from kanrepro.pretraining.settings import PretrainSettings
from kanrepro.report.summary import flatten
from kanrepro.settings import resolve
from kanrepro.studies.sensitivity_settings import PARAMETERS, SensitivitySettings, moved, point_of

PRESETS = Path(__file__).resolve().parents[2] / "workflow" / "presets"
PRINTED = (0.075, 0.075, 0.05, 0.05)  # F.3


def test_the_printed_point_is_the_default() -> None:
    assert point_of(PretrainSettings()) == point_of(MoleculePretrainSettings()) == PRINTED


def test_points_are_the_default_and_each_value_of_each_parameter() -> None:
    given = SensitivitySettings(
        parameters=("epsilon_delta", "sigma_rho"), epsilon_delta=(0.0, 0.075, 0.3), epsilon_rho=(9.0,), sigma_rho=(0.2,)
    )
    found = [PRINTED, (0.0, 0.075, 0.05, 0.05), (0.3, 0.075, 0.05, 0.05), (0.075, 0.075, 0.05, 0.2)]
    assert given.points(PRINTED) == found


def test_any_point_differs_from_the_default_in_one_parameter_and_none_stands_twice() -> None:
    draw = random.Random(0)
    for _ in range(50):
        values = {name: tuple(draw.sample([0.0, 0.05, 0.075, 0.1, 0.3], draw.randint(1, 5))) for name in PARAMETERS}
        varied = tuple(draw.sample(PARAMETERS, draw.randint(1, 4)))
        default = tuple(draw.choice([0.0, 0.05, 0.075]) for _ in PARAMETERS)
        first, *others = SensitivitySettings(parameters=varied, **values).points(default)  # type: ignore[arg-type]
        assert first == default and len({first, *others}) == 1 + len(others)
        for point in others:
            ((name, value),) = [(n, v) for n, v, d in zip(PARAMETERS, point, default, strict=True) if v != d]
            assert name in varied and value in values[name]
        assert len(others) == sum(len({*values[n]} - {default[PARAMETERS.index(n)]}) for n in varied)


@pytest.mark.parametrize("family", [PretrainSettings, MoleculePretrainSettings])
def test_moving_changes_the_point_and_nothing_else(family: type[PretrainSettings]) -> None:
    base = family()
    made = moved(base, dict(zip(PARAMETERS, (0.0, 1.0, 2.0, 3.0), strict=True)))
    assert type(made) is family and point_of(made) == (0.0, 1.0, 2.0, 3.0)
    before, after = (flatten(settings.model_dump(mode="json")) for settings in (base, made))
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {f"contrast.negatives.{name}" for name in PARAMETERS}


def test_seeds_are_those_of_the_experiment() -> None:
    assert SensitivitySettings().seeds_of((0, 1, 2)) == [0, 1, 2]
    assert SensitivitySettings(seeds=(2, 7)).seeds_of((0, 1, 2)) == [2]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"epsilon_delta": [0.1, -0.1]}, r"sensitivity.epsilon_delta.1 = -0.1: .*it must be at least 0"),
        ({"sigma_rho": []}, r"sensitivity.sigma_rho = .*: at least 1 are needed"),
        ({"sigma_rho": [0.1, 0.1]}, r"sensitivity.sigma_rho = .*0.1 stands there twice"),
        ({"epsilon_rho": ["much"]}, r"sensitivity.epsilon_rho.0 = 'much'"),
        ({"epsilon_rho": [float("inf")]}, r"sensitivity.epsilon_rho.0 = "),
        ({"sigma_delta": [1e9]}, r"sensitivity.sigma_delta.0 = 1000000000.0: it must be at most 1000"),
        ({"parameters": ["epsilon"]}, r"sensitivity.parameters.0 = 'epsilon': .*'epsilon_delta'"),
        ({"parameters": []}, r"sensitivity.parameters = "),
        ({"seeds": []}, r"sensitivity.seeds = "),
        ({"epsilon_detla": [0.1]}, r"Did you mean 'sensitivity.epsilon_delta'\?"),
    ],
)
def test_bad_settings_are_refused_with_key_and_value(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        resolve({"preset": "small", "sensitivity": given}, PRESETS)
