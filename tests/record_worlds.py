"""Synthetic records: valid ones, in any number, written where the workflow would write them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from kanrepro.core.files import write_json
from kanrepro.core.record import Record
from kanrepro.images.record import ImageRecord

WriteCell = Callable[..., list[Path]]
Content = Callable[..., dict[str, Any]]


def _content(
    dataset: str, method: str, reading: str, seed: int, accuracy: float, preset: str = "small"
) -> dict[str, Any]:
    """One valid record as plain JSON; `accuracy` in percent."""
    run = f"results/{preset}/runs/tu/{dataset}/{method}/{reading}/{seed}"
    return {
        "schema": 1,
        "experiment": "tu",
        "dataset": dataset,
        "method": method,
        "encoder": "mlp" if method in ("graphcl", "untrained_mlp", "calibrated_mlp") else "kan",
        "reading": reading,
        "seed": seed,
        "preset": preset,
        "metrics": {"accuracy": {"value": accuracy / 100, "folds": [accuracy / 100] * 10}},
        "details": {"chosen_c": [1.0] * 10},
        "history": {"epochs": 60, "loss": 1.5, "outside_grid": 0.1, "delta_mean": None},
        "settings": {"pretrain": {"epochs": 60, "seed": seed}, "svm": {"folds": 10}},
        "data": {"path": f"resources/tu/{dataset}.safetensors", "sha256": "d" * 64, "graphs": 9},
        "checkpoint": {"path": f"{run}/encoder.safetensors", "sha256": "c" * 64},
        "folds": {"path": f"resources/tu/{dataset}.folds-{seed}.json", "sha256": "f" * 64},
        "code": {"pretrain": "0123456789abcdef", "probe": "fedcba9876543210", "commit": "a" * 40, "dirty": False},
        "versions": {"python": "3.11.7", "torch": "2.13.0"},
        "cost": {
            "hardware": "a processor, 2 cores",
            "device": "cpu",
            "pretrain_seconds": 12.5,
            "probe_seconds": 2.5,
            "peak_memory_mb": 512.0,
        },
        "commands": [
            f"python -m kanrepro.pretraining.pretrain --out {run}",
            f"python -m kanrepro.tu.probe --seed {seed}",
        ],
    }


@pytest.fixture
def content() -> Content:
    """content(dataset, method, reading, seed, accuracy in percent, preset="small") -> a valid record as plain JSON."""
    return _content


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """results/small/records of an empty result tree."""
    path = tmp_path / "results" / "small" / "records"
    path.mkdir(parents=True)
    return path


@pytest.fixture
def write_cell(folder: Path) -> WriteCell:
    """write_cell(dataset, method, reading, accuracies in percent, preset=...) -> the paths of one record per seed."""

    def write(
        dataset: str, method: str, reading: str, accuracies: Sequence[float], preset: str = "small", **changes: object
    ) -> list[Path]:
        paths = []
        for seed, accuracy in enumerate(accuracies):
            record = Record.model_validate(_content(dataset, method, reading, seed, accuracy, preset) | changes)
            paths.append(folder / "tu" / dataset / f"{method}-{reading}-{seed}.json")
            record.write(paths[-1])
        return paths

    return write


@pytest.fixture
def describe(folder: Path) -> Callable[..., Path]:
    """describe(dataset, graphs, mean_nodes, candidates) -> the path of a description."""

    def write(dataset: str, graphs: int, mean_nodes: float, candidates: dict[str, float]) -> Path:
        path = folder / "data" / f"{dataset}.json"
        found = {"dataset": dataset, "graphs": graphs, "mean_nodes": mean_nodes, "candidates": candidates}
        found |= {"classes": {"-1": 63, "1": 125}, "node_labels": 7, "edge_lines": None}
        write_json(path, found)
        return path

    return write


# Image records: tiny ones. Every metric but ECE is the accuracy that a test asks for.

SOLVED = ("deq_mlp", "deq_kan", "deq_kan_certified")
TEST = {"units": 4, "index": [3, 5, 8, 9], "y": [0, 0, 1, 1], "p": [[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.55, 0.45]]}
LOSSES = {"noise": 2.0, "blur": 1.0}  # points of accuracy and AUC at a strength


def _scores(percent: float) -> dict[str, Any]:
    """Scores with an interval of one point to each side; ECE 5 %."""
    values = dict.fromkeys(("accuracy", "precision", "recall", "specificity", "f1", "auc"), percent / 100)
    values |= {"ece": 0.05, "loss": 0.3}
    return {name: {"value": v, "low": v - 0.01, "high": v + 0.01} for name, v in values.items()}


def _image_content(
    dataset: str, model: str, seed: int, accuracy: float, split: str = "grouped", preset: str = "small"
) -> dict[str, Any]:
    """One valid image record as plain JSON; `accuracy` in percent."""
    run = f"results/{preset}/runs/images/{dataset}/{split}/{model}/{seed}"
    harmed = {
        kind: [
            {
                "strength": s,
                "accuracy": (accuracy - loss * s) / 100,
                "auc": (accuracy - loss * s) / 100,
                "f1": (accuracy - loss * s) / 100,
                "ece": 0.05 + loss * s / 100,
                "converged": None,
            }
            for s in range(1, 6)
        ]
        for kind, loss in LOSSES.items()
    }
    of_class = dict.fromkeys(("precision", "recall", "specificity", "f1", "auc"), accuracy / 100) | {"support": 2}
    solved = {"steps_mean": 8.0, "steps_max": 9, "residual_median": 5e-5, "converged": 1.0, "bound": None, "rate": 0.4}
    return {
        "schema": 1,
        "experiment": "images",
        "dataset": dataset,
        "split": split,
        "model": model,
        "seed": seed,
        "preset": preset,
        "size": 8,
        "classes": ["well", "ill"],
        "demo": preset == "demo",
        "metrics": _scores(accuracy),
        "per_class": {"well": of_class, "ill": of_class},
        "confusion": [[2, 0], [1, 1]],
        "without_leaks": None,
        "robustness": harmed,
        "equilibrium": solved if model in SOLVED else None,
        "model_size": {"parameters": 1234567, "flops": 2500000},
        "test": TEST,
        "history": {"epochs": 3, "best_epoch": 2, "validation_loss": 0.4},
        "settings": {"classify": {"training": {"epochs": 3}}, "evaluation": {"bins": 15}},
        "data": {"path": f"resources/images/{dataset}-8.safetensors", "sha256": "d" * 64, "images": 20},
        "checkpoint": {"path": f"{run}/model.safetensors", "sha256": "c" * 64},
        "split_file": {"path": f"resources/images/{dataset}-8.{split}-{seed}.json", "sha256": f"{seed}" * 64},
        "code": {"classify": "0123456789abcdef", "assess": "fedcba9876543210", "commit": "a" * 40, "dirty": False},
        "versions": {"python": "3.11.7", "torch": "2.13.0"},
        "cost": {
            "hardware": "a processor, 2 cores",
            "device": "cpu",
            "train_seconds": 12.5,
            "assess_seconds": 2.5,
            "peak_memory_mb": 512.0,
        },
        "commands": [
            f"python -m kanrepro.images.classify --output {run}",
            f"python -m kanrepro.images.assess --output {run}.json",
        ],
    }


@pytest.fixture
def image_content() -> Content:
    """image_content(dataset, model, seed, accuracy in percent, split=, preset=) -> a valid record as plain JSON."""
    return _image_content


@pytest.fixture
def write_images(folder: Path) -> WriteCell:
    """write_images(dataset, model, accuracies in percent, split=, preset=, **changes) -> paths, a record a seed."""

    def write(
        dataset: str,
        model: str,
        accuracies: Sequence[float],
        split: str = "grouped",
        preset: str = "small",
        **changes: object,
    ) -> list[Path]:
        paths = []
        for seed, accuracy in enumerate(accuracies):
            found = _image_content(dataset, model, seed, accuracy, split, preset) | changes
            paths.append(folder / "images" / dataset / split / f"{model}-{seed}.json")
            ImageRecord.model_validate(found).write(paths[-1])
        return paths

    return write


@pytest.fixture
def clean() -> Callable[[int, float], dict[str, Any]]:
    """clean(images, percent) -> the part of a record on test images that do not leak."""
    return lambda images, percent: {"images": images, "metrics": _scores(percent) if images else {}}
