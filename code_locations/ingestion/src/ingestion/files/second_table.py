"""Refuses rows and columns that belong to a second table, below the first or beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from ingestion.files.errors import UnreadableFileError
from ingestion.files.looks import NO_VALUE, class_of, repeats
from ingestion.files.records import Records, RowAside

LOOKED_AT = 200
_TITLE_WITHIN = 3
_NAME = re.compile(r"[^\W\d_]{2}|[^\x00-\u024f]")
_PAGE = re.compile(r"\b(page|seite|pagina|página|blatt|strona)\b", re.IGNORECASE)


class Row(NamedTuple):
    """A row, where it is, and whether an empty line is right above."""

    line: int
    cells: Sequence[str]
    is_apart: bool


def refuse_another_title(
    aside: Sequence[RowAside], names: Sequence[str], titles: Iterable[Sequence[str]]
) -> None:
    """Refuse rows below a second title and a repeated header: they are of another kind.

    `titles` are above the first header.
    """
    known = {tuple(title) for title in titles}
    for title, header in pairwise(aside):
        text = " ".join(cell for cell in title.cells if cell.strip())
        if (
            repeats(header.cells, names)
            and not title.expected
            and header.line - title.line <= _TITLE_WITHIN
            and title.cells not in known
            and not _PAGE.search(text)
        ):
            raise UnreadableFileError(
                f"line {title.line} ({text[:60]}) begins another table with the same header; make "
                "a file of each"
            )


def refuse_other_order(rows: Iterable[tuple[int, Sequence[str]]], names: Sequence[str]) -> None:
    """Refuse the header in another order, as joined exports may have it, amid (line, cells)."""
    ordered, wanted = sorted(names), list(names)
    for line, cells in rows:
        if len(cells) == len(names) and sorted(cells) == ordered and list(cells) != wanted:
            raise UnreadableFileError(
                f"line {line} ({', '.join(cells)[:60]}) has the names of its columns in another "
                "order; make a file of the rows below it"
            )


def refuse_table_below(rows: Iterable[Row], names: Sequence[str]) -> None:
    """Refuse words below an empty line where a column above has only data, and the next row some.

    Of rows that aren't right below such a line, only the first ones are looked at.
    """
    kinds: list[set[str]] = [set() for _ in names]
    found: Row | None = None
    for number, row in enumerate(rows):
        if found and len(row.cells) == len(names) and any(map(class_of, row.cells)):
            raise UnreadableFileError(
                f"line {found.line} ({', '.join(filled(found.cells))[:60]}), below an empty line, "
                "begins another table; make a file of each, or leave out the empty line"
            )
        found = row if number and _may_be_header(row, names, kinds) else None
        if number < LOOKED_AT and not found:
            for kind, cell in zip(kinds, row.cells, strict=False):
                kind.update({class_of(cell)} if cell.strip() else ())


def _may_be_header(row: Row, names: Sequence[str], kinds: Sequence[set[str]]) -> bool:
    """Whether a row has names in all cells, or in the first ones, over columns with data."""
    if not row.is_apart or len(row.cells) != len(names):
        return False
    cells = filled(row.cells)
    return (
        (len(cells) > 1 or len(cells) == len(names))
        and list(row.cells[: len(cells)]) == cells
        and all(_NAME.search(cell) and not NO_VALUE.fullmatch(cell) for cell in cells)
        and any(kind and "" not in kind for kind in kinds[: len(cells)])
        and not any(map(class_of, cells))
        and not repeats(row.cells, names)
    )


def filled(cells: Sequence[str]) -> list[str]:
    """The cells that aren't empty."""
    return [cell for cell in cells if cell.strip()]


def refuse_table_beside(records: Records) -> None:
    """Refuse named columns right of an empty one whose rows end where those on its left go on."""
    names = [name.strip() for name in records.names]
    gaps = [
        n
        for n, name in enumerate(names)
        if not name and sum(map(bool, names[:n])) > 1 and sum(map(bool, names[n:])) > 1
    ]
    if not gaps:
        return
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    def filled_rows(column: int) -> list[bool]:
        texts = pq.read_table(records.path, columns=[f"c{column}"]).column(0)
        return [bool(length) for length in pc.binary_length(texts).to_pylist()]

    for gap in gaps:
        if any(filled_rows(gap)):
            continue
        left = next(n for n in reversed(range(gap)) if names[n])
        right = next(n for n in range(gap, len(names)) if names[n])
        lengths = [_length(filled_rows(column)) for column in (left, right)]
        if None not in lengths and lengths[0] != lengths[1]:
            raise UnreadableFileError(
                f"it has two tables side by side: one with {names[left]}, of {lengths[0]:,} rows, "
                f"and one with {names[right]}, of {lengths[1]:,}; make a file of each"
            )


def _length(rows: Sequence[bool]) -> int | None:
    """How many rows are filled before all others, which are empty; None if that isn't so."""
    length = sum(rows)
    return length if length > 1 and all(rows[:length]) else None
