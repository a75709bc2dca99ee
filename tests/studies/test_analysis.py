"""Documents about encoders: bounds that hold, scores that find planted components, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kanrepro.core.errors import UserError
from kanrepro.core.files import read_json
from kanrepro.kan.bounds import printed_bound, spline_variation, variation_bound
from kanrepro.kan.spline import Grid
from kanrepro.studies import criticality, splines
from kanrepro.studies.report import analysis_figure


def test_no_spline_crosses_the_corrected_bound_and_the_printed_one_is_crossed() -> None:
    grid = Grid(5, 3, -1.0, 1.0)
    coefficients = torch.randn(12, 20, 8, generator=torch.Generator().manual_seed(0))
    coefficients[0, 0] = torch.tensor([-1.0] * 4 + [1.0] * 4)  # the counterexample of docs/findings
    found = splines.describe([coefficients], grid)
    assert found["above"]["sharp"] == found["above"]["corrected"] == 0 < found["above"]["printed"] < 0.5
    assert found["splines"] == 240 and len(found["cloud"]["spline"]) == 240
    above = (spline_variation(coefficients, grid) > printed_bound(coefficients, grid)).double().mean()
    assert found["above"]["printed"] == pytest.approx(float(above))
    for name, sharp in (("sharp", True), ("corrected", False)):
        spread = coefficients.double().var(-1, correction=0)
        by_hand = variation_bound(coefficients, grid, sharp) / 2
        assert torch.allclose(found["bounds"][name] * spread, by_hand)


def test_shown_splines_are_those_of_their_place() -> None:
    grid = Grid(5, 3, -3.0, 3.0)
    layers = [torch.randn(3, 4, 8, generator=torch.Generator().manual_seed(n)) for n in range(2)]
    for shown in splines.describe(layers, grid)["shown"]:
        coefficients = layers[shown["block"]][shown["input"], shown["output"]]
        assert shown["coefficients"] == pytest.approx(coefficients.tolist())
        at_the_end = float(coefficients[:3] @ torch.tensor([1 / 6, 4 / 6, 1 / 6]))  # cubic bases at a knot
        assert shown["y"][0] == pytest.approx(at_the_end, rel=1e-4, abs=1e-6)


@pytest.fixture
def planted() -> dict[str, Any]:
    """Two of ten components tell the classes; delta ranks them first, rho ranks nothing."""
    rng = np.random.default_rng(0)
    y = np.arange(200) % 2
    z = rng.normal(size=(200, 10))
    z[:, :2] += 1.5 * (2 * y[:, None] - 1)
    test = [list(range(part, 200, 5)) for part in range(5)]
    return criticality.examine(z, y, test, np.arange(10.0, 0, -1), np.ones(10), seed=0)


def test_removal_finds_what_was_planted(planted: dict[str, Any]) -> None:
    lost = np.array(planted["lost"])
    assert set(lost.argsort()[-2:]) == {0, 1} and lost[:2].min() > 0.01
    left = planted["removal"]
    assert left["removed"][:3] == [0, 1, 2] and left["delta"][0] == planted["accuracy"]
    assert left["random"][0] == pytest.approx(planted["accuracy"])
    assert left["delta"][2] < 0.7 < left["delta-least"][8]  # without the two there is chance; with them alone, all
    assert planted["correlations"]["delta, rho"] is None  # rho is the same for all components
    assert planted["correlations"]["delta, lost"] > 0


def test_stages_and_figures_from_an_encoder(trained: dict[str, Path], tmp_path: Path) -> None:
    head = ["--checkpoint", str(trained["kan"]), "--preset", "small"]
    splines.main([*head, "--output", str(tmp_path / "s.json")])
    more = ["--store", str(trained["store"]), "--folds", str(trained["folds"])]
    criticality.main([*head, *more, "--output", str(tmp_path / "c.json")])
    found, other = read_json(tmp_path / "c.json"), read_json(tmp_path / "s.json")
    assert len(found["delta"]) == len(found["lost"]) == found["components"] == 24
    assert found["dataset"] == other["dataset"] and found["commands"][0].startswith("python -m kanrepro.studies.")
    for figure, name in (("figure2b", "s"), ("ckfi", "c")):
        options = ["--figure", figure, "--documents", str(tmp_path / f"{name}.json"), "--preset", "small"]
        analysis_figure.main([*options, "--output-stem", str(tmp_path / figure)])
        first = (tmp_path / f"{figure}.svg").read_bytes()
        analysis_figure.main([*options, "--output-stem", str(tmp_path / figure)])
        assert first == (tmp_path / f"{figure}.svg").read_bytes()
        assert (tmp_path / f"{figure}.png").stat().st_size > 9000


def test_documents_that_do_not_belong_are_refused(trained: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    splines.main(["--checkpoint", str(trained["kan"]), "--preset", "small", "--output", str(path)])
    with pytest.raises(UserError, match="s.json is about 'splines', not 'criticality'"):
        analysis_figure.build("ckfi", [path], "small")
    with pytest.raises(UserError, match="made with preset 'small', not 'paper'"):
        analysis_figure.build("figure2b", [path], "paper")
    with pytest.raises(UserError, match="Did you mean 'figure2b'"):
        analysis_figure.build("figure2", [], "small")
    (tmp_path / "half.json").write_text(path.read_text()[:200])
    with pytest.raises(UserError, match="half.json is not valid JSON"):
        analysis_figure.build("figure2b", [tmp_path / "half.json"], "small")


def test_an_mlp_has_no_splines_and_no_scores(trained: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no KAN, but an MLP"):
        splines.main(["--checkpoint", str(trained["mlp"]), "--output", str(tmp_path / "s.json")])
    files = ["--store", str(trained["store"]), "--folds", str(trained["folds"])]
    with pytest.raises(UserError, match="has no KAN, but an MLP"):
        criticality.main(["--checkpoint", str(trained["mlp"]), *files, "--output", str(tmp_path / "c.json")])
