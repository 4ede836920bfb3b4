"""What a cell looks like: data, or the name of a column."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from ingestion.files.currencies import LOCAL_SIGNS, SIGNS

_UNIT = rf"[{SIGNS}]|[A-Z]{{3}}|{LOCAL_SIGNS}"
# None of them may go back over a long text: a cell can have megabytes.
_CLASSES = (
    ("day", re.compile(r"\d{1,4}([./-])\d{1,2}\1\d{1,4}([T ].*)?")),
    ("day", re.compile(r"\d{1,2}[ -][A-Za-zäé]{3,9}\.?[ -]\d{2,4}")),
    ("number", re.compile(
        rf"[(+\u2212-]?\s*(?:{_UNIT})?\s?[-\u2212]?\d[\d.,'\u2019\s\u00a0\u202f]*\s?"
        rf"(?:{_UNIT})?\)?-?"
    )),
    ("time", re.compile(r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?( ?[AaPp]\.?[Mm]\.?)?")),
    ("mail", re.compile(r"[^@\s]+@[^@\s][^@\s.]*+\.[^@\s]+")),
    ("address", re.compile(r"https?://\S+")),
    ("account", re.compile(r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?")),
    ("boolean", re.compile(r"true|false", re.IGNORECASE)),
    ("id", re.compile(
        r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|[a-z]{2,6}_[^\W\d]*+\d\w*"
    )),
)  # fmt: skip
WORDS_ONLY = "it has words only, and nothing below it speaks against it"
_YEAR = re.compile(r"(19|20)\d\d")
_LABELS_THAT_TELL = 3
_MONTH = re.compile(r"(0?[1-9]|1[0-2])\.(19|20)\d\d")
_TOTAL = re.compile(
    r"(sub|grand )?totals?(:? .*)?|(end|zwischen|gesamt)?summen?(:? .*)?|sum(s|me)?"
    r"|gesamt(betrag|: .*)?"
    r"|tot(ales|ali|aux|aal|alt)|eindtotaal|total (général|general|geral)|totale( .*)?"
    r"|gesamtergebnis|insgesamt|suma|soma|somma|summa|razem|łącznie|celkem|součet|összesen|i alt"
    r"|yhteensä|toplam|итого|всего|合計|小計|合计|总计"
    r"|(anfangs|start|end|abschluss)?saldo"
    r"|(opening|beginning|closing|ending) balance|((alter|neuer) )?kontostand.*",
    re.IGNORECASE,
)
# `Total Energies` is a company; `Total Hours` isn't.
_MAY_BE_A_NAME = re.compile(
    r"[Tt]ot(?:al|ale|als) (?!(?:Hours|Time|Amounts?|Due|Paid|Income|Expenses?|Revenues?|Sales|Net"
    r"|Gross|Tax|VAT|Fees?|Costs?|Balance|Credits?|Debits?|Payments?|Duration|Records|Rows|Items"
    r"|Orders|Count|Value|Price|Quantity|Qty|Billable|[A-Z]{3})\b)[A-ZÀ-Þ]\D*"
)
NO_VALUE = re.compile(r"\s*(none|null|nil|nan|n\.?/?a\.?|tbd|unknown|pending)\s*", re.IGNORECASE)
# Of a group, `Nord gesamt`; so may a client be called, unless the numbers are sums.
_TOTAL_OF = r"(\S+ ){1,3}((sub)?total|gesamt|summe|ergebnis)"
_ANY_TOTAL = re.compile(f"{_TOTAL.pattern}|{_TOTAL_OF}", re.IGNORECASE)
# The same, for Arrow to match against a whole column.
TOTAL = rf"(?i)^\s*(?:{_ANY_TOTAL.pattern})\s*:?\s*$"


def class_of(cell: str) -> str:
    """What kind of datum a cell is; "" for words and empty cells."""
    text = cell.strip()
    return next((name for name, form in _CLASSES if form.fullmatch(text)), "")


def is_total(row: Sequence[str], above: Sequence[str] = ()) -> bool:
    """Whether a row sums up those above: a word for a total, and half of the cells empty.

    What may be a name is none: whether its numbers are sums is for others to say. The word alone
    is enough where the row `above` has a date or a number.
    """
    filled = [place for place, cell in enumerate(row) if cell.strip()]
    told = next((n for n in filled if _TOTAL.fullmatch(row[n].strip().rstrip(":"))), None)
    if (
        told is None
        or len(row) == 1
        or _MAY_BE_A_NAME.fullmatch(row[told].strip())
        or (" " in row[told].strip() and not any(c.isdigit() for n in filled for c in row[n]))
        or any(class_of(row[n]) not in ("", "day") for n in filled if n < told)
    ):
        return False
    other = told < len(above) and class_of(above[told]) != ""
    return other or len(filled) * 2 <= len(row) + 1


def footer_rows(last: Sequence[Sequence[str]]) -> int:
    """How many of a file's last rows aren't records: totals, empty rows, and a note below them."""
    found = 0
    for number, row in enumerate(reversed(last), 1):
        above = last[-number - 1] if number < len(last) else ()
        filled = sum(bool(cell.strip()) for cell in row)
        note = filled == 1 and len(row) > 2 and above and not any(above)
        if is_total(row, _full(last)) or note or (not filled and len(row) > 1):
            found = number
        else:
            break
    return found


def _full(rows: Sequence[Sequence[str]]) -> Sequence[str]:
    """The first of the fullest rows: one that isn't a total."""
    return max(rows, key=lambda row: sum(bool(cell.strip()) for cell in row))


