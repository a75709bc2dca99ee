"""The memory stage at tiny sizes: a whole document, exact steps, and failures that are told."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from kanrepro.core.errors import UserError
from kanrepro.core.files import read_json
from kanrepro.images import memory


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    output = tmp_path_factory.mktemp("memory") / "memory.json"
    options = ["--widths", "64", "--batch", "512", "--steps", "45", "5", "--preset", "tiny"]
    memory.main(["--output", str(output), *options])
    return read_json(output)


def test_the_document(made: dict[str, Any]) -> None:
    assert made["schema"] == 1 and made["experiment"] == "memory" and made["preset"] == "tiny"
    told = [(point["gradient"], point["steps"], point["width"], point["batch"]) for point in made["points"]]
    assert told == [(gradient, steps, 64, 512) for gradient in ("implicit", "unrolled") for steps in (5, 45)]
    for point in made["points"]:
        assert 0 < point["base_mb"] <= point["peak_mb"] and point["seconds"] > 0
    assert made["commands"][0].startswith("python -m kanrepro.images.memory --output ") and made["versions"]["torch"]
    assert set(made["code"]) == {"memory", "commit", "dirty"}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the peak cannot be forgotten")
def test_unrolled_steps_cost_memory_and_implicit_ones_do_not(made: dict[str, Any]) -> None:
    """Forty more steps at batch 512 and width 64 keep some 50 MB of activations, if they are kept."""
    above = {(point["gradient"], point["steps"]): point["peak_mb"] - point["base_mb"] for point in made["points"]}
    assert above["unrolled", 45] - above["unrolled", 5] > 30
    assert abs(above["implicit", 45] - above["implicit", 5]) < 3


def test_the_steps_are_exact(capsys: pytest.CaptureFixture[str]) -> None:
    """More steps than float32 has digits for: the measurement checks that none was saved."""
    memory.main(["--point", "implicit", "60", "6", "3", "cpu", "1"])
    assert set(json.loads(capsys.readouterr().out)) == {"base_mb", "peak_mb", "seconds"}


def test_failures_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="implicit solve of 2 steps, width 4, batch 2: .*'abacus' is none of"):
        memory.point("implicit", 2, 4, 2, "abacus", 1)
    with pytest.raises(UserError, match="--output is missing"):
        memory.main([])
    with pytest.raises(UserError, match=r"--steps is \[0\]"):
        memory.main(["--output", str(tmp_path / "a.json"), "--steps", "0"])
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(UserError, match="as one that the system stops"):
        memory.point("implicit", 2, 4, 2, "cpu", 1)
