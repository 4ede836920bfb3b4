"""Counts the rows of delimited text if every quote is where CSV has it.

A quote opens at the start of a cell and closes at its end; inside, it is doubled. If one is
anywhere else, nothing is counted: only a parser can tell what it means.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_BLOCK_BYTES = 1 << 22
_LONGEST_BYTES = 1 << 26
_LF, _CR = 10, 13


def count_rows(file: Path, start: int, delimiter: str, quote: str) -> int | None:
    """Non-empty rows from byte `start` on; None if a quote or a line end is irregular."""
    signs = (delimiter + quote).encode()
    if len(signs) != 2:
        return None
    rows, inside = 0, False
    for block in _blocks(file, start):
        if len(block) > _LONGEST_BYTES:
            return None
        found = _count(block, signs[0], signs[1], inside=inside)
        if found is None:
            return None
        rows, inside = rows + found[0], found[1]
    return None if inside else rows


def _blocks(file: Path, start: int) -> Iterator[bytes]:
    """The bytes in blocks that end with a line feed; one is added at the end if missing."""
    rest = b""
    with file.open("rb") as stream:
        stream.seek(start)
        while chunk := stream.read(_BLOCK_BYTES):
            rest += chunk
            end = rest.rfind(b"\n") + 1
            if end or len(rest) > _LONGEST_BYTES:
                yield rest[:end] if end else rest
                rest = rest[end:]
    if rest:
        yield rest + b"\n"


def _count(block: bytes, delimiter: int, quote: int, *, inside: bool) -> tuple[int, bool] | None:
    """The number of rows that end in the block, and whether it ends within quotes."""
    import numpy as np

    data = np.frombuffer(block, np.uint8)
    returns = np.flatnonzero(data == _CR)
    if np.any(data[returns + 1] != _LF):
        return None
    quotes = np.flatnonzero(data == quote)
    opening = quotes[1::2] if inside else quotes[::2]
    closing = quotes[::2] if inside else quotes[1::2]
    before = data[opening - 1]  # for the first byte this is the last, a line feed too
    after = data[closing + 1]
    if not np.all((before == delimiter) | (before == _LF) | (before == quote)):
        return None
    if not np.all((after == delimiter) | (after == _LF) | (after == _CR) | (after == quote)):
        return None
    ends = np.flatnonzero(data == _LF)
    outside = (np.searchsorted(quotes, ends) + inside) % 2 == 0
    ends = ends[outside]
    last = np.where(data[ends - 1] == _CR, ends - 2, ends - 1)
    empty = (data[last] == _LF) | (last < 0)
    return int(len(ends) - empty.sum()), bool((len(quotes) + inside) % 2)
