"""Records of image classifiers: what is written is read, and nothing else is taken for one."""

import json
from pathlib import Path
from typing import Any

import pytest

from kanrepro.core.errors import UserError
from kanrepro.core.files import read_json
from kanrepro.images.record import ImageRecord


def content() -> dict[str, Any]:
    """A record as JSON, with every part that may be missing there."""
    score = {"value": 0.5, "low": 0.25, "high": None}
    return {
        "schema": 1,
        "experiment": "images",
        "dataset": "squares",
        "split": "grouped",
        "model": "deq_kan",
        "seed": 0,
        "preset": "tiny",
        "size": 12,
        "classes": ["dark", "bright"],
        "demo": True,
        "metrics": {"accuracy": score, "auc": {"value": None, "low": None, "high": None}},
        "per_class": {
            "dark": {"precision": 0.5, "recall": 1.0, "specificity": 0.0, "f1": None, "auc": None, "support": 1}
        },
        "confusion": [[1, 0], [1, 0]],
        "without_leaks": {"images": 1, "metrics": {"accuracy": score}},
        "robustness": {
            "noise": [{"strength": 1, "accuracy": 0.5, "auc": None, "f1": 0.0, "ece": 0.1, "converged": None}]
        },
        "equilibrium": {
            "steps_mean": 7.5, "steps_max": 9, "residual_median": None, "converged": 1.0, "bound": None, "rate": 0.4
        },
        "model_size": {"parameters": 10, "flops": 20},
        "test": {"units": 2, "index": [3, 4], "y": [0, 1], "p": [[0.75, 0.25], [0.5, 0.5]]},
        "history": {"epochs": 5, "best_epoch": 3, "validation_loss": 0.5},
        "settings": {"classify": {}, "evaluation": {}},
        "data": {"path": "s.safetensors", "sha256": "0" * 64, "content": "3" * 64, "source_sha256": None, "images": 5},
        "checkpoint": {"path": "model.safetensors", "sha256": "1" * 64, "content": None},
        "split_file": {"path": "s.json", "sha256": "2" * 64, "content": None},
        "code": {"classify": "a", "assess": "b", "commit": None, "dirty": False},
        "versions": {"python": "3.11"},
        "cost": {
            "hardware": "h", "device": "cpu", "train_seconds": 1.0, "assess_seconds": 1.0, "peak_memory_mb": 1.0
        },
        "commands": ["python -m kanrepro.images.classify", "python -m kanrepro.images.assess"],
    }  # fmt: skip


def written(folder: Path, **changes: Any) -> Path:
    path = folder / "record.json"
    path.write_text(json.dumps({**content(), **changes}))
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    made = ImageRecord.read(written(tmp_path))
    made.write(tmp_path / "again.json")
    assert read_json(tmp_path / "again.json") == content()
    assert ImageRecord.read(tmp_path / "again.json") == made


@pytest.mark.parametrize("part", ["without_leaks", "equilibrium"])
def test_what_a_model_does_not_have_is_null(part: str, tmp_path: Path) -> None:
    assert getattr(ImageRecord.read(written(tmp_path, **{part: None})), part) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": 2}, "schema"),
        ({"experiment": "tu"}, "experiment"),
        ({"more": 1}, "more"),
        ({"history": {"epochs": 5, "best_epoch": 3}}, "history.validation_loss"),
        ({"metrics": {"accuracy": {"value": float("nan")}}}, "metrics.accuracy.value"),
    ],
)
def test_what_is_no_record_is_named(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"record.json is not a record: {message}"):
        ImageRecord.read(written(tmp_path, **changes))


def test_a_missing_or_truncated_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere.json cannot be read"):
        ImageRecord.read(tmp_path / "nowhere.json")
    path = written(tmp_path)
    path.write_text(path.read_text()[:-20])
    with pytest.raises(UserError, match="not valid JSON"):
        ImageRecord.read(path)
