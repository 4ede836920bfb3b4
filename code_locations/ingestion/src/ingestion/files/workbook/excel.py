"""Sheets of .xlsx, .xlsb and .xls, read by calamine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion.files.errors import UnreadableFileError
from ingestion.files.workbook import ooxml
from ingestion.files.workbook.container import PASSWORD, Kind, opened
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
    """The sheets with cells; charts and macros are none."""
    from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    facts = _facts(path) if kind == "xlsx" else {}
    found = []
    with path.open("rb") as file, _refusing(), CalamineWorkbook.from_filelike(file) as workbook:
        for entry in workbook.sheets_metadata:
            if entry.typ != SheetTypeEnum.WorkSheet:
                continue
            visible = entry.visible == SheetVisibleEnum.Visible
            known = facts.get(entry.name, ooxml.Facts())
            rows = _rows(workbook.get_sheet_by_name(entry.name), path, kind, known)
            found.append(Sheet(entry.name, visible, rows, addresses(known.unknown)))
    return found


def _facts(path: Path) -> dict[str, ooxml.Facts]:
    with opened(path) as archive:
        facts = ooxml.facts(archive)
    for name, known in facts.items():
        if refusal := too_large(name, known.rows, known.columns):
            raise UnreadableFileError(refusal)
    return facts


def _rows(sheet: CalamineSheet, path: Path, kind: Kind, known: ooxml.Facts) -> list[Row]:
    rows = dict(_filled(sheet))
    for (row, column), text in known.errors.items():
        _put(rows, (row, column), text)
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


def _filled(sheet: CalamineSheet) -> Iterator[tuple[int, list[Value]]]:
    """Rows from 0. Calamine gives every row, each from the sheet's first column with values."""
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
    """What calamine says about a file's content as an UnreadableFileError."""
    from python_calamine import CalamineError, PasswordError

    try:
        yield
    except PasswordError as error:
        raise UnreadableFileError(PASSWORD) from error
    except CalamineError as error:
        raise UnreadableFileError(
            f"it is no readable workbook ({error}): broken, or protected by a password; save it "
            "anew without one"
        ) from error
    except BaseException as error:
        # A panic in Rust is no Exception.
        if type(error).__name__ != "PanicException":
            raise
        raise UnreadableFileError("it is no readable workbook; save it anew") from error
