"""The stream of a workbook in an OLE container, as in .xls."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from ingestion.files.errors import UnreadableFileError

_NAMES = {"workbook", "book"}
_HEADER = 512
_LAST = 0xFFFFFFFA  # from here on, numbers mark ends and gaps, not sectors
_ENTRY = 128
# The only sizes of sectors that the format has, as powers of 2.
_SHIFTS = {9, 12}
_SMALL_SHIFT = 6
_CIRCLE = "its sectors form a circle"


def workbook_stream(path: Path) -> bytes:
    """The records of a workbook. Raises UnreadableFileError if the container is broken."""
    return _read(path.read_bytes())


def replaced(path: Path, at: int, new: bytes) -> bytes:
    """The file with these bytes at a position of the workbook's records.

    Raises UnreadableFileError.
    """
    content = path.read_bytes()
    stream = _read(content)
    end = at + len(new)
    wanted, beginning, there = stream[:at] + new + stream[end:], 0, -1
    while (there := content.find(stream[at:end], beginning)) >= 0:
        changed = content[:there] + new + content[there + len(new) :]
        if _read(changed) == wanted:
            return changed
        beginning = there + 1
    raise UnreadableFileError("its records are scattered; save it once more")


def _read(content: bytes) -> bytes:
    try:
        return _stream(content)
    except (struct.error, IndexError, UnicodeDecodeError, ValueError) as error:
        raise UnreadableFileError(
            f"it is no readable workbook ({error}): cut off or broken; download or save it once "
            "more"
        ) from error


def _stream(content: bytes) -> bytes:
    shift, small_shift = struct.unpack_from("<HH", content, 30)
    if shift not in _SHIFTS or small_shift != _SMALL_SHIFT:
        raise ValueError(f"its sectors have 2^{shift} and 2^{small_shift} bytes")
    size, small = 1 << shift, 1 << small_shift
    first, cutoff, small_first = struct.unpack_from("<I4xII", content, 48)
    count, each = len(content) // size + 1, size // 4
    listed = _table_sectors(content, size, count)[: count // each + 1]
    table = [n for at in listed for n in struct.unpack(f"<{each}I", _sector(content, at, size))]
    directory = b"".join(_sector(content, n, size) for n in _chain(first, table, count))
    entries = [directory[at : at + _ENTRY] for at in range(0, len(directory), _ENTRY)]
    for entry in entries:
        length = struct.unpack_from("<H", entry, 64)[0]
        name = entry[: max(length - 2, 0)].decode("utf-16-le")
        start, total = struct.unpack_from("<IQ", entry, 116)
        total &= 0xFFFFFFFF
        if name.lower() not in _NAMES:
            continue
        if total >= cutoff:
            whole = b"".join(_sector(content, n, size) for n in _chain(start, table, count))
            return whole[:total]
        inner = struct.unpack_from("<I", entries[0], 116)[0]
        packed = b"".join(_sector(content, n, size) for n in _chain(inner, table, count))
        numbers = b"".join(_sector(content, n, size) for n in _chain(small_first, table, count))
        small_table = struct.unpack(f"<{len(numbers) // 4}I", numbers)
        chain = _chain(start, small_table, len(packed) // small + 1)
        return b"".join(packed[n * small : (n + 1) * small] for n in chain)[:total]
    raise UnreadableFileError("it is an OLE file without a workbook, such as a Word document")


def _table_sectors(content: bytes, size: int, count: int) -> list[int]:
    """The sectors with the table of sectors: 109 in the header, and more in a chain."""
    listed = [n for n in struct.unpack_from("<109I", content, 76) if n < _LAST]
    more = struct.unpack_from("<I", content, 68)[0]
    for _ in range(count):
        if more >= _LAST:
            return listed
        *found, more = struct.unpack(f"<{size // 4}I", _sector(content, more, size))
        listed += [n for n in found if n < _LAST]
    raise ValueError(_CIRCLE)


def _sector(content: bytes, number: int, size: int) -> bytes:
    at = _HEADER + number * size if size == _HEADER else (number + 1) * size
    return content[at : at + size].ljust(size, b"\0")


def _chain(first: int, table: Sequence[int], count: int) -> Iterator[int]:
    """The sectors of a stream, at most as many as there are."""
    number = first
    for _ in range(count):
        if number >= _LAST:
            return
        yield number
        number = table[number]
    raise ValueError(_CIRCLE)
