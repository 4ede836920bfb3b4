"""Finds rows of a table that sum up the others."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import Any

from ingestion.files.currencies import SIGN_WORDS, SIGNS
from ingestion.files.forms import Form, possible_forms
from ingestion.files.looks import class_of, is_word_for_total

# The texts of a column, counted from 0, in the rows at some places.
Cells = Callable[[int, Sequence[int]], Sequence[str]]

# A larger table is left as it is: parsing a number takes microseconds.
MOST_ROWS = 100_000
_MOST_CELLS = 1_000_000
_SAMPLE = 100
_NOISE = Decimal("0.000001")  # of a sheet's formulas
_DURATION = re.compile(r"(?P<minus>-?)(?P<hours>\d{1,6}):(?P<rest>[0-5]\d(?::[0-5]\d)?)")
_CURRENCY = re.compile(rf"[{SIGNS.replace('%', '')}]|{SIGN_WORDS}")
# So that a row with sums and rates is no coincidence.
_DIGITS_THAT_TELL = 3


def sums(cells: Cells, rows: int, width: int) -> set[int]:
    """The places of rows that sum up others; none in a table too large to look.

    The first filled cell of such a row is a word for a total; the last row and the first may lack
    the word if all others start with something. After it are only numbers, durations, dashes, and
    texts that all rows have. Its numbers are sums of their columns, either since the previous such
    row or from the top, or in the first row down to the end; with two sums, the others may be rates
    in the range of their columns. When in doubt, a row isn't a sum.
    """
    if width < 2 or not 1 < rows <= MOST_ROWS:
        return set()
    first = [text.strip() for text in cells(0, range(rows))]
    filled = _candidates(cells, first, width)
    columns = {column for found in filled.values() for column in found.numbers}
    # If most rows have the word, it is what the table is about.
    if not columns or 2 * len(filled) > rows or rows * len(columns) > _MOST_CELLS:
        return set()
    places = list(filled)
    read = {
        column: [
            _split(numbers, places)
            for numbers in _readings(_without_currency(cells(column, range(rows)), places))
        ]
        for column in columns
    }
    found: set[int] = set()
    part, whole = _Others(read), _Others(read)
    for n, at in enumerate(places):
        part.add_between(n)
        whole.add_between(n)
        if part.are_summed_by(n, filled[at]) or whole.are_summed_by(n, filled[at]):
            found.add(at)
            part = _Others(read)
        else:
            part.add_candidate(n)
            whole.add_candidate(n)
    if places[0] == 0:
        below = _Others(read)
        for n, at in enumerate(places[1:], 1):
            below.add_between(n)
            if at not in found:
                below.add_candidate(n)
        below.add_between(len(places))
        top = filled[0]
        if below.are_summed_by(0, top, at_least=2, columns=1 if top.named else 2):
            found.add(0)
    return found


@dataclass
class _Candidate:
    """A row that could be a sum: its columns with numbers, and how many cells it lacks."""

    named: bool
    numbers: list[int] = field(default_factory=list)
    lacks: int = 0


def _candidates(cells: Cells, first: Sequence[str], width: int) -> dict[int, _Candidate]:
    """The rows that could be sums, by their places."""
    words = {text for text in {*first} if is_word_for_total(text)}
    blank = [at for at, text in enumerate(first) if not text]
    if len(blank) * width > _MOST_CELLS:
        return {}
    labels = _first_filled(cells, blank, width)
    if class_of(first[-1]) == "day":  # of the export; a bare `Total` beside it is a client
        after = _first_filled(cells, [len(first) - 1], width)
        labels |= {at: text for at, text in after.items() if " " in text}
    named = {at for at, text in enumerate(first) if text in words}
    named |= {at for at, text in labels.items() if is_word_for_total(text)}
    without = {at for at, text in labels.items() if text and not first[at]} - named
    places = named | (without & {0, len(first) - 1} if len(without) == 1 else set())
    if len(places) * width > _MOST_CELLS:
        return {}
    found = {at: _Candidate(at in named) for at in sorted(places)}
    texts: dict[int, set[int]] = {}
    for column in range(1, width):
        for at, text in zip([*found], cells(column, [*found]), strict=True):
            plain = text.strip()
            if not _has_value(plain):
                found[at].lacks += 1
            elif class_of(plain) == "number" or _DURATION.fullmatch(plain):
                found[at].numbers.append(column)
            elif at not in named:
                del found[at]
            elif plain != labels.get(at):
                texts.setdefault(column, set()).add(at)
    for column, at_places in texts.items():
        if len({text.strip() for text in cells(column, range(len(first)))} - {""}) > 1:
            found = {at: candidate for at, candidate in found.items() if at not in at_places}
    return {at: candidate for at, candidate in found.items() if candidate.numbers}


def _first_filled(cells: Cells, places: Sequence[int], width: int) -> dict[int, str]:
    """The first text after the first cell of each of these rows; "" if there is none."""
    found = dict.fromkeys(places, "")
    left = list(places)
    for column in range(1, width):
        if not left:
            break
        for at, text in zip(left, cells(column, left), strict=True):
            found[at] = text.strip()
        left = [at for at in left if not found[at]]
    return found


def _has_value(text: str) -> bool:
    """Whether a cell isn't empty, nor a dash that says so."""
    return any(map(str.isalnum, text))


