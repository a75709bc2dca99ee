"""Histories of trainings: what is written is read again, cells without a value, faults."""

from pathlib import Path

import numpy as np
import pytest

from kanrepro.core.errors import UserError
from kanrepro.core.history import read_history, write_history

ROWS = [{"epoch": 1, "loss": 0.1 + 0.2, "rho_mean": None}, {"epoch": 2, "loss": 1e-300, "rho_mean": 2.5}]


def test_what_is_written_is_read_again_to_the_last_bit(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    write_history(path, ROWS, ["epoch", "loss", "rho_mean"])
    assert path.read_bytes() == b"epoch,loss,rho_mean\n1,0.30000000000000004,\n2,1e-300,2.5\n"
    found = read_history(path, ["rho_mean", "loss"])
    assert list(found) == ["rho_mean", "loss"] and found["loss"].tolist() == [0.1 + 0.2, 1e-300]
    assert np.isnan(found["rho_mean"][0]) and found["rho_mean"][1] == 2.5


@pytest.mark.parametrize(
    "content", ["epoch,loss\n1\n", "epoch,loss\n1,low\n", "epoch,loss\n1,\xff\n"],
    ids=["a cell is not there", "no number", "not UTF-8"],
)  # fmt: skip
def test_no_such_table_is_one_clear_error(content: str, tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(UserError, match=r"history\.csv is not a training history .*It is damaged: make it again"):
        read_history(path, ["loss"])


def test_a_history_of_other_columns_is_not_called_worthless(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text("epoch\n1\n")
    with pytest.raises(
        UserError,
        match=r"history\.csv is not a training history with a column loss\. Another version of kanrepro made it",
    ):
        read_history(path, ["loss"])


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read .*history\.csv: No such file"):
        read_history(tmp_path / "history.csv", ["loss"])


def test_a_row_of_other_columns_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="rho_mean"):
        write_history(tmp_path / "history.csv", ROWS, ["epoch", "loss"])
    assert not list(tmp_path.iterdir())
