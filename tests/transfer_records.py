"""Synthetic records of transfer learning, written where the workflow would write them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kanrepro.molecules.record import MeasureRecord, TransferRecord

MLPS = ("graphcl", "attr_masking", "untrained_mlp")
COST = {"hardware": "a processor, 2 cores", "device": "cpu", "seconds": 12.5, "peak_memory_mb": 512.0}
TRAINED = {
    "encoder": {"layers": 5, "hidden": 64, "network": "kan"},
    "optimiser": {"learning_rate": 0.001, "batch_size": 256},
}


def scores(epoch: int | None, test: float) -> dict[str, Any]:
    """Scores in percent; the second of two tasks has one class in test."""
    return {
        "epoch": epoch,
        "validation": 0.75,
        "test": test / 100,
        "validation_tasks": [0.75, 0.75],
        "test_tasks": [test / 100, None],
    }


def content(
    dataset: str, method: str, reading: str, seed: int, best: float, last: float, preset: str = "small"
) -> dict[str, Any]:
    """One valid record as plain JSON; `best` and `last` in percent."""
    control = method == "fingerprint"
    run = f"results/{preset}/runs/molecules/zinc-parts/{method}/{reading}/0"
    trained = {
        "dataset": "zinc-parts",
        "molecules": 100000,
        "epochs": 0 if method.startswith("untrained") else 3,
        "seed": 0,
        "seconds": 60.0,
        "code": "0123456789abcdef",
        "settings": TRAINED,
    }
    return {
        "schema": 1,
        "experiment": "transfer",
        "dataset": dataset,
        "method": method,
        "encoder": "ecfp" if control else "mlp" if method in MLPS else "kan",
        "reading": reading,
        "seed": seed,
        "preset": preset,
        "demo": preset == "demo",
        "tasks": ["one", "two"],
        "excluded": {"train": [], "validation": [], "test": ["two"]},
        "best": scores(None if control else 2, best),
        "last": None if control else scores(5, last),
        "curves": {"train_loss": [], "validation": [], "test": []},
        "settings": {"fingerprint": {"bits": 2048}} if control else {"finetune": {"epochs": 5}},
        "pretraining": None if control else trained,
        "data": {"path": f"resources/molecules/{dataset}.safetensors", "sha256": "d" * 64, "molecules": 9},
        "split": "scaffold",
        "split_file": {"path": f"resources/molecules/{dataset}.scaffold-0.json", "sha256": "f" * 64},
        "checkpoint": None if control else {"path": f"{run}/encoder.safetensors", "sha256": "c" * 64},
        "code": {"stage": "fingerprint" if control else "finetune", "digest": "fedcba9876543210", "commit": "a" * 40},
        "versions": {"python": "3.11.7", "torch": "2.13.0"},
        "cost": COST,
        "commands": ["python -m kanrepro.molecules.finetune --seeds 0 1"],
    }


def write(
    folder: Path, dataset: str, method: str, reading: str, found: Sequence[tuple[float, float]], preset: str = "small"
) -> list[Path]:
    """One record a seed, of (best, last) in percent."""
    paths = []
    for seed, (best, last) in enumerate(found):
        record = TransferRecord.model_validate(content(dataset, method, reading, seed, best, last, preset))
        paths.append(folder / "transfer" / dataset / f"{method}-{reading}-{seed}.json")
        record.write(paths[-1])
    return paths


def write_measure(folder: Path, medians: dict[str, float], width: int = 64, preset: str = "small") -> Path:
    """A record of clocked steps."""
    clocks = {
        name: {"median": m, "lower_quartile": m - 0.1, "upper_quartile": m + 0.1, "least": m / 2, "most": 2 * m}
        | {"steps": 9}
        for name, m in medians.items()
    }
    made = {
        "schema": 1,
        "experiment": "measure",
        "preset": preset,
        "demo": preset == "demo",
        "dataset": "zinc-parts",
        "width": width,
        "batch_size": 256,
        "threads": 1,
        "methods": clocks,
        "settings": {},
        "data": {"path": "resources/molecules/zinc-parts.safetensors", "sha256": "d" * 64, "molecules": 100},
        "code": {"stage": "measure", "digest": "fedcba9876543210"},
        "versions": {},
        "cost": COST,
        "commands": ["python -m kanrepro.molecules.measure"],
    }
    path = folder / "measure" / f"{width}.json"
    MeasureRecord.model_validate(made).write(path)
    return path
