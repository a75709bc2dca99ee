"""A tiny set of images that any classifier must learn: a bright or a dark square on a noisy grey ground."""

import json
from pathlib import Path
from typing import Any

import torch

from kanrepro.data.images import ImageSet
from kanrepro.files import sha256, write_json

SMALL: dict[str, Any] = {
    "model": {
        "backbone": {"channels": 4, "width": 16, "depth": 1, "patches": 4},
        "head": {"hidden": 8, "basis": {"knots": 5}},
    },
    "training": {"epochs": 6, "batch_size": 8, "learning_rate": 3e-3, "warmup": 1, "patience": 6},
}


def squares(
    images: int = 40, size: int = 12, classes: tuple[str, ...] = ("dark", "bright"), channels: int = 1
) -> ImageSet:
    """Image i has a square of class i mod classes, the last of them the brightest, anywhere. No two are the same."""
    generator = torch.Generator().manual_seed(7)
    pixels = torch.randint(110, 146, (images, channels, size, size), generator=generator, dtype=torch.uint8)
    y = torch.arange(images) % len(classes)
    corners = torch.randint(0, size - size // 3 + 1, (images, 2), generator=generator).tolist()
    for image, label, (top, left) in zip(pixels, y.tolist(), corners, strict=True):
        image[:, top : top + size // 3, left : left + size // 3] = 255 * label // (len(classes) - 1)
    own = torch.arange(images)
    meta = {"name": "squares", "classes": list(classes), "size": size, "channels": channels, "demo": True}
    return ImageSet(pixels, y, own, own.clone(), torch.full((images,), -1, dtype=torch.int8), meta)


def write_world(folder: Path, leaked: int = 2, **shape: Any) -> tuple[Path, Path]:
    """A store of squares and a split of it, seven tenths, one, two; the first `leaked` test images count as leaked."""
    store, split = folder / "squares-12.safetensors", folder / "squares-12.grouped-0.json"
    made = squares(**shape)
    made.save(store)
    train, validation = 7 * len(made) // 10, 8 * len(made) // 10
    order = list(range(len(made)))
    test = order[validation:]
    content = {"train": order[:train], "validation": order[train:validation], "test": test, "leaked": test[:leaked]}
    write_json(split, {"schema": 1, "set": sha256(store), "split": "grouped", "seed": 0, **content, "notes": []})
    return store, split


def settings(**training: Any) -> str:
    """SMALL as --settings has it, with changes to the training."""
    return json.dumps({**SMALL, "training": {**SMALL["training"], **training}})
