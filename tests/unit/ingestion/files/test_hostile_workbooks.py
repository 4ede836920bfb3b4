"""A workbook made to take all time or memory is refused."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from ingestion.files.errors import UnreadableFileError
from ingestion.files.workbook import ole
from ingestion.files.workbook.ole import workbook_stream
from support.binary_workbooks import BOOKS

SECTOR = 512
NONE = 0xFFFFFFFF


def changed(at: int, form: str, *values: int) -> bytearray:
    """An .xls with other numbers in its header."""
    content = bytearray(BOOKS["xlwt.xls"])
    struct.pack_into(form, content, at, *values)
    return content


def refused_stream(folder: Path, content: bytes) -> str:
    (folder / "book.xls").write_bytes(content)
    with pytest.raises(UnreadableFileError) as caught:
        workbook_stream(folder / "book.xls")
    return str(caught.value)


@pytest.fixture
def sectors(monkeypatch) -> list[int]:
    """The sectors that are read; too many are an error."""
    seen: list[int] = []
    read = ole._sector

    def counted(content: bytes, number: int, size: int) -> bytes:
        seen.append(number)
        assert len(seen) < 1_000
        return read(content, number, size)

    monkeypatch.setattr(ole, "_sector", counted)
    return seen


@pytest.mark.parametrize("shifts", [(0, 6), (8, 6), (32, 6), (60, 6), (63, 6), (9, 0), (9, 60)])
def test_sectors_of_a_size_that_there_is_not_are_refused(tmp_path, shifts):
    assert "its sectors have 2^" in refused_stream(tmp_path, changed(30, "<HH", *shifts))


def test_a_table_of_sectors_that_lists_itself_for_ever_is_refused(tmp_path, sectors):
    content = changed(68, "<I", len(BOOKS["xlwt.xls"]) // SECTOR - 1)
    content += struct.pack("<128I", *[NONE] * 127, len(BOOKS["xlwt.xls"]) // SECTOR - 1)
    assert "form a circle" in refused_stream(tmp_path, content)
    assert sectors


def test_a_circle_of_sectors_is_refused_before_it_is_longer_than_the_file(tmp_path, sectors):
    content = bytearray(BOOKS["xlwt.xls"])
    (table,) = struct.unpack_from("<I", content, 76)
    content[(table + 1) * SECTOR : (table + 2) * SECTOR] = struct.pack("<128I", *range(128))
    assert "form a circle" in refused_stream(tmp_path, content)
    assert len(sectors) <= 2 * len(content) // SECTOR