def _without_currency(texts: Sequence[str], places: Sequence[int]) -> list[str]:
    """A column whose candidates have no currency if none of the other rows has one."""
    plain = list(texts)
    if any(map(_CURRENCY.search, (texts[at] for at in places))):
        others = {*range(len(texts))} - {*places}
        if not any(_CURRENCY.search(texts[at]) for at in others):
            for at in places:
                plain[at] = _CURRENCY.sub("", texts[at]).strip()
    return plain


def _readings(texts: Sequence[str]) -> list[list[Any]]:
    """A column's numbers, None where it is empty, in each form that all of them are in."""
    texts = [text if _has_value(text) else "" for text in texts]
    sample = list(islice((text for text in texts if text), _SAMPLE))
    if sample and _DURATION.fullmatch(sample[0].strip()):
        times = [_DURATION.fullmatch(text.strip()) if text else None for text in texts]
        if any(text and not time for text, time in zip(texts, times, strict=True)):
            return []
        return [[time and _seconds(time) for time in times]]
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


def _seconds(time: re.Match[str]) -> int:
    minutes, *seconds = map(int, time["rest"].split(":"))
    length = int(time["hours"]) * 3600 + minutes * 60 + sum(seconds)
    return -length if time["minus"] else length


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
class _Span:
    """Numbers of a column: their sum, how many of them aren't zero, the least and the greatest."""

    total: Any = 0
    addends: int = 0
    least: Any = None
    most: Any = None

    @classmethod
    def of(cls, numbers: Iterable[Any]) -> _Span:
        """The span of numbers, without those that are None."""
        known = [number for number in numbers if number is not None]
        if not known:
            return cls()
        return cls(sum(known), sum(map(bool, known)), min(known), max(known))

    def __add__(self, other: _Span) -> _Span:
        """Both together."""
        if self.least is None or other.least is None:
            return other if self.least is None else self
        return _Span(
            self.total + other.total,
            self.addends + other.addends,
            min(self.least, other.least),
            max(self.most, other.most),
        )


@dataclass(frozen=True)
class _Split:
    """A column's numbers: those of the candidates, and of what is between each and the previous.

    The last span is below the last candidate.
    """

    own: list[Any]
    between: list[_Span]


def _split(numbers: Sequence[Any], places: Sequence[int]) -> _Split:
    begins = [0, *(at + 1 for at in places)]
    ends = [*places, len(numbers)]
    between = [_Span.of(numbers[b:e]) for b, e in zip(begins, ends, strict=True)]
    return _Split([numbers[at] for at in places], between)


class _Others:
    """What the rows beside a candidate sum up to, by column and by the form of its numbers."""

    def __init__(self, read: Mapping[int, Sequence[_Split]]) -> None:
        self._read = read
        self._spans = {column: [_Span()] * len(splits) for column, splits in read.items()}

    def add_between(self, n: int) -> None:
        """Add the rows between the previous candidate and candidate number `n`."""
        self._add(lambda split: split.between[n])

    def add_candidate(self, n: int) -> None:
        """Add a candidate that is a row like others."""
        self._add(lambda split: _Span.of([split.own[n]]))

    def _add(self, more: Callable[[_Split], _Span]) -> None:
        for column, splits in self._read.items():
            self._spans[column] = [
                span + added
                for span, added in zip(self._spans[column], map(more, splits), strict=True)
            ]

    def are_summed_by(
        self, n: int, candidate: _Candidate, *, at_least: int = 1, columns: int = 1
    ) -> bool:
        """Whether candidate number `n` sums them up.

        At least `columns` of its sums have `at_least` addends.
        """
        found = self._addends(n, candidate.numbers)
        counts = [count for count, _ in found]
        if len(counts) < len(candidate.numbers) and not (
            sum(count > 1 for count in counts) > 1
            and max(digits for _, digits in found) >= _DIGITS_THAT_TELL
        ):
            return False
        # One addend could be a coincidence, unless two columns agree or the row lacks a cell.
        enough = candidate.named and (sum(map(bool, counts)) > 1 or candidate.lacks > 0)
        least = max(at_least, 1 if enough else 2)
        return sum(count >= least for count in counts) >= columns

    def _addends(self, n: int, columns: Collection[int]) -> list[tuple[int, int]]:
        """How many numbers a candidate sums up, 0 for a sum of 0, and the digits of their sum.

        Columns with rates are left out. Empty if one of its numbers is neither sum nor rate.
        """
        found = []
        for column in columns:
            pairs = [
                (span, split.own[n])
                for span, split in zip(self._spans[column], self._read[column], strict=True)
            ]
            fits = [
                (span.addends if own else 0, sum(map(str.isdigit, str(own))))
                for span, own in pairs
                if abs(span.total - own) < _NOISE
            ]
            if fits:
                found.append(max(fits))
            elif not any(s.least is not None and s.least <= own <= s.most for s, own in pairs):
                return []
        return found
