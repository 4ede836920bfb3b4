"""Records of a sheet: its header is searched for, and its cells have their own types."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any

from ingestion.files.currencies import differ
from ingestion.files.dialect import Known, find_header
from ingestion.files.errors import UnreadableFileError
from ingestion.files.looks import footer_rows
from ingestion.files.records import Records, RowAside, as_text, write_rows
from ingestion.files.rules import ReadingRules
from ingestion.files.second_table import LOOKED_AT, filled, refuse_table_below
from ingestion.files.second_table import Row as RowApart
from ingestion.files.sums import sums
from ingestion.files.workbook import Sheet
from ingestion.files.workbook.sheet import Row, address

_LAST_ROWS = 8


def read_sheet(
    sheet: Sheet, target: Path, rules: ReadingRules, known: Known | None = None
) -> Records:
    """The rows below the header of a sheet. Raises UnreadableFileError."""
    if sheet.unknown:
        raise UnreadableFileError(
            f"sheet {sheet.name!r} has formulas whose values were never stored, as in "
            f"{', '.join(sheet.unknown[:3])}; open it in a spreadsheet program and save it once"
        )
    sheet = _from_first_column(sheet)
    texts = [[as_text(cell)[1] or "" for cell in cells] for _, cells in sheet.rows[:200]]
    why = "it is declared"
    if rules.header:
        at, header = -1, list(rules.header)
    elif rules.header_line:
        at = next((n for n, (row, _) in enumerate(sheet.rows) if row == rules.header_line), -1)
        if at < 0:
            raise UnreadableFileError(f"sheet {sheet.name!r} has no row {rules.header_line}")
        header = texts[at]
    else:
        at, why = _header(sheet, texts, known)
        header = texts[at]
    units = _units(sheet, sheet.rows[at][0] if at >= 0 else 0, header, rules)
    body = _said_of_each(sheet, at + 1)
    width = max([len(header), *(len(cells) for _, cells in body)], default=0)
    names = [*header, *[""] * (width - len(header))]
    repeated = _repeated(body, sheet.rows[: at + 1])
    _refuse_tables_below(sheet, body, names, [body[n] for n in sorted(repeated)])
    rows = [row for n, row in enumerate(body) if n not in repeated]
    left_out = _left_out(rows, width, rules.footer_lines)
    aside = tuple(
        RowAside(row, f"row {row} {why}", _cells(cells), True)
        for row, cells, why in sorted(
            [
                *((*rows[n], "looks like a total of the rows above") for n in left_out),
                *((*body[n], "repeats the header") for n in repeated),
            ],
            key=lambda found: found[0],
        )
    )
    kept = [row for n, row in enumerate(rows) if n not in left_out]
    places = map(str, range(width))
    records = write_rows(_by_place(kept, width), target, unit="row", names=places)
    return replace(
        records,
        names=tuple(names),
        total=len(body),
        aside=aside,
        units=tuple(units.get(place) for place in range(width)),
        evidence={
            "sheet": sheet.name,
            "header": f"row {sheet.rows[at][0]}: {why}" if at >= 0 else why,
        },
    )


def _header(sheet: Sheet, texts: list[list[str]], known: Known | None) -> tuple[int, str]:
    try:
        return find_header(texts, known)
    except UnreadableFileError as error:
        raise UnreadableFileError(
            f"sheet {sheet.name!r}: {error}; or declare which sheet has the table"
        ) from error


def _from_first_column(sheet: Sheet) -> Sheet:
    """The sheet without the empty columns on its left."""
    left = min(
        (next(n for n, cell in enumerate(cells) if cell is not None) for _, cells in sheet.rows),
        default=0,
    )
    if not left:
        return sheet
    return replace(
        sheet,
        rows=[(number, cells[left:]) for number, cells in sheet.rows],
        units={n - left: u for n, u in sheet.units.items()},
        merged=tuple((row, n - left, last) for row, n, last in sheet.merged if n >= left),
    )


def _said_of_each(sheet: Sheet, at: int) -> list[Row]:
    """The rows from a place on, with a word or a day that is merged over several in each of them.

    A number isn't repeated: it may be their sum.
    """
    body = sheet.rows[at:]
    if not sheet.merged:
        return body
    numbers = [number for number, _ in body]
    rows = [(number, list(cells)) for number, cells in body]
    ends: dict[int, int] = {}
    for first, column, last in sorted(sheet.merged):
        if first <= ends.get(column, -1):
            continue  # programs let no two overlap
        ends[column] = last
        place = bisect_left(numbers, first + 1)
        cells = rows[place][1] if first + 1 in numbers[place : place + 1] else []
        value = cells[column] if column < len(cells) else None
        if not isinstance(value, str | date):
            continue
        for _, below in rows[place + 1 : bisect_right(numbers, last + 1)]:
            below.extend([None] * (column + 1 - len(below)))
            if below[column] is None:
                below[column] = value
    return rows


def _repeated(body: Sequence[Row], above: Sequence[Row]) -> set[int]:
    """The places of rows that repeat the header, the last of `above`, and of titles over those."""
    if not above:
        return set()
    *titles, header = (_without_empty(cells) for _, cells in above)
    known = [title for title in titles if title]
    found = {
        n
        for n, (_, cells) in enumerate(body)
        if cells[:1] == header[:1] and _without_empty(cells) == header
    }
    for n in sorted(found):
        above_it = takewhile(lambda at: _without_empty(body[at][1]) in known, range(n - 1, -1, -1))
        found.update(above_it)
    return found


def _without_empty(cells: Sequence[Any]) -> list[Any]:
    """The cells without the empty ones at the end."""
    found = list(cells)
    while found and found[-1] is None:
        found.pop()
    return found


def _refuse_tables_below(
    sheet: Sheet, body: Sequence[Row], names: Sequence[str], repeated: Sequence[Row]
) -> None:
    """Refuse rows below a title and a repeated header, or below an empty row and other names."""
    headers = {number for number, _ in repeated}
    for (number, cells), (below, _) in pairwise(body):
        if below not in headers or number in headers or len(names) == 1:
            continue
        words = filled(_cells(cells))
        if len(words) == 1:
            raise UnreadableFileError(
                f"sheet {sheet.name!r}: row {number} ({words[0][:60]}) begins another table with "
                "the same header; make a sheet of each"
            )
    try:
        refuse_table_below(_rows_apart(body, len(names)), names)
    except UnreadableFileError as error:
        raise UnreadableFileError(f"sheet {sheet.name!r}: {error}") from error


def _rows_apart(body: Sequence[Row], width: int) -> Iterator[RowApart]:
    """The first rows, and those right below an empty one, and whether they are."""
    before, wanted = 0, 0
    for n, (number, cells) in enumerate(body):
        is_apart = n > 0 and number > before + 1
        wanted = 2 if is_apart else wanted - 1
        if n < LOOKED_AT or wanted > 0:
            yield RowApart(number, _padded(cells, width), is_apart)
        before = number


def _units(
    sheet: Sheet, header_row: int, header: Sequence[str], rules: ReadingRules
) -> dict[int, str]:
    """The unit of each column's numbers.

    Refuses a column that mixes currencies, or `%` and plain numbers: its sum would mean nothing.
    """
    found = {}
    for column, cells in sheet.units.items():
        below = {unit: cell for unit, cell in cells.items() if cell[0] >= header_row}
        name = header[column] if column < len(header) else ""
        declared = rules.columns.get(name)
        if not below or (declared and declared.type):
            continue
        if not differ(below):
            found[column] = max(below)
            continue
        told = " and ".join(
            f"{unit or 'a plain number'} in {address(cell)}" for unit, cell in sorted(below.items())
        )
        raise UnreadableFileError(
            f"sheet {sheet.name!r}: the column {name or address((0, column))} has {told}; give "
            "each a column of its own, or declare the column's type"
        )
    return found


def _by_place(rows: Sequence[Row], width: int) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, cells in rows:
        padded = [*cells, *[None] * (width - len(cells))]
        yield line, {str(n): cell for n, cell in enumerate(padded)}


def _left_out(body: Sequence[Row], width: int, footer_lines: int) -> set[int]:
    """The places of rows that aren't records: a footer, and sums of the rows above them."""
    rows = len(body) - (footer_lines or _footer(body, width))
    summed = set() if footer_lines else _sums(body[:rows], width)
    left = [at for at in range(rows) if at not in summed]
    if rows - 1 in summed:  # the footer goes on above it
        left = left[: len(left) - _footer([body[at] for at in left], width)]
    return {*range(len(body))} - {*left}


def _footer(body: Sequence[Row], width: int) -> int:
    """How many of the last rows aren't records; a sheet's rows exclude empty ones."""
    last: list[Sequence[str]] = []
    is_row: list[bool] = []
    before = 0
    for number, cells in body[-_LAST_ROWS:]:
        if before and number > before + 1:
            last.append([""] * width)
            is_row.append(False)
        last.append(_padded(cells, width))
        is_row.append(True)
        before = number
    found = footer_rows(last) if last else 0
    return sum(is_row[len(is_row) - found :])


def _sums(rows: Sequence[Row], width: int) -> set[int]:
    """The places of rows that sum up those above."""

    def cells(column: int, places: Sequence[int]) -> list[str]:
        found = (rows[at][1] for at in places)
        return [_cells(row[column : column + 1])[0] if column < len(row) else "" for row in found]

    return sums(cells, len(rows), width)


def _padded(cells: Sequence[Any], width: int) -> list[str]:
    texts = _cells(cells)
    return [*texts, *[""] * (width - len(texts))]


def _cells(cells: Sequence[Any]) -> tuple[str, ...]:
    return tuple(as_text(cell)[1] or "" for cell in cells)
