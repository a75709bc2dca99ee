"""What the jobs of all families share: which files are wanted, and options as text."""

from pathlib import Path

import pytest

from kanrepro.core.jobs import Place, catalog_options, option, said, settings_file
from kanrepro.core.options import command_line, given_settings
from kanrepro.core.parser import expanded
from kanrepro.tu.settings import SvmSettings


def test_all_files_are_wanted_or_those_that_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    paths = ["results/small/records/data/A.json", "results/small/records/data/B.json"]
    there = Path(paths[1])
    there.parent.mkdir(parents=True)
    there.touch()
    make, existing = Place("small"), Place("small", existing=True)
    assert make.wanted(paths) == paths
    assert existing.wanted(paths) == paths[1:]
    pattern = "results/small/records/data/{dataset}.json"
    assert make.described(pattern, ["A"]) == paths[:1]
    assert existing.described(pattern, ["A"]) == paths[1:]


def test_what_lies_beside_the_wanted_records_changes_a_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    place, folder = Place("small"), Path("results/small/records/tu/MUTAG")
    wanted = [str(folder / "a.json")]
    nothing = place.beside(["tu"], wanted)
    folder.mkdir(parents=True)
    (folder / "a.json").write_text("{}")
    assert place.beside(["tu"], wanted) == nothing  # so that a second run has nothing to do
    (folder / "b.json").write_text("{}")
    one = place.beside(["tu"], wanted)
    (folder / "b.json").write_text("{...}")
    assert len({nothing, one, place.beside(["tu"], wanted)}) == 3
    assert place.beside(["images"], []) == nothing


def test_no_figure_wants_a_run_again_that_has_its_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pairs = [("run-0.csv", "record-0.json"), ("run-1.csv", "record-1.json")]
    place = Place("small")
    assert place.left(pairs) == ["run-0.csv", "run-1.csv"]  # nothing is there: both are made
    Path("record-0.json").touch()
    assert place.left(pairs) == []  # as in a clone
    Path("run-0.csv").touch()
    assert place.left(pairs) == ["run-0.csv", "run-1.csv"]
    assert Place("small", existing=True).left(pairs) == ["run-0.csv"]


def test_tables_have_four_forms_and_figures_two() -> None:
    place = Place("small")
    assert place.table_files("t") == [f"results/small/tables/t.{form}" for form in ("md", "csv", "tex", "html")]
    assert place.figure_files("f") == ["results/small/figures/f.png", "results/small/figures/f.svg"]


def test_an_option_without_values_is_left_out() -> None:
    assert option("seeds", [0, 1]) == "--seeds 0 1"
    assert option("seeds", []) == ""
    assert catalog_options(["my sets.yaml", "b.yaml"]) == "--catalog 'my sets.yaml' --catalog b.yaml"


def test_long_arguments_go_by_a_file_named_after_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = [f"results/small/runs/tu/MUTAG/khan_gcl/literal/{seed}/history.csv" for seed in range(20)]
    words = option("histories", files).split()
    assert len(words) == 2 and expanded(words) == ["--histories", *files]
    assert said("a", "xy") == said("a", "xy") != said("a", "x") and said("a", "xy") != said("b", "xy")
    assert len(list(Path("resources/settings").iterdir())) == 4  # nothing half written


def test_settings_by_a_file_are_whole_in_the_command_that_a_record_keeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = SvmSettings(folds=3)
    path = settings_file(settings)
    given = expanded(["--settings", path])
    assert given_settings(SvmSettings, given[1]) == settings
    assert '"folds": 3' in command_line("kanrepro.tu.probe", ["--settings", path])  # needs no file in another clone
    assert settings_file(SvmSettings(folds=4)) != path
