"""A full disk: one clear message, no partial output, and the state before is still there."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from kanrepro import checkpoint
from kanrepro.errors import UserError
from kanrepro.files import write_json


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB; a skip where none can be mounted."""
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


def test_nothing_half_written_and_the_old_file_stays(small_disk: Path) -> None:
    write_json(small_disk / "a.json", {"x": 1})
    before = (small_disk / "a.json").read_bytes()
    with pytest.raises(UserError, match="cannot write .*a.json: No space left on device"):
        write_json(small_disk / "a.json", {"x": "y" * 200_000})
    assert (small_disk / "a.json").read_bytes() == before
    assert [p.name for p in small_disk.iterdir()] == ["a.json"]


def test_a_training_state_survives_a_disk_that_fills_up(small_disk: Path) -> None:
    state = small_disk / "state.safetensors"
    checkpoint.save_state(state, {"a": torch.zeros(100)}, {"identity": {}, "epoch": 1})
    with pytest.raises(UserError, match="No space left on device.*Nothing was left half written"):
        checkpoint.save_state(state, {"a": torch.zeros(100_000)}, {"identity": {}, "epoch": 2})
    found = checkpoint.load_state(state, {})
    assert found is not None and found[1]["epoch"] == 1
