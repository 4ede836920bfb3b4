"""What a sheet is, and its values."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

Value = None | str | bool | int | Decimal | float | date | datetime | time | timedelta
Row = tuple[int, list[Value]]
Position = tuple[int, int]
"""Row and column, from 0."""

# The area from A1 to the last cell: calamine holds 32 bytes for each of its cells.
LARGEST_AREA = 20_000_000
_EXACT_INTEGERS = 2**53
_SAFE_DIGITS = 15


@dataclass(frozen=True)
class Sheet:
    """A sheet's rows, each with its number in the sheet (from 1), without empty rows.

    A row ends with its last value; an empty text is None. Text is as it was typed. A number is an
    int if it is whole, a Decimal if at most 15 digits write it, and a float otherwise. A date whose
    time is midnight is a `date`, also beside others with times; a duration is a timedelta, and a
    time of day one only if the cell shows it with a format for more than 24 hours, or if it is
    negative. An error is its text, such as "#REF!". Of merged cells the first has the value.

    `unknown` names cells, such as "D5", whose formula has no stored value, as programs write that
    can't calculate; here they are None. Who loads the sheet must refuse it, or say so: saving the
    file once in a spreadsheet program stores the values. In .xls and .xlsb nobody tells: there,
    errors and formulas without a value are None, and a negative time is a time of day.
    """

    name: str
    visible: bool
    rows: list[Row]
    unknown: tuple[str, ...] = ()


def number(value: float) -> int | Decimal | float:
    """A number as it was typed, where a float can tell it."""
    if value.is_integer() and abs(value) < _EXACT_INTEGERS:
        return int(value)
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number")
    shortest = Decimal(repr(value))
    return shortest if len(shortest.as_tuple().digits) <= _SAFE_DIGITS else value


def trimmed(values: list[Value]) -> list[Value]:
    """Values up to the last that isn't None."""
    last = len(values)
    while last and values[last - 1] is None:
        last -= 1
    return values if last == len(values) else values[:last]


def address(position: Position) -> str:
    """What a spreadsheet calls a cell, such as "D5"."""
    row, column = position
    letters = ""
    column += 1
    while column:
        column, letter = divmod(column - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return f"{letters}{row + 1}"


def addresses(positions: Iterable[Position]) -> tuple[str, ...]:
    """The cells' names, row by row."""
    return tuple(address(position) for position in sorted(positions))


def too_large(sheet: str, rows: int, columns: int) -> str | None:
    """Why a sheet of this extent is refused; None if it isn't."""
    if rows * columns <= LARGEST_AREA:
        return None
    return (
        f"sheet {sheet!r} reaches to {address((rows - 1, columns - 1))}, {rows * columns:,} cells "
        f"of at most {LARGEST_AREA:,}; delete what is far from the table, or save it as CSV"
    )
