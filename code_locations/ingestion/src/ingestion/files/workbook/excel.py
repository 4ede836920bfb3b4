"""Sheets of .xlsx, .xlsb and .xls, read by calamine."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion.files.errors import UnreadableFileError
from ingestion.files.workbook import ooxml
from ingestion.files.workbook.binary import facts_of_xls, facts_of_xlsb, opened_xls
from ingestion.files.workbook.container import PASSWORD, Kind, opened
from ingestion.files.workbook.facts import Facts
from ingestion.files.workbook.sheet import (
    Position,
    Row,
    Sheet,
    Value,
    address,
    addresses,
    number,
    too_large,
    trimmed,
)

if TYPE_CHECKING:
    from python_calamine import CalamineSheet


def sheets(path: Path, kind: Kind) -> list[Sheet]:
    """The sheets with cells, without charts and macros."""
    from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    facts = _facts(path, kind)
    found = []
    file = opened_xls(path) if kind == "xls" else path.open("rb")
    with file, _refusing(), CalamineWorkbook.from_filelike(file) as workbook:
        for entry in workbook.sheets_metadata:
            if entry.typ != SheetTypeEnum.WorkSheet:
                continue
            visible = entry.visible == SheetVisibleEnum.Visible
            known = facts.get(entry.name, Facts())
            sheet = workbook.get_sheet_by_name(entry.name)
            rows = _rows(sheet, path, kind, known)
            unknown = addresses(known.unknown)
            merged = (*_merged(sheet), *known.merged)
            found.append(Sheet(entry.name, visible, rows, unknown, known.units, merged))
    return found


def _facts(path: Path, kind: Kind) -> dict[str, Facts]:
    if kind != "xlsx":
        try:
            return facts_of_xls(path) if kind == "xls" else facts_of_xlsb(path)
        except (struct.error, LookupError, ValueError) as error:
            raise UnreadableFileError(
                f"it is no readable workbook ({error}): cut off or broken; download or save it "
                "once more"
            ) from error
    with opened(path) as archive:
        facts = ooxml.facts(archive)
    for name, known in facts.items():
        if refusal := too_large(name, known.rows, known.columns):
            raise UnreadableFileError(refusal)
    return facts


def _rows(sheet: CalamineSheet, path: Path, kind: Kind, known: Facts) -> list[Row]:
    rows = dict(_filled(sheet))
    for position, value in (*known.missed.items(), *known.errors.items(), *known.padded.items()):
        _put(rows, position, value)
    for row, column in known.days:
        if row in rows and column < len(rows[row]):
            rows[row][column] = known.day((row, column), rows[row][column])
    for row, column in known.unknown:
        if row in rows and column < len(rows[row]):
            rows[row][column] = None
    times = {
        (row, column)
        for row, values in rows.items()
        for column, value in enumerate(values)
        if isinstance(value, time)
    }
    if times and kind == "xlsx":
        with opened(path) as archive:
            for position, text in ooxml.raw_values(archive, sheet.name, times).items():
                if text.startswith("-"):
                    _put(rows, position, _duration(text, f"sheet {sheet.name!r}", position))
    return [(row + 1, values) for row in sorted(rows) if (values := trimmed(rows[row]))]


def _merged(sheet: CalamineSheet) -> Iterator[tuple[int, int, int]]:
    """The merged cells of .xlsx and .xls; calamine doesn't read those of .xlsb."""
    for (row, column), (last, _) in sheet.merged_cell_ranges or ():
        if last > row:
            yield row, column, last


def _filled(sheet: CalamineSheet) -> Iterator[tuple[int, list[Value]]]:
    """Rows from 0. Calamine returns every row, from the sheet's first column with values on."""
    before: list[Value] = [None] * (sheet.start[1] if sheet.start else 0)
    for row, cells in enumerate(sheet.iter_rows()):
        last = len(cells)
        while last and cells[last - 1] == "":
            last -= 1
        if not last:
            continue
        try:
            yield row, before + [_value(cell) for cell in cells[:last]]
        except ValueError as error:
            where = f"sheet {sheet.name!r}, row {row + 1:,}"
            raise UnreadableFileError(f"{where}: {error}") from error


def _value(cell: Value) -> Value:
    if cell == "":
        return None
    return number(cell) if isinstance(cell, float) else cell


def _duration(days: str, sheet: str, position: Position) -> timedelta:
    try:
        return timedelta(days=float(days))
    except (ValueError, OverflowError) as error:
        raise UnreadableFileError(f"{sheet}, cell {address(position)}: {error}") from error


def _put(rows: dict[int, list[Value]], position: Position, value: Value) -> None:
    row, column = position
    values = rows.setdefault(row, [])
    values.extend([None] * (column + 1 - len(values)))
    values[column] = value


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn calamine's errors about a file's content into UnreadableFileError."""
    from python_calamine import CalamineError, PasswordError

    try:
        yield
    except PasswordError as error:
        raise UnreadableFileError(PASSWORD) from error
    except (CalamineError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # a disk error; calamine's own have no errno
        raise UnreadableFileError(
            f"it is no readable workbook ({error}): broken, or protected by a password; save it "
            "anew without one"
        ) from error
    except BaseException as error:
        # A Rust panic isn't an Exception.
        if type(error).__name__ != "PanicException":
            raise
        raise UnreadableFileError("it is no readable workbook; save it anew") from error
