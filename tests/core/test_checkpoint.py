"""Checkpoints: equal bytes for equal content, damage found, the state before as a fallback."""

from pathlib import Path

import pytest
import torch

from kanrepro.core import checkpoint
from kanrepro.core.errors import UserError

TENSORS = {"b": torch.arange(6.0).reshape(2, 3), "a": torch.tensor(7), "c": torch.zeros(0, 4)}
META = {"identity": {"seed": 1}, "history": [{"loss": 1.5}]}


def test_round_trip_and_equal_bytes(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "x", TENSORS, META)
    checkpoint.save(tmp_path / "y", dict(reversed(TENSORS.items())), META)
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes()
    tensors, meta = checkpoint.load(tmp_path / "x")
    assert meta == META
    assert tensors.keys() == TENSORS.keys() and all(torch.equal(tensors[n], TENSORS[n]) for n in TENSORS)


def test_every_flipped_bit_and_every_truncation_is_found(tmp_path: Path) -> None:
    path = tmp_path / "x"
    checkpoint.save(path, TENSORS, META)
    whole = path.read_bytes()
    for position in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[position] ^= 0x04
        path.write_bytes(bytes(damaged))
        try:
            tensors, meta = checkpoint.load(path)
        except UserError as error:
            assert str(path) in str(error)
        else:  # a flip in the header's padding changes nothing that is read
            assert meta == META and all(torch.equal(tensors[n], TENSORS[n]) for n in TENSORS), position
    for length in range(0, len(whole), 11):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError, match="x does not hold what was written|x is not a readable checkpoint"):
            checkpoint.load(path)


def test_a_pickle_is_refused_and_not_executed(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "x")
    with pytest.raises(UserError, match="not a readable checkpoint"):
        checkpoint.load(tmp_path / "x")


def test_a_corrupt_state_gives_way_to_the_one_before(tmp_path: Path) -> None:
    path, said = tmp_path / "state", []
    for loss in (1.5, 2.5):
        checkpoint.save_state(path, TENSORS, {"identity": {"seed": 1}, "loss": loss})
    found = checkpoint.load_state(path, {"seed": 1}, said.append)
    assert found is not None and found[1]["loss"] == 2.5 and said == []
    path.write_bytes(path.read_bytes()[:-3])
    found = checkpoint.load_state(path, {"seed": 1}, said.append)
    assert found is not None and found[1]["loss"] == 1.5
    assert len(said) == 1 and "Falling back to the state before it" in said[0]


def test_a_state_of_another_run_is_not_taken(tmp_path: Path) -> None:
    said: list[str] = []
    checkpoint.save_state(tmp_path / "state", TENSORS, {"identity": {"seed": 1}})
    assert checkpoint.load_state(tmp_path / "state", {"seed": 2}, said.append) is None
    assert "another run (seed differ)" in said[0]
    assert checkpoint.load_state(tmp_path / "none", {"seed": 2}, said.append) is None
