"""The jobs of studies: points around the default once each, and of what is asked for what is trained at all."""

from typing import Any

import pytest

from kanrepro.core.errors import UserError
from kanrepro.core.jobs import Place
from kanrepro.molecules.jobs import Jobs as MoleculeJobs
from kanrepro.molecules.settings import MoleculeSettings
from kanrepro.studies.analysis_settings import AnalysisSettings
from kanrepro.studies.jobs import Analysis, Sensitivity
from kanrepro.studies.sensitivity_settings import SensitivitySettings
from kanrepro.tu.jobs import Jobs
from kanrepro.tu.settings import TuSettings

PLACE = Place("small")
TU = Jobs(PLACE, TuSettings.model_validate({"datasets": ["MUTAG"], "readings": {"own": None}, "seeds": [0]}), [])
MOLECULES = MoleculeJobs(PLACE, MoleculeSettings(), [])


def space(**settings: Any) -> Sensitivity:
    return Sensitivity(SensitivitySettings.model_validate(settings), TU, MOLECULES, [], [])


def test_the_default_point_is_the_tables_record_and_the_others_have_a_folder_each() -> None:
    found = space(datasets=["MUTAG"], readings=["repaired"], parameters=["sigma_rho"], sigma_rho=[0.05, 0.1])
    folder = "epsilon_delta-0.075_epsilon_rho-0.075_sigma_delta-0.05_sigma_rho-0.1"
    assert found.watched == [
        "results/small/records/tu/MUTAG/khan_gcl-repaired-0.json",
        f"results/small/records/sensitivity/tu/MUTAG/khan_gcl/repaired/{folder}/0.json",
    ]
    assert found.beside == found.watched[1:]


def test_what_is_not_trained_is_not_watched() -> None:
    found = space(datasets=["PROTEINS"], transfer=["bace"])
    assert found.watched == found.watched_transfer == found.beside == []


def test_figures_look_into_what_is_trained() -> None:
    settings = AnalysisSettings.model_validate(
        {"datasets": ["MUTAG", "NCI1"], "readings": ["repaired"], "seeds": [0, 1]}
    )
    records = "results/small/records"
    assert Analysis(settings, TU, []).figures() == {
        "figure2b": [f"{records}/splines/MUTAG/khan_gcl-repaired-0.json"],
        "ckfi": [f"{records}/criticality/MUTAG/khan_gcl-repaired-{seed}.json" for seed in (0, 1)],
    }


def test_unknown_sets_and_readings_are_refused() -> None:
    for given, hint in (
        ({"datasets": ["MUTG"]}, "MUTAG"),
        ({"transfer": ["bac"]}, "bace"),
        ({"readings": ["repared"]}, "repaired"),
    ):
        with pytest.raises(UserError, match=f"Did you mean '{hint}'"):
            space(**given)
