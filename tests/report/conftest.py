"""Synthetic records: valid ones, in any number, written where the workflow would write them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from kanrepro.files import write_json
from kanrepro.record import Record

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
        "encoder": "mlp" if method in ("graphcl", "untrained_mlp") else "kan",
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
        "commands": [f"python -m kanrepro.pretrain --out {run}", f"python -m kanrepro.probe --seed {seed}"],
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
