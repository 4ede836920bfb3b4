"""Records of a sheet: its header is looked for, its cells have types of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ingestion.files.dialect import Known, find_header
from ingestion.files.errors import UnreadableFileError
from ingestion.files.looks import is_total
from ingestion.files.records import Records, RowAside, as_text, write_rows
from ingestion.files.rules import ReadingRules
from ingestion.files.workbook import Sheet


def read_sheet(
    sheet: Sheet, target: Path, rules: ReadingRules, known: Known | None = None
) -> Records:
    """The rows below the header of a sheet. Raises UnreadableFileError."""
    if sheet.unknown:
        raise UnreadableFileError(
            f"sheet {sheet.name!r} has formulas whose values were never stored, as in "
            f"{', '.join(sheet.unknown[:3])}; open it in a spreadsheet program and save it once"
        )
    texts = [[as_text(cell)[1] or "" for cell in cells] for _, cells in sheet.rows[:200]]
    if rules.header:
        at, header = -1, list(rules.header)
    elif rules.header_line:
        at = next((n for n, (row, _) in enumerate(sheet.rows) if row == rules.header_line), -1)
        if at < 0:
            raise UnreadableFileError(f"sheet {sheet.name!r} has no row {rules.header_line}")
        header = texts[at]
    else:
        at = find_header(texts, known)
        header = texts[at]
    body = sheet.rows[at + 1 :]
    width = max([len(header), *(len(cells) for _, cells in body)], default=0)
    names = [*header, *[""] * (width - len(header))]
    footer = rules.footer_lines or _totals(body, width)
    kept = body[: len(body) - footer] if footer else body
    aside = tuple(
        RowAside(row, f"row {row} looks like a total of the rows above", _cells(cells), True)
        for row, cells in body[len(kept) :]
    )
    records = write_rows(_by_place(kept, width), target, unit="row")
    return replace(
        records,
        names=tuple(names),
        total=len(body),
        aside=aside,
        evidence={
            "sheet": sheet.name,
            "header": f"row {sheet.rows[at][0]}" if at >= 0 else "declared",
        },
    )


def _by_place(
    rows: Sequence[tuple[int, list[Any]]], width: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, cells in rows:
        padded = [*cells, *[None] * (width - len(cells))]
        yield line, {str(n): cell for n, cell in enumerate(padded)}


def _totals(body: Sequence[tuple[int, list[Any]]], width: int) -> int:
    found = 0
    for number, (_, cells) in enumerate(reversed(body[-3:]), 1):
        texts = _cells(cells)
        if is_total([*texts, *[""] * (width - len(texts))]):
            found = number
    return found


def _cells(cells: Sequence[Any]) -> tuple[str, ...]:
    return tuple(as_text(cell)[1] or "" for cell in cells)
