"""The file of a prepared image set."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from image_worlds import image_set

from kanrepro.core.errors import UserError
from kanrepro.images.store import TENSORS, ImageSet


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    made = image_set([0, 1, 1], group=[0, 0, 1], own=[0, 1, 0])
    made.save(tmp_path / "a.safetensors")
    again = ImageSet.load(tmp_path / "a.safetensors")
    for name in TENSORS:
        assert torch.equal(getattr(made, name), getattr(again, name))
    assert again.meta == made.meta and len(again) == 3 and again.classes == ["class0", "class1"]
    made.save(tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"pixels": torch.zeros(3, 1, 4, 4)}, "not uint8"),
        ({"pixels": torch.zeros(3, 2, 4, 4, dtype=torch.uint8)}, "not uint8 \\(M, 1 or 3, S, S\\)"),
        ({"pixels": torch.zeros(3, 1, 4, 5, dtype=torch.uint8)}, "not uint8 \\(M, 1 or 3, S, S\\)"),
        ({"y": torch.tensor([0, 1])}, "y is torch.int64 \\(2,\\) beside 3 images"),
        ({"y": torch.tensor([0, 1, 2])}, "y leaves the range of 2 classes"),
        ({"group": torch.zeros(3)}, "group is torch.float32"),
    ],
)
def test_what_does_not_fit_together_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        replace(image_set([0, 1, 1]), **changes)


def test_a_file_that_is_no_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a.safetensors does not exist. Make it with: .*images.prepare"):
        ImageSet.load(tmp_path / "a.safetensors")
    image_set([0, 1]).save(tmp_path / "b.safetensors")
    whole = (tmp_path / "b.safetensors").read_bytes()
    for content in (b"", b"junk", whole[:-5]):
        (tmp_path / "b.safetensors").write_bytes(content)
        with pytest.raises(UserError, match="b.safetensors is not an image set"):
            ImageSet.load(tmp_path / "b.safetensors")
