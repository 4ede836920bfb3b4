"""What a sheet is, and its values."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal

Value = None | str | bool | int | Decimal | float | date | datetime | time | timedelta
Row = tuple[int, list[Value]]
Position = tuple[int, int]
"""Row and column, from 0."""
Units = dict[int, dict[str, Position]]
"""By column: each unit shown with its numbers ("" for none), and the last cell that has it."""

# The area from A1 to the last cell, for each of whose cells calamine takes 32 bytes.
LARGEST_AREA = 20_000_000
_EXACT_INTEGERS = 2**53
_SAFE_DIGITS = 15


@dataclass(frozen=True)
class Sheet:
    """A sheet's rows, each with its number in the sheet (from 1), without empty rows.

    A row ends with its last value; empty text is None. Text is as typed. A number is an int if it
    is whole, a Decimal if at most 15 digits write it, and otherwise a float. A date whose time is
    midnight is a `date`, even among others with times. A duration is a timedelta; a time of day is
    one only if its cell's format goes beyond 24 hours, or if it is negative. An error is its text,
    such as "#REF!". Of merged cells, the first has the value.
    `merged` lists those over several rows: the first row, the column, the last row, from 0.

    `units` are currencies and `%`, which the numbers alone don't show. A whole number whose format
    shows leading zeros, such as the post code 01067, is the text as shown.

    `unknown` names cells such as "D5" whose formula has no stored value, as programs that can't
    calculate write them; here they are None. Whoever loads the sheet must refuse it or say so;
    saving the file once in a spreadsheet program stores the values. In .xls and .xlsb these can't
    be detected, and are just None.
    """

    name: str
    visible: bool
    rows: list[Row]
    unknown: tuple[str, ...] = ()
    units: Units = field(default_factory=dict)
    merged: tuple[tuple[int, int, int], ...] = ()


def number(value: float) -> int | Decimal | float:
    """A number as it was typed, as far as a float shows that."""
    if value.is_integer() and abs(value) < _EXACT_INTEGERS:
        return int(value)
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number")
    shortest = Decimal(repr(value))
    return shortest if len(shortest.as_tuple().digits) <= _SAFE_DIGITS else value


def trimmed(values: list[Value]) -> list[Value]:
    """Values up to the last one that isn't None."""
    last = len(values)
    while last and values[last - 1] is None:
        last -= 1
    return values if last == len(values) else values[:last]


def address(position: Position) -> str:
    """A cell's name in a spreadsheet, such as "D5"."""
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
