"""What .xls and .xlsb hold and calamine silently ignores: see `facts`.

Both are streams of records: the number of their kind, a length, and that many bytes. Only records
of numbers, errors, formats and sheet names are read.
"""

from __future__ import annotations

import codecs
import io
import posixpath
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import Enum, auto
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ingestion.files.errors import UnreadableFileError
from ingestion.files.workbook.container import PASSWORD, opened, parts, related
from ingestion.files.workbook.facts import Facts
from ingestion.files.workbook.ole import replaced, workbook_stream
from ingestion.files.workbook.sheet import Value, number, too_large
from ingestion.files.workbook.units import Shown, shown_by

_ERRORS = {
    0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?",
    0x24: "#NUM!", 0x2A: "#N/A", 0x2B: "#GETTING_DATA",
}  # fmt: skip
_BIFF8 = 0x600
_UTF_16 = 1200
# What its formulas have as value, and in a field that Excel doesn't use.
_OF_JEXCELAPI = (struct.pack("<d", 4), b"\0\0\xe0\xfc")
_FROM_1904 = datetime(1904, 1, 1)  # noqa: DTZ001 a sheet has no zone


class _Error(str):
    """The text of an error."""

    __slots__ = ()


class _Origin(Enum):
    """Where a value is from: `DROPPED` is one that calamine doesn't return."""

    TYPED = auto()
    DROPPED = auto()
    CALCULATED = auto()
    PERHAPS_CALCULATED = auto()


class _Cell(NamedTuple):
    """A number, an error, a formula, or anything else that calamine drops."""

    row: int
    column: int
    style: int
    value: Value
    origin: _Origin = _Origin.TYPED


def facts_of_xls(path: Path) -> dict[str, Facts]:
    """Facts by sheet name."""
    stream = workbook_stream(path)
    version, encoding = _version(stream), "cp1252"
    codes, formats, starts = dict[int, str](), list[int](), dict[str, int]()
    epoch = None
    for kind, body in _records_of_xls(stream, 0):
        if kind == 0x2F:
            raise UnreadableFileError(PASSWORD)
        if kind == 0x22 and body[:1] == b"\1":
            epoch = _FROM_1904
        elif kind == 0x42 and version < _BIFF8:
            encoding = _encoding(int.from_bytes(body[:2], "little"))
        elif kind == 0x41E:
            size = 2 if version >= _BIFF8 else 1
            codes[int.from_bytes(body[:2], "little")] = _text(body[2:], size, version, encoding)
        elif kind == 0xE0:
            formats.append(int.from_bytes(body[2:4], "little"))
        elif kind == 0x85:
            starts[_text(body[6:], 1, version, encoding)] = int.from_bytes(body[:4], "little")
    shown = [shown_by(format_, codes) for format_ in formats]
    found = {
        name: _facts(name, _cells_of_xls(_records_of_xls(stream, start)), shown, epoch)
        for name, start in starts.items()
    }
    if any(facts.calculated for facts in found.values()):
        # Then what looks uncalculated is 0 or empty: hardly all formulas are.
        for facts in found.values():
            facts.unknown.clear()
    return found


def opened_xls(path: Path) -> BinaryIO:
    """The file, as calamine reads it rightly.

    From version 8 on, texts are UTF-16 whatever the code page. Writers such as Perl's and PHP's
    state another one, and calamine believes it.
    """
    stream = workbook_stream(path)
    at = 0
    for kind, body in _records_of_xls(stream, 0):
        if kind == 0x42 and _version(stream) >= _BIFF8:
            if int.from_bytes(body[:2], "little") != _UTF_16:
                right = stream[at : at + 4] + _UTF_16.to_bytes(2, "little")
                return io.BytesIO(replaced(path, at, right))
            break
        at += 4 + len(body)
    return path.open("rb")


def facts_of_xlsb(path: Path) -> dict[str, Facts]:
    """Facts by sheet name."""
    with opened(path) as archive:
        names = parts(archive)
        workbook = next((n for n in names if posixpath.basename(n) == "workbook.bin"), "")
        targets = related(archive, workbook)
        sheets, epoch = dict[str, str](), None
        for kind, body in _records_of_xlsb(archive.read(names[workbook])):
            if kind == 156:
                id_, rest = _wide(body[8:])
                target = targets.get(id_, ("", ""))[0]
                sheets[_wide(rest)[0]] = names.get(target, "")
            elif kind == 153 and body[:1] and body[0] & 1:
                epoch = _FROM_1904
        shown = _shown_of_xlsb(archive, names, targets)
        shared = _shared_of_xlsb(archive, names, targets)
        found = {}
        for name, part in sheets.items():
            if part:
                content = archive.read(part)
                found[name] = _facts(name, _cells_of_xlsb(content, shared), shown, epoch)
                found[name].merged.extend(_merged_of_xlsb(content))
        return found


