"""Integer lines: the fast parser against a plain one, whatever the block size."""

import io
import re
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanrepro.core import integers
from kanrepro.core.errors import UserError


def plain(text: bytes, columns: int) -> list[list[int]] | int:
    """The rows, or the number of the first line that is wrong, one line at a time."""
    rows = []
    for number, line in enumerate(text.rstrip().split(b"\n") if text.strip() else [], 1):
        parts = [part.strip() for part in line.split(b",")]
        if len(parts) != columns or not all(re.fullmatch(rb"-?[0-9]{1,18}", part) for part in parts):
            return number
        rows.append([int(part) for part in parts])
    return rows


def fast(text: bytes, columns: int, block: int) -> list[list[int]] | int:
    with mock.patch.object(integers, "BLOCK", block):
        try:
            blocks = list(integers.integer_blocks(io.BytesIO(text), "m", columns))
        except UserError as error:
            found = re.match(r"m, line (\d+): ", str(error))
            assert found
            return int(found[1])
    starts = np.cumsum([1, *(len(rows) for _, rows in blocks)])
    assert [line for line, _ in blocks] == starts[:-1].tolist()
    return [row for _, rows in blocks for row in rows.tolist()]


line = st.lists(st.integers(-(10**18) + 1, 10**18 - 1), min_size=2, max_size=2)
glue = st.sampled_from([",", ", ", " , ", ",\t"])
noise = st.text(alphabet="0123456789-,. \t\r\nx", max_size=40)


@given(st.lists(line, max_size=8), glue, st.sampled_from(["\n", "\r\n"]), st.booleans(), st.integers(60, 200))
def test_lines_that_are_right_are_read(
    rows: list[list[int]], between: str, newline: str, ends: bool, block: int
) -> None:
    text = newline.join(between.join(map(str, row)) for row in rows) + newline * ends
    assert fast(text.encode(), 2, block) == rows


@given(noise, st.integers(1, 3), st.integers(60, 100))
def test_any_text_is_read_as_the_plain_parser_reads_it(text: str, columns: int, block: int) -> None:
    assert fast(text.encode(), columns, block) == plain(text.encode(), columns)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    result = fast(data, 1, 70)
    assert isinstance(result, int) or result == plain(data, 1)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"1, 2\n3; 4\n", "m, line 2: expected 2 integers parted by commas, found '3; 4'."),
        (b"1, 2\n3\n", "m, line 2: expected 2 integers parted by commas, found '3'."),
        (b"1, 2\n\n3, 4\n", "m, line 2: expected 2 integers parted by commas, found ''."),
        (b"1, 2.5\n", "m, line 1: expected 2 integers parted by commas, found '1, 2.5'."),
        (b"1, 1234567890123456789\n", "m, line 1: expected 2 integers parted by commas, found '1, 1234567890123456789'."),  # noqa: E501
    ],
)  # fmt: skip
def test_the_line_at_fault_is_named(text: bytes, says: str) -> None:
    with pytest.raises(UserError) as caught:
        list(integers.integer_blocks(io.BytesIO(text), "m", 2))
    assert str(caught.value) == says


def test_a_file_without_line_ends_is_refused_early() -> None:
    class Endless(io.RawIOBase):
        read_bytes = 0

        def read(self, size: int = -1) -> bytes:
            self.read_bytes += size
            return b"1" * size

    stream = Endless()
    with pytest.raises(UserError, match="line 1: the line is longer than"):
        list(integers.integer_blocks(stream, "m", 1))  # type: ignore[arg-type]
    assert stream.read_bytes <= 3 * integers.BLOCK