def is_word_for_total(cell: str) -> bool:
    """Whether a cell is a word for a total, `Total:`, `Summe Mai` or `Nord gesamt`."""
    return bool(_ANY_TOTAL.fullmatch(cell.strip().rstrip(":")))


def repeats(row: Sequence[str], names: Sequence[str]) -> bool:
    """Whether a row repeats the header, as in joined files: after a byte order mark, or padded."""
    return len(row) == len(names) and all(
        cell == name or cell.strip("\ufeff \t\f") == name.strip("\ufeff \t\f")
        for cell, name in zip(row, names, strict=True)
    )


def header_or_data(names: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Why these cells are the names of the body's columns; "" if they look like data themselves."""
    contrast, alike, labelled = [], 0, True
    rows = [row for row in body if not repeats(row[: len(names)], names)]  # exports may repeat it
    for place, name in enumerate(names):
        below = [row[place] for row in rows if place < len(row) and row[place].strip()]
        kinds = {class_of(cell) for cell in below}
        kind = class_of(name)
        if below and name.strip() and not kind and "" not in kinds:
            contrast.append(name.strip())
        if kind == "day" and kinds != {"number"}:
            labelled = False
        if (kind and (kinds == {kind} or not below)) or (
            name.strip() and below.count(name) and any(cell != name for cell in below)
        ):
            alike += 1
    if contrast and alike <= len(contrast):
        return f"{contrast[0]!r} stands over values of another kind"
    if alike and _labels(names):
        return "its numbers are labels in a row"
    if labelled and sum(class_of(name) == "day" for name in names) > 1 and _labels(names):
        return "its days are labels over numbers"
    if alike:
        return ""
    return WORDS_ONLY


def _labels(names: Sequence[str]) -> bool:
    """Years, or three numbers that go up by one, after a first name that is a word."""
    if not names or class_of(names[0]):
        return False
    numbers = [name.strip() for name in names if class_of(name)]
    if len(numbers) > 1 and all(map(_MONTH.fullmatch, numbers)):
        return len(set(numbers)) == len(numbers)
    if not all(number.isdigit() for number in numbers):
        return all(class_of(n) == "day" for n in numbers) and len(set(numbers)) == len(numbers) > 1
    if len(numbers) < _LABELS_THAT_TELL and not all(map(_YEAR.fullmatch, numbers)):
        return False
    found = [int(number) for number in numbers]
    return bool(found) and all(later - earlier == 1 for earlier, later in pairwise(found))