def _facts(
    name: str, cells: Iterator[_Cell], shown: Sequence[Shown], epoch: datetime | None
) -> Facts:
    found = Facts() if epoch is None else Facts(epoch=epoch)
    for row, column, style, value, origin in cells:
        position = (row, column)
        found.reach(position)
        if refusal := too_large(name, found.rows, found.columns):
            raise UnreadableFileError(refusal)
        if origin is _Origin.PERHAPS_CALCULATED:
            found.unknown.add(position)
        elif origin is _Origin.CALCULATED:
            found.calculated = True
        if isinstance(value, _Error):
            found.errors[position] = str(value)
            continue
        if origin is _Origin.DROPPED:
            found.missed[position] = number(value) if isinstance(value, float) else value
        if not isinstance(value, float):
            continue
        how = shown[style] if style < len(shown) else Shown()
        whole = str(int(value)) if value.is_integer() else ""
        found.note(position, how, whole)
        if how.seems_day:
            found.missed[position] = number(value)
        if how.is_day:
            found.days[position] = (value, how.is_duration)
    return found


def _records_of_xls(stream: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """The records up to the end of this part of the stream."""
    while at + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, at)
        yield kind, stream[at + 4 : at + 4 + length]
        at += 4 + length
        if kind == 0x0A:
            return


def _cells_of_xls(records: Iterator[tuple[int, bytes]]) -> Iterator[_Cell]:
    calculated_on_saving = True
    for kind, body in records:
        if kind == 0x203 and len(body) >= 14:
            yield _Cell(*struct.unpack_from("<HHHd", body))
        elif kind == 0x27E and len(body) >= 10:
            row, column, style, packed = struct.unpack_from("<HHHI", body)
            yield _Cell(row, column, style, _unpacked(packed))
        elif kind == 0xBD and len(body) >= 6:
            row, column = struct.unpack_from("<HH", body)
            for style, packed in struct.iter_unpack("<HI", body[4 : len(body) - 2]):
                yield _Cell(row, column, style, _unpacked(packed))
                column += 1
        elif kind == 0x205 and len(body) >= 8 and body[7]:
            row, column, style = struct.unpack_from("<HHH", body)
            yield _Cell(row, column, style, _error(body[6]))
        elif kind == 0x5F:
            calculated_on_saving = body[:1] != b"\0"
        elif kind == 0x06 and len(body) >= 14:
            row, column, style = struct.unpack_from("<HHH", body)
            value: Value = None
            if body[12:14] != b"\xff\xff":
                value = struct.unpack_from("<d", body, 6)[0]
            elif body[6] == 2:
                value = _error(body[8])
            yield _Cell(row, column, style, value, _origin(body, calculated_on_saving))


def _origin(body: bytes, calculated_on_saving: bool) -> _Origin:
    """Whether a formula's result is one that programs store that can't calculate.

    They store 0 and ask for calculation on loading (Apache POI, Perl; JExcelAPI stores 4), or store
    an empty text and say that nothing was calculated on saving (xlwt). Some that do calculate say
    the same, and 0 or an empty text may be right.
    """
    stored, asks, more = body[6:14], bool(body[14:15] and body[14] & 2), body[16:20]
    if asks and (stored == bytes(8) or (stored, more) == _OF_JEXCELAPI):
        return _Origin.PERHAPS_CALCULATED
    if not calculated_on_saving and stored[0] == 3 and stored[6:] == b"\xff\xff":
        return _Origin.PERHAPS_CALCULATED
    return _Origin.CALCULATED


