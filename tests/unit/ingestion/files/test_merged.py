"""A cell merged over several rows says the same of each, unless it is a number."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Sequence
from datetime import date
from typing import Any

import openpyxl
import pytest

from ingestion.files.workbook import sheets
from support import workbooks as made
from support.binary_workbooks import BOOKS
from support.parsing import connected, read

HEADER = ("client", "day", "task", "amount")
# Rows and columns from 1, as (row, column, last row).
MERGED = ((2, 1, 3), (2, 2, 4), (2, 4, 3))
ROWS: Sequence[tuple[Any, ...]] = (
    ("A", date(2026, 1, 5), "x", 100),
    (None, None, "y", None),
    ("B", None, "z", 50),
    (None, date(2026, 1, 6), "w", 7),
)


def xlsx() -> bytes:
    book = openpyxl.Workbook()
    for cells in (HEADER, *ROWS):
        book.worksheets[0].append(cells)
    for row, column, last in MERGED:
        book.worksheets[0].merge_cells(
            start_row=row, start_column=column, end_row=last, end_column=column
        )
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def ods() -> bytes:
    spans = {(row, column): last - row + 1 for row, column, last in MERGED}
    kinds = {str: "string", date: "date", int: "float", type(None): ""}
    lines = []
    for number, cells in enumerate((HEADER, *ROWS), 1):
        written = [
            made.cell(
                kinds[type(value)], value, str(value),
                f'table:number-rows-spanned="{spans.get((number, place), 1)}"',
            )
            if value is not None else made.empty(1)
            for place, value in enumerate(cells, 1)
        ]  # fmt: skip
        lines.append(made.line(*written))
    return made.ods({"Data": lines})


@pytest.mark.parametrize("written", [xlsx, ods])
def test_words_and_days_are_in_each_row_and_amounts_in_the_first(tmp_path, written):
    table = read(connected(), tmp_path, written())
    assert table.rows == [
        ("A", date(2026, 1, 5), "x", 100),
        ("A", date(2026, 1, 5), "y", None),
        ("B", date(2026, 1, 5), "z", 50),
        (None, date(2026, 1, 6), "w", 7),
    ]


def test_a_merge_that_reaches_below_the_sheet_or_overlaps_costs_no_time(tmp_path):
    far = f'table:number-rows-spanned="{10**15}"'
    lines = [made.line(*(made.cell("string", shown=name) for name in ("client", "task")))]
    for task in "xyz":
        cells = (made.cell("string", shown="A", more=far), made.cell("string", shown=task))
        lines.append(made.line(*cells))
    lines.append(made.line(made.empty(1), made.cell("string", shown="w")))
    table = read(connected(), tmp_path, made.ods({"Data": lines}))
    assert table.rows == [("A", task) for task in "xyzw"]


def test_merged_cells_of_xlsb_are_seen(tmp_path):
    record = bytes((0xB0, 0x01, 16)) + struct.pack("<4I", 1, 2, 3, 3)
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(BOOKS["sheetjs.xlsb"])) as former,
        zipfile.ZipFile(out, "w") as book,
    ):
        for name in former.namelist():
            more = record if name.endswith("sheet1.bin") else b""
            book.writestr(name, former.read(name) + more)
    (tmp_path / "book.xlsb").write_bytes(out.getvalue())
    assert [sheet.merged for sheet in sheets(tmp_path / "book.xlsb")] == [((1, 3, 2),), ()]
