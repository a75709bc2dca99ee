"""The jobs on medical images: runs of tasks, what figures are drawn from, and sources."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kanrepro.core.jobs import Place
from kanrepro.images.jobs import Jobs
from kanrepro.images.settings import ImageSettings

GIVEN: dict[str, Any] = {
    "datasets": ["digits"],
    "size": 16,
    "models": ["cnn", "deq_kan"],
    "seeds": [0, 2],
    "checks": {"digits/random": ["cnn"]},
}


def jobs(existing: bool = False, **settings: Any) -> Jobs:
    return Jobs(Place("small", existing=existing), ImageSettings.model_validate({**GIVEN, **settings}), [])


def test_runs_are_those_of_the_comparison_and_of_the_checks() -> None:
    assert [path.removeprefix("results/small/records/images/digits/") for path in jobs().records] == [
        "grouped/cnn-0.json",
        "grouped/cnn-2.json",
        "grouped/deq_kan-0.json",
        "grouped/deq_kan-2.json",
        "random/cnn-0.json",
        "random/cnn-2.json",
    ]


def test_curves_are_those_of_the_comparison_and_traces_those_of_its_first_seed() -> None:
    histories = jobs().figures["images-curves"]["histories"]
    assert len(histories) == 4 and all("/grouped/" in path for path in histories)
    wildcards: Any = SimpleNamespace(dataset="digits")
    traced = jobs().traced(wildcards)
    assert traced == ["results/small/runs/images/digits/grouped/deq_kan/0/model.safetensors"]


def test_splits_of_a_set_are_those_of_all_its_tasks() -> None:
    wildcards: Any = SimpleNamespace(dataset="digits")
    names = [path.removeprefix("resources/images/digits-16.") for path in jobs().splits(wildcards)]
    assert names == ["grouped-0.json", "grouped-2.json", "random-0.json", "random-2.json"]


def test_what_is_there_decides_what_is_drawn_where_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    trace = tmp_path / "results/small/records/traces/digits.json"
    trace.parent.mkdir(parents=True)
    trace.touch()
    assert jobs(existing=True).drawn == ["images-residuals"]
    assert jobs(datasets=[], checks={}).drawn == []


def test_sources_are_an_archive_and_a_list_of_groups_or_nothing() -> None:
    assert jobs().downloads == []
    (archive,) = jobs(datasets=["chest-xray"], checks={}).downloads
    assert archive == "resources/downloads/images/chest-xray.archive"