def _records_of_xlsb(content: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(content):
        kind, at = _short(content, at, 2)
        length, at = _short(content, at, 4)
        yield kind, content[at : at + length]
        at += length


def _short(content: bytes, at: int, most: int) -> tuple[int, int]:
    """A number stored in 7 bits a byte, and the position after it."""
    found = 0
    for place in range(most):
        byte = content[at] if at < len(content) else 0
        at += 1
        found |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            break
    return found, at


_Reader = Callable[[bytes, Sequence[str]], Value]
_VALUES: Mapping[int, _Reader] = {
    2: lambda body, _: _unpacked(int.from_bytes(body[:4], "little")),
    3: lambda body, _: _error(body[0]),
    4: lambda body, _: bool(body[0]),
    5: lambda body, _: float(struct.unpack_from("<d", body)[0]),
    6: lambda body, _: _wide(body)[0],
    7: lambda body, shared: shared[int.from_bytes(body[:4], "little")],
    9: lambda body, _: float(struct.unpack_from("<d", body)[0]),
    11: lambda body, _: _error(body[0]),
}
# The same kinds in a cell that has no column, and so is right of the previous one. Some writers
# make these, and calamine drops them.
_WITHOUT_COLUMN = {13: 2, 14: 3, 15: 4, 16: 5, 17: 6, 18: 7}
_EMPTY_WITHOUT_COLUMN = 12
_LAST_OF_CELLS = 18


def _cells_of_xlsb(content: bytes, shared: Sequence[str]) -> Iterator[_Cell]:
    row = column = -1
    for kind, body in _records_of_xlsb(content):
        if kind == 0:
            row, column = int.from_bytes(body[:4], "little"), -1
        elif kind in _WITHOUT_COLUMN or kind == _EMPTY_WITHOUT_COLUMN:
            column += 1
            if kind in _WITHOUT_COLUMN:
                value = _VALUES[_WITHOUT_COLUMN[kind]](body[4:], shared)
                yield _Cell(row, column, int.from_bytes(body[:3], "little"), value, _Origin.DROPPED)
        elif kind < _LAST_OF_CELLS:
            column = int.from_bytes(body[:4], "little")
            if kind in _VALUES:
                value = _VALUES[kind](body[8:], shared)
                yield _Cell(row, column, int.from_bytes(body[4:7], "little"), value)


def _merged_of_xlsb(content: bytes) -> Iterator[tuple[int, int, int]]:
    for kind, body in _records_of_xlsb(content):
        if kind == 176:
            row, last, column = struct.unpack_from("<III", body)
            if last > row:
                yield row, column, last


def _shown_of_xlsb(
    archive: zipfile.ZipFile, names: Mapping[str, str], targets: Mapping[str, tuple[str, str]]
) -> list[Shown]:
    codes, formats, within = dict[int, str](), list[int](), False
    for kind, body in _records_of_kind(archive, names, targets, "/styles"):
        if kind == 44:
            codes[int.from_bytes(body[:2], "little")] = _wide(body[2:])[0]
        elif kind in (617, 618):
            within = kind == 617
        elif kind == 47 and within:
            formats.append(int.from_bytes(body[2:4], "little"))
    return [shown_by(format_, codes) for format_ in formats]


def _shared_of_xlsb(
    archive: zipfile.ZipFile, names: Mapping[str, str], targets: Mapping[str, tuple[str, str]]
) -> list[str]:
    records = _records_of_kind(archive, names, targets, "/sharedStrings")
    return [_wide(body[1:])[0] for kind, body in records if kind == 19]


def _records_of_kind(
    archive: zipfile.ZipFile,
    names: Mapping[str, str],
    targets: Mapping[str, tuple[str, str]],
    ending: str,
) -> Iterator[tuple[int, bytes]]:
    for target, kind in targets.values():
        if kind.endswith(ending) and target in names:
            yield from _records_of_xlsb(archive.read(names[target]))


def _unpacked(packed: int) -> float:
    """A number in 30 bits: an integer or the upper part of a double, possibly in hundredths."""
    if packed & 2:
        found = float((packed >> 2) - ((packed >> 31) << 30))
    else:
        found = struct.unpack("<d", struct.pack("<Q", (packed & ~3) << 32))[0]
    return found / 100 if packed & 1 else found


def _error(code: int) -> _Error:
    return _Error(_ERRORS.get(code, "#ERROR"))


def _version(stream: bytes) -> int:
    """The version of the records; 0 if nothing says it."""
    return int(struct.unpack_from("<H", stream, 4)[0]) if len(stream) > 6 else 0


def _encoding(code_page: int) -> str:
    """Python's name of a code page, before version 8."""
    try:
        return codecs.lookup({0x8000: "mac-roman"}.get(code_page, f"cp{code_page}")).name
    except LookupError:
        return "cp1252"


def _text(body: bytes, size: int, version: int, encoding: str) -> str:
    """Text preceded by its length in `size` bytes and, from version 8 on, a byte of flags."""
    count, rest = int.from_bytes(body[:size], "little"), body[size:]
    if version < _BIFF8:
        return rest[:count].decode(encoding, "replace")
    wide = bool(rest[0] & 1) if rest else False
    return (
        rest[1 : 1 + count * 2].decode("utf-16-le", "replace")
        if wide
        else rest[1 : 1 + count].decode("latin-1")
    )


def _wide(body: bytes) -> tuple[str, bytes]:
    """Text preceded by its length, and what comes after it."""
    end = 4 + int.from_bytes(body[:4], "little") * 2
    return body[4:end].decode("utf-16-le", "replace"), body[end:]
