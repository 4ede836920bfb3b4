"""What a cell looks like: data, or the name of a column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

_CLASSES = (
    ("day", re.compile(r"\d{1,4}([./-])\d{1,2}\1\d{1,4}([T ].*)?")),
    ("day", re.compile(r"\d{1,2}[ -][A-Za-zäé]{3,9}\.?[ -]\d{2,4}")),
    ("number", re.compile(
        r"[(+\u2212-]?\s*(?:[€$£¥]|[A-Z]{3})?\s?[-\u2212]?\d[\d.,'\u2019\s\u00a0\u202f]*\s?"
        r"(?:%|[€$£¥]|[A-Z]{3})?\)?-?"
    )),
    ("time", re.compile(r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?( ?[AaPp]\.?[Mm]\.?)?")),
    ("mail", re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")),
    ("address", re.compile(r"https?://\S+")),
    ("account", re.compile(r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?")),
    ("boolean", re.compile(r"true|false", re.IGNORECASE)),
    ("id", re.compile(r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|[a-z]{2,6}_\w*\d\w*")),
)  # fmt: skip
WORDS_ONLY = "it has words only, and nothing below it speaks against it"
_YEAR = re.compile(r"(19|20)\d\d")
_MONTH = re.compile(r"(0?[1-9]|1[0-2])\.(19|20)\d\d")
_TOTAL = re.compile(
    r"(sub|grand )?totals?( .*)?|(end|zwischen|gesamt)?summen?( .*)?|gesamt(betrag)?|sum(s|me)?"
    r"|total général|totale|(anfangs|start|end|abschluss)?saldo"
    r"|(opening|beginning|closing|ending) balance|((alter|neuer) )?kontostand.*",
    re.IGNORECASE,
)


def class_of(cell: str) -> str:
    """What kind of datum a cell is, "" for words and for none."""
    text = cell.strip()
    return next((name for name, form in _CLASSES if form.fullmatch(text)), "")


def is_total(row: Sequence[str], above: Sequence[str] = ()) -> bool:
    """Whether a row sums up the ones above: a word for it, and half of the cells empty.

    A word for it where the row `above` has a date or a number is enough.
    """
    filled = [place for place, cell in enumerate(row) if cell.strip()]
    told = next((n for n in filled if _TOTAL.fullmatch(row[n].strip().rstrip(":"))), None)
    if (
        told is None
        or len(row) == 1
        or any(class_of(row[n]) not in ("", "day") for n in filled if n < told)
    ):
        return False
    other = told < len(above) and class_of(above[told]) != ""
    return other or len(filled) * 2 <= len(row) + 1


def header_or_data(names: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Why these cells are the names of the body's columns; "" if they look like a row of it."""
    contrast, alike = [], 0
    rows = [row for row in body if list(row[: len(names)]) != list(names)]  # it may come again
    for place, name in enumerate(names):
        below = [row[place] for row in rows if place < len(row) and row[place].strip()]
        kinds = {class_of(cell) for cell in below}
        kind = class_of(name)
        if below and name.strip() and not kind and "" not in kinds:
            contrast.append(name.strip())
        if (kind and (kinds == {kind} or not below)) or (
            name.strip() and below.count(name) and any(cell != name for cell in below)
        ):
            alike += 1
    if contrast and alike <= len(contrast):
        return f"{contrast[0]!r} stands over values of another kind"
    if alike and _labels(names):
        return "its numbers are labels in a row"
    if alike:
        return ""
    return WORDS_ONLY


def _labels(names: Sequence[str]) -> bool:
    """Years, or numbers that go up by one, after a first name that is a word."""
    if not names or class_of(names[0]):
        return False
    numbers = [name.strip() for name in names if class_of(name)]
    if len(numbers) > 1 and all(map(_MONTH.fullmatch, numbers)):
        return len(set(numbers)) == len(numbers)
    if not all(number.isdigit() for number in numbers):
        return all(class_of(n) == "day" for n in numbers) and len(set(numbers)) == len(numbers) > 1
    if len(numbers) < 2:
        return bool(numbers) and bool(_YEAR.fullmatch(numbers[0]))
    found = [int(number) for number in numbers]
    return all(later - earlier == 1 for earlier, later in pairwise(found))
