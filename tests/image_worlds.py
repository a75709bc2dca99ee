"""Small worlds of images: files, archives and sets whose whole content a test knows."""

import io
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from kanrepro.images.catalog import ImageEntry
from kanrepro.images.store import ImageSet


def noise(seed: int, width: int = 12, height: int = 10, mode: str = "L") -> Image.Image:
    """An image that no other seed gives."""
    shape = (height, width) if mode == "L" else (height, width, len(mode))
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8), mode=None)


def encoded(image: Image.Image, form: str = "PNG") -> bytes:
    """An image as the bytes of a file."""
    stream = io.BytesIO()
    image.save(stream, form)
    return stream.getvalue()


def tarred(path: Path, files: Mapping[str, bytes], mode: Any = "w") -> Path:
    """A tar archive of these files, in this order."""
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def image_entry(**fields: Any) -> ImageEntry:
    """A grey set of cats and dogs."""
    return ImageEntry(
        **{"name": "PETS", "address": "x", "channels": 1, "classes": {"cat": ["cats"], "dog": ["dogs"]}, **fields}
    )


def image_set(
    y: Sequence[int],
    group: Sequence[int] | None = None,
    content: Sequence[int] | None = None,
    own: Sequence[int] | None = None,
    size: int = 4,
    classes: Sequence[str] | None = None,
) -> ImageSet:
    """A set of random pixels; nothing belongs together unless it is said."""
    count = len(y)
    names = list(classes or (f"class{i}" for i in range(max(y) + 1)))
    pixels = torch.randint(0, 256, (count, 1, size, size), generator=torch.Generator().manual_seed(count))
    return ImageSet(
        pixels=pixels.to(torch.uint8),
        y=torch.tensor(y),
        group=torch.tensor(group if group is not None else range(count)),
        content=torch.tensor(content if content is not None else range(count)),
        source_split=torch.tensor(own if own is not None else [-1] * count, dtype=torch.int8),
        meta={
            "name": "TOY",
            "classes": names,
            "counts": {name: list(y).count(i) for i, name in enumerate(names)},
            "size": size,
            "channels": 1,
            "names": [f"{i}.png" for i in range(count)],
            "grouped": count if group is not None else 0,
            "excluded": [],
            "demo": False,
        },
    )
