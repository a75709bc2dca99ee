"""Small sets of images in idx files."""

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

WriteIdx = Callable[..., Path]


def _write(path: Path, content: NDArray[np.uint8], packed: bool = True) -> Path:
    raw = struct.pack(f">BBBB{content.ndim}I", 0, 0, 8, content.ndim, *content.shape) + content.tobytes()
    path.write_bytes(gzip.compress(raw) if packed else raw)
    return path


@pytest.fixture
def write_idx() -> WriteIdx:
    """write_idx(path, bytes as an array, packed=True) -> the path of an idx file of them."""
    return _write


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Twelve images of 8 x 8, three of each of four classes, and their labels."""
    images = np.random.default_rng(0).integers(0, 256, (12, 8, 8)).astype(np.uint8)
    labels = np.arange(12).astype(np.uint8) % 4
    return [_write(tmp_path / "images.gz", images), _write(tmp_path / "labels.gz", labels)]
