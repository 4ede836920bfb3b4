"""Finds rows of a table that sum up those above."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any

from ingestion.files.forms import Form, possible_forms
from ingestion.files.looks import class_of, is_word_for_total

# The texts of a column, counted from 0, in the rows at some places.
Cells = Callable[[int, Sequence[int]], Sequence[str]]

# A larger table is left as it is: parsing a number takes microseconds.
MOST_ROWS = 100_000
_MOST_CELLS = 1_000_000
_SAMPLE = 100
_NOISE = Decimal("0.000001")  # of a sheet's formulas


def sums(cells: Cells, rows: int, width: int) -> set[int]:
    """The places of rows that sum up rows above; none in a table too large to look.

    Such a row starts with a word for a total and has only numbers after it; the last one may lack
    the word if all the other rows start with something. All its numbers are sums of their columns,
    either since the previous such row or from the top. When in doubt, a row isn't a sum.
    """
    if width < 2 or not 1 < rows <= MOST_ROWS:
        return set()
    first = [text.strip() for text in cells(0, range(rows))]
    filled = _candidates(cells, first, width)
    columns = {column for found in filled.values() for column in found}
    # If most rows have the word, it is what the table is about.
    if not columns or 2 * len(filled) > rows or rows * len(columns) > _MOST_CELLS:
        return set()
    places = list(filled)
    read = {
        column: [_split(numbers, places) for numbers in _readings(cells(column, range(rows)))]
        for column in columns
    }
    found: set[int] = set()
    part, whole = _Above(read), _Above(read)
    for n, at in enumerate(places):
        part.add_between(n)
        whole.add_between(n)
        counts = part.addends(n, filled[at]) or whole.addends(n, filled[at])
        # One addend could be a coincidence, unless two columns agree or the row lacks a cell.
        enough = bool(first[at]) and (sum(map(bool, counts)) > 1 or len(filled[at]) + 1 < width)
        if max(counts, default=0) >= (1 if enough else 2):
            found.add(at)
            part = _Above(read)
        else:
            part.add_candidate(n)
            whole.add_candidate(n)
    return found


def _candidates(cells: Cells, first: Sequence[str], width: int) -> dict[int, list[int]]:
    """The places of rows that could be sums, each with the columns in which it has numbers."""
    words = {text for text in {*first} if is_word_for_total(text)}
    places = [at for at, text in enumerate(first) if text in words]
    *above, last = first
    if not last and len(above) > 1:
        unnamed = [at for at, text in enumerate(above) if not text]
        if not any(text.strip() for n in range(1, width) for text in cells(n, unnamed)):
            places.append(len(above))
    if len(places) * width > _MOST_CELLS:
        return {}
    filled: dict[int, list[int]] = {at: [] for at in places}
    for column in range(1, width):
        for at, text in zip(places, cells(column, places), strict=True):
            if not text.strip() or at not in filled:
                continue
            if class_of(text) == "number":
                filled[at].append(column)
            else:
                del filled[at]
    return {at: columns for at, columns in filled.items() if columns}


def _readings(texts: Sequence[str]) -> list[list[Any]]:
    """A column's numbers, None where it is empty, in each form that all of them are in."""
    sample = list(islice((text for text in texts if text.strip()), _SAMPLE))
    failed: set[Form] = set()
    found: list[list[Any]] = []
    while not found:
        forms = possible_forms(sample, failed, are_numbers=True)
        forms = [form for form in forms if form.kind in ("integer", "decimal")]
        if not forms:
            break
        for form in forms:
            numbers: list[Any] = []
            odd = next((text for text in texts if not _parse(form, text, numbers)), None)
            if odd is None:
                found.append(numbers)
            else:
                sample.append(odd)
                failed.add(form)
    return found


def _parse(form: Form, text: str, numbers: list[Any]) -> bool:
    """Append the number of a text, None if it is empty; False if it isn't in the form."""
    if text.strip():
        if not form.fits((text,)):
            return False
        numbers.append(form.parsed(text))
    else:
        numbers.append(None)
    return True


@dataclass(frozen=True)
class _Split:
    """A column's numbers: those of the candidates, and of what is between each and the previous.

    The latter are a sum and how many of its addends aren't zero.
    """

    own: list[Any]
    between: list[tuple[Any, int]]


def _split(numbers: Sequence[Any], places: Sequence[int]) -> _Split:
    begins = [0, *(at + 1 for at in places)]
    between = []
    for begin, end in zip(begins, places, strict=False):
        addends = [number for number in numbers[begin:end] if number]
        between.append((sum(addends), len(addends)))
    return _Split([numbers[at] for at in places], between)


class _Above:
    """What the rows above a candidate sum up to, by column and by the form of its numbers."""

    def __init__(self, read: Mapping[int, Sequence[_Split]]) -> None:
        self._read = read
        self._sums: dict[int, list[tuple[Any, int]]] = {
            column: [(0, 0)] * len(splits) for column, splits in read.items()
        }

    def add_between(self, n: int) -> None:
        """Add the rows between the previous candidate and candidate number `n`."""
        self._add(lambda split: split.between[n])

    def add_candidate(self, n: int) -> None:
        """Add a candidate that is a row like others."""
        self._add(lambda split: (split.own[n] or 0, int(bool(split.own[n]))))

    def _add(self, more: Callable[[_Split], tuple[Any, int]]) -> None:
        for column, splits in self._read.items():
            self._sums[column] = [
                (total + amount, count + addends)
                for (total, count), (amount, addends) in zip(
                    self._sums[column], map(more, splits), strict=True
                )
            ]

    def addends(self, n: int, columns: Collection[int]) -> list[int]:
        """How many numbers a candidate sums up in each column, 0 for a sum of 0.

        Empty if one of its numbers is no sum.
        """
        counts = []
        for column in columns:
            fits = [
                count if split.own[n] else 0
                for (total, count), split in zip(
                    self._sums[column], self._read[column], strict=True
                )
                if abs(total - split.own[n]) < _NOISE
            ]
            if not fits:
                return []
            counts.append(max(fits))
        return counts
