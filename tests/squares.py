"""A tiny set of images that any classifier must learn: a bright or a dark square on a noisy grey ground."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kanrepro.core.files import sha256, write_json
from kanrepro.core.parts import merged
from kanrepro.images.settings import ClassifySettings
from kanrepro.images.splits import Split
from kanrepro.images.store import ImageSet
from kanrepro.images.variants import changes_of

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


def divided(images: int, leaked: int = 2) -> Split:
    """The first seven tenths train, the next one validates, the last two test; the first `leaked` of these leak."""
    order = np.arange(images)
    train, validation, test = np.split(order, [7 * images // 10, 8 * images // 10])
    return Split(train, validation, test, test[:leaked])


def write_world(folder: Path, leaked: int = 2, **shape: Any) -> tuple[Path, Path]:
    """A store of squares and a file with its division."""
    store, split = folder / "squares-12.safetensors", folder / "squares-12.grouped-0.json"
    made = squares(**shape)
    made.save(store)
    parts = divided(len(made), leaked)
    content = {name: getattr(parts, name).tolist() for name in ("train", "validation", "test", "leaked")}
    write_json(split, {"schema": 1, "set": sha256(store), "split": "grouped", "seed": 0, **content, "notes": []})
    return store, split


def small(model: str = "cnn", **training: Any) -> ClassifySettings:
    """The settings of a tiny classifier, with changes to its training."""
    made = merged(merged(ClassifySettings().model_dump(mode="json"), changes_of(model)), SMALL)
    return ClassifySettings.model_validate(merged(made, {"training": training}))


def option(**training: Any) -> str:
    """What --settings says for a tiny classifier, with changes to its training."""
    return json.dumps(merged(SMALL, {"training": training}))
