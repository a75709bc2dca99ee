"""Idx files: what was written is read, and what is no whole idx file is refused by name."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from kanrepro.core.errors import UserError
from kanrepro.superpixels import idx


@pytest.mark.parametrize("packed", [True, False])
def test_what_was_written_is_read(write_idx, tmp_path: Path, packed: bool) -> None:
    images = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    labels = np.array([7, 0], np.uint8)
    paths = [write_idx(tmp_path / "i", images, packed), write_idx(tmp_path / "l", labels, packed)]
    found, classes = idx.read_part(*paths)
    assert np.array_equal(found, images) and np.array_equal(classes, labels)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "begins with nothing"),
        (b"\0\0\x08\x01\0\0\0\1\5", "not 00 00 08 03"),
        (b"<html>no such file</html>", "begins with 3c 68 74 6d"),
        (b"\0\0\x08\x03\0\0\0\1", "header states the sizes (1,)"),
        (b"\0\0\x08\x03\0\0\0\2\0\0\0\1\0\0\0\1\5", "states 2 bytes, but it holds only 1"),
        (b"\0\0\x08\x03\0\0\0\1\0\0\0\1\0\0\0\1\5\5", "states 1 bytes, but it holds more"),
        (b"\0\0\x08\x03\xff\xff\xff\xff\0\0\xff\xff\0\0\xff\xff", "header states the sizes"),
        (gzip.compress(b"\0\0\x08\x03\0\0\0\1\0\0\0\1\0\0\0\1\5")[:-4], "cannot be read"),
    ],
)
def test_no_whole_idx_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "images.gz"
    path.write_bytes(content)
    with pytest.raises(UserError, match=str(path)) as error:
        idx.read(path, 3)
    assert message in str(error.value) and "Fetch it again" in str(error.value)


def test_parts_must_fit_and_hold_something(write_idx, tmp_path: Path) -> None:
    two = write_idx(tmp_path / "two", np.zeros((2, 4, 4), np.uint8))
    none = write_idx(tmp_path / "none", np.zeros((0, 4, 4), np.uint8))
    with pytest.raises(UserError, match="2 images, but .* 1 labels"):
        idx.read_part(two, write_idx(tmp_path / "l", np.zeros(1, np.uint8)))
    with pytest.raises(UserError, match="holds no image"):
        idx.read_part(none, write_idx(tmp_path / "l", np.zeros(0, np.uint8)))
    with pytest.raises(UserError, match="does not exist"):
        idx.read(tmp_path / "nothing", 3)


def test_digits_are_enlarged_and_their_parts_disjoint() -> None:
    (train, y), (test, other) = idx.digits("train"), idx.digits("test")
    assert train.shape == (1437, 28, 28) and test.shape == (360, 28, 28) and train.dtype == np.uint8
    assert set(y.tolist()) == set(other.tolist()) == set(range(10)) and train.max() == 255
