"""Streams of integer lines ("17, 4"), parsed in blocks with numpy: bounded memory, every error names the line."""

import re
from collections.abc import Iterator
from typing import IO

import numpy as np
from numpy.typing import NDArray

from kanrepro.core.errors import UserError

BLOCK = 1 << 20  # bytes read at once: larger blocks make zipfile slower (it joins what it decompressed), not faster
LONGEST = 18  # digits that always fit into int64
_KIND = np.full(256, 5, np.uint8)  # what each byte is: 0 digit, 1 minus, 2 space, 3 comma, 4 newline, 5 not allowed
_KIND[ord("0") : ord("9") + 1] = 0
_KIND[[ord("-"), ord(" "), ord("\t"), ord("\r"), ord(","), ord("\n")]] = [1, 2, 2, 2, 3, 4]


def integer_blocks(stream: IO[bytes], member: str, columns: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield (line number of the first row, rows (L, columns) int64) for block after block of a text stream.

    A line is `columns` integers parted by commas; spaces and a carriage return around them are allowed, and empty lines
    at the very end.

    Raises:
        UserError: naming `member` and the line that is something else.
    """
    rest, line = b"", 1
    while True:
        data = stream.read(BLOCK)
        text = rest + data
        body = text.rstrip()
        cut = body.rfind(b"\n") + 1 if data else len(body)  # the last line waits: it may not be whole yet
        block, rest = body[:cut], text[cut:]
        if len(rest) > BLOCK:
            raise UserError(f"{member}, line {line}: the line is longer than {BLOCK} bytes. Is this a text file?")
        if block:
            block = block if data else block + b"\n"
            rows = _parse(block, columns)
            if rows is None:
                raise _fault(block, member, line, columns)
            yield line, rows
            line += len(rows)
        if not data:
            return


def integers(stream: IO[bytes], member: str) -> NDArray[np.int64]:
    """All lines of a stream with one integer each, as (L,) int64. Errors as in `integer_blocks`."""
    blocks = [rows[:, 0] for _, rows in integer_blocks(stream, member, 1)]
    return np.concatenate(blocks) if blocks else np.empty(0, np.int64)


def _parse(block: bytes, columns: int) -> NDArray[np.int64] | None:
    """The rows of a block of whole lines, or None where a line does not hold exactly `columns` integers."""
    raw = np.frombuffer(block, np.uint8)
    kind = _KIND[raw]
    marks = kind[kind > 2]
    if marks.size % columns or not (marks.reshape(-1, columns) == ([3] * (columns - 1) + [4])).all():
        return None
    within = kind < 2  # a block ends with a newline, so every number ends inside it
    edges = np.flatnonzero(np.diff(within, prepend=False))
    first, stop = edges[0::2], edges[1::2]
    negative = kind[first] == 1
    first = first + negative
    digits = stop - first
    # as many numbers as separators, one before each, and a minus only in front: this leaves just "int, int\n"
    ends = np.flatnonzero(kind > 2)
    if first.size != marks.size or (stop > ends).any() or (first[1:] < ends[:-1]).any():
        return None
    if digits.size == 0 or digits.min() < 1 or digits.max() > LONGEST or (kind == 1).sum() != negative.sum():
        return None
    value = np.zeros(first.size, np.int64)
    for k in range(int(digits.max())):
        more = digits > k
        value[more] = value[more] * 10 + (raw[first[more] + k] - 48)
    return np.where(negative, -value, value).reshape(-1, columns)


def _fault(block: bytes, member: str, line: int, columns: int) -> UserError:
    """The error for the first line of `block` that is not `columns` integers."""
    good = re.compile(rb"\s*,\s*".join([rb"-?\d{1,%d}" % LONGEST] * columns))
    faults = ((i, t) for i, t in enumerate(block.split(b"\n"), line) if not good.fullmatch(t.strip()))
    at, text = next(faults)
    wanted = "one integer" if columns == 1 else f"{columns} integers parted by commas"
    return UserError(
        f"{member}, line {at}: expected {wanted}, found {text.decode('utf-8', 'backslashreplace')[:80]!r}."
    )
