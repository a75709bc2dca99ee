"""ImageSet: all images of a set as one tensor, with what each of them is and which belong together."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import torch
from torch import Tensor

from kanrepro.core.errors import UserError
from kanrepro.core.files import read_tensors, write_tensors

TENSORS = ("pixels", "y", "group", "content", "source_split")


@dataclass(frozen=True)
class ImageSet:
    """A prepared set of M images, in one file, memory-mapped.

    Attributes:
        pixels: (M, C, S, S) uint8; C = 1 (grey) or 3 (red, green, blue).
        y: (M,) int64 class ids.
        group: (M,) int64; images of one patient or tile share a number, an image of which nothing is known has its own.
        content: (M,) int64; images whose decoded source pixels are identical share a number.
        source_split: (M,) int8; 0 the set's training folder, 1 its test folder, -1 where it has none.
        meta: JSON-able facts: name, classes (names in the order of y), counts, size, channels, names (M files),
            excluded ([{file, reason}]), grouped (images whose group the set tells), source_sha256, demo, ...
    """

    pixels: Tensor
    y: Tensor
    group: Tensor
    content: Tensor
    source_split: Tensor
    meta: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.check()

    def __len__(self) -> int:
        return self.y.numel()

    @property
    def classes(self) -> list[str]:
        """Names in the order of y."""
        return self.meta["classes"]

    def check(self) -> None:
        """Raise ValueError where shapes, types or numbers do not fit together."""
        images, *shape = self.pixels.shape
        if self.pixels.dtype != torch.uint8 or len(shape) != 3 or shape[0] not in (1, 3) or shape[1] != shape[2]:
            raise ValueError(f"pixels are {self.pixels.dtype} {tuple(self.pixels.shape)}, not uint8 (M, 1 or 3, S, S)")
        for name in TENSORS[1:]:
            tensor = getattr(self, name)
            if tensor.shape != (images,) or tensor.dtype != (torch.int8 if name == "source_split" else torch.int64):
                raise ValueError(f"{name} is {tensor.dtype} {tuple(tensor.shape)} beside {images} images")
        if images and not 0 <= int(self.y.min()) <= int(self.y.max()) < len(self.classes):
            raise ValueError(f"y leaves the range of {len(self.classes)} classes")

    def save(self, path: Path | str) -> None:
        """Write everything into one safetensors file, atomically."""
        write_tensors(path, {name: getattr(self, name).contiguous() for name in TENSORS}, self.meta)

    @classmethod
    def load(cls, path: Path | str) -> "ImageSet":
        """Open a set; tensors are memory-mapped until they are touched.

        Raises:
            UserError: the file is missing, truncated or not an image set.
        """
        try:
            tensors, meta = read_tensors(path)
            return cls(**{name: tensors[name] for name in TENSORS}, meta=meta)
        except FileNotFoundError:
            raise UserError(f"{path} does not exist. Make it with: python -m kanrepro.images.prepare --help") from None
        except (safetensors.SafetensorError, KeyError, ValueError, TypeError, OSError, RuntimeError) as error:
            raise UserError(f"{path} is not an image set ({error}). Delete it and prepare the set again.") from error
