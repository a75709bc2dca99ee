"""What the jobs of all families share: which files are wanted, and options as text."""

from pathlib import Path

import pytest

from kanrepro.core.jobs import Place, catalog_options, option


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


def test_tables_have_four_forms_and_figures_two() -> None:
    place = Place("small")
    assert place.table_files("t") == [f"results/small/tables/t.{form}" for form in ("md", "csv", "tex", "html")]
    assert place.figure_files("f") == ["results/small/figures/f.png", "results/small/figures/f.svg"]


def test_an_option_without_values_is_left_out() -> None:
    assert option("seeds", [0, 1]) == "--seeds 0 1"
    assert option("seeds", []) == ""
    assert catalog_options(["my sets.yaml", "b.yaml"]) == "--catalog 'my sets.yaml' --catalog b.yaml"
