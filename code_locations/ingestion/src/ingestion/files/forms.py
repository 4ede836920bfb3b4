"""The forms in which values are written as text, each with its proof and its value in SQL.

A column has a form if all its values do: `pattern` matches the whole value, and `value` isn't null.
A form's name is what people see and what is remembered for a table's column.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from ingestion.files.codes import are_codes
from ingestion.files.currencies import SIGN_WORDS, SIGNS, WITHOUT_CENTS
from stack.sql import literal

_BLANKS = " \u00a0\u202f"
_LONG_MINUS = "\u2212"
_MINUS = "\\-\u2212"  # within brackets of a pattern
_UNITS = rf"[{SIGNS}]|{SIGN_WORDS}"
_UNIT = re.compile(
    rf"(?P<sign>[(+{_MINUS}]*)(?P<before>{_UNITS})?[{_BLANKS}]?[(+{_MINUS}]?\d[\d.,'\u2019{_BLANKS}]*?"
    rf"[{_MINUS}+)]?[{_BLANKS}]?(?P<after>{_UNITS})?[{_MINUS})]?"
)

_SHOWN = {
    "%d": "dd", "%m": "mm", "%Y": "yyyy", "%y": "yy", "%H": "hh", "%I": "hh", "%M": "mm",
    "%S": "ss", "%p": "AM/PM", "%b": "Mon", "%B": "Month",
}  # fmt: skip
_DIGITS = re.compile(r"-?\d+")


@dataclass(frozen=True)
class Form:
    """How a column's values are written, and what they are.

    `kind` is boolean, integer, decimal, date, timestamp or timestamptz. `pattern` is a regular
    expression valid in Python and RE2. `value` turns the SQL of a text into the SQL of its value;
    `parsed` does the same in Python, for samples.
    """

    name: str
    kind: str
    pattern: str
    value: Callable[[str], str]
    parsed: Callable[[str], Any]
    quick: Callable[[str], str] | None = None
    scale: int | None = None
    mark: str = ""
    order: str = ""

    @property
    def shown(self) -> str:
        """The name as people write such a form: `dd.mm.yyyy`."""
        return re.sub("%.", lambda part: _SHOWN.get(part[0], part[0]), self.name)

    def fits(self, texts: Iterable[str]) -> bool:
        """Whether all the texts are in this form."""
        pattern = re.compile(self.pattern)
        for text in texts:
            if not pattern.fullmatch(text):
                return False
            try:
                self.parsed(text)
            except (ValueError, ArithmeticError):
                return False
        return True

    def proof(self, text: str) -> str:
        """An SQL condition that a text is in this form."""
        if self.quick is not None:
            return self.quick(text)
        fits = f"regexp_full_match({text}, {literal(self.pattern)})"
        return f"({fits} and {self.value(text)} is not null)"


BOOLEAN = Form(
    name="true or false",
    kind="boolean",
    pattern="(?i:true|false)",
    value=lambda text: f"(lower({text}) = 'true')",
    parsed=lambda text: text.lower() == "true",
)
INTEGER = Form(
    name="whole number",
    kind="integer",
    pattern=r"-?[1-9]\d{0,18}|0",
    value=lambda text: f"try_cast({text} as bigint)",
    parsed=lambda text: _within(int(text)),
    quick=lambda text: f"(cast(try_cast({text} as bigint) as varchar) = {text})",
)


def _within(number: int) -> int:
    if not -(2**63) <= number < 2**63:
        raise ValueError(number)
    return number


@cache
def plain_decimal(scale: int, mark: str = ".") -> Form:
    """Numbers with a decimal mark and always this many digits after it."""
    kept = f"decimal(18, {scale})"
    point, point_only = _with_point(mark), "not contains({}, '.') and " if mark == "," else ""

    def value(text: str) -> str:
        return f"try_cast({point(text)} as {kept})"

    return Form(
        name=f"number with a {'comma' if mark == ',' else 'point'} and {scale} digits after it",
        kind="decimal",
        pattern=rf"-?(?:0|[1-9]\d*){re.escape(mark)}\d{{{scale}}}",
        value=value,
        parsed=lambda text: Decimal(text.replace(",", ".")),
        quick=lambda text: (
            f"({point_only.format(text)}cast({value(text)} as varchar) = {point(text)})"
        ),
        scale=scale,
        mark=mark,
    )


def _with_point(mark: str) -> Callable[[str], str]:
    """From SQL of a text to SQL of its number, with a decimal point."""
    return (lambda text: f"replace({text}, ',', '.')") if mark == "," else (lambda text: text)


# (decimal mark, thousands mark): the first is preferred if both give the same.
_MARKS = (
    (".", ""), (",", ""), (",", "."), (".", ","), (",", " "), (".", " "), (".", "'"), (",", "'"),
    (".", "\u2019"), (",", "\u2019"),
)  # fmt: skip


@cache
def _bare_number(mark: str) -> Form:
    """Numbers of only digits, a mark and a minus: proved in a third of the time of others."""
    return Form(
        name=_number(mark, "", "", "", "").name,
        kind="decimal",
        pattern=rf"-?(?:0|[1-9]\d*)(?:{re.escape(mark)}\d+)?",
        value=_with_point(mark),
        parsed=lambda text: Decimal(text.replace(",", ".")),
        mark=mark,
    )


@cache
def _number(mark: str, thousands: str, before: str, after: str, sign: str) -> Form:
    """Numbers with these marks, this unit, and this notation of negative ones."""
    between = f"[{_BLANKS}]" if thousands == " " else re.escape(thousands)
    grouped = rf"[1-9]\d{{0,2}}(?:{between}\d{{3}})+|" if thousands else ""
    if thousands == ",":
        grouped += r"[1-9]\d?(?:,\d{2})+,\d{3}|"  # lakhs and crores: 1,23,456
    core = rf"(?:0|{grouped}[1-9]\d*)(?:{re.escape(mark)}\d+)?"
    lead, tail = _fixed(before, left=True), _fixed(after, left=False)
    minus = f"[{_MINUS}+]"
    pattern = {
        "": rf"(?:{minus}?{lead}|{lead}{minus}?){core}{tail}"
        if before
        else rf"{minus}?{core}{tail}",
        "after": rf"{lead}{core}{minus}?{tail}",
        "brackets": rf"\({lead}{core}{tail}\)|{lead}\({core}\){tail}|{lead}{core}{tail}",
    }[sign]

    def value(text: str) -> str:
        drop = "".join(sorted({*"()+", *_BLANKS, thousands} - {""}))
        plain = text
        for unit in (before, after):  # before the marks: it may have one, as `kr.`
            plain = f"replace({plain}, {literal(unit)}, '')" if unit else plain
        plain = f"translate({plain}, {literal(_LONG_MINUS + drop)}, '-')"
        plain = f"replace({plain}, ',', '.')" if mark == "," else plain
        if sign == "after":
            plain = f"(case when {plain} like '%-' then '-' else '' end || rtrim({plain}, '-'))"
        if sign == "brackets":
            plain = f"(case when contains({text}, '(') then '-' else '' end || {plain})"
        return plain

    def parsed(text: str) -> Decimal:
        plain = text
        for unit in (before, after):
            plain = plain.replace(unit, "") if unit else plain
        plain = plain.translate({ord(c): None for c in f"()+{_BLANKS}{thousands}"})
        plain = plain.replace(_LONG_MINUS, "-")
        plain = plain.replace(",", ".") if mark == "," else plain
        negative = plain.endswith("-") or plain.startswith("-") or "(" in text
        number = Decimal(plain.strip("-"))
        return -number if negative else number

    example = {"": "-", "after": "", "brackets": "("}[sign] + before
    example += f"1{thousands}234{mark}5" if thousands else f"1{mark}5"
    example += after + {"": "", "after": "-", "brackets": ")"}[sign]
    return Form(f"number as {example}", "decimal", pattern, value, parsed, mark=mark)


def _fixed(unit: str, *, left: bool) -> str:
    if not unit:
        return ""
    blank = f"[{_BLANKS}]?"
    return re.escape(unit) + blank if left else blank + re.escape(unit)


def number_forms(
    texts: Sequence[str], header: str = "", *, are_numbers: bool = False
) -> Iterator[Form]:
    """The forms of numbers that all the texts are in; plain ones first.

    `are_numbers`: they are known not to be codes that look like numbers.
    """
    found = _UNIT.fullmatch(texts[0])
    if found is None or all(_DIGITS.fullmatch(text) for text in texts):
        return  # whole numbers too large for BIGINT are ids
    if not are_numbers and are_codes(texts, header):
        return
    before, after = found["before"] or "", found["after"] or ""
    sign = ""
    bare = [text.removesuffix(after).rstrip(_BLANKS) for text in texts]
    if any(text.endswith(("-", _LONG_MINUS)) for text in bare):
        sign = "after"
    elif any("(" in text for text in texts):
        sign = "brackets"
    for mark in (".", ","):
        scales = {len(text.rpartition(mark)[2]) if mark in text else -1 for text in texts}
        if len(scales) == 1 and 0 < (scale := scales.pop()) < 18:
            plain = plain_decimal(scale, mark)
            if plain.fits(texts):
                yield plain
    for mark, thousands in _MARKS:
        forms = [_number(mark, thousands, before, after, sign)]
        if not (thousands or before or after or sign):
            forms.insert(0, _bare_number(mark))
        yield from (
            form
            for form in forms
            if form.fits(texts)
            and not ({before, after} & WITHOUT_CENTS and any(_thousandths(form, t) for t in texts))
        )


def _thousandths(form: Form, text: str) -> bool:
    """Whether a number in this form has three digits after its decimal mark."""
    return form.mark in text and len(re.sub(r"\D", "", text.rpartition(form.mark)[2])) == 3


# Two-digit years whose century is certain: 2000 to 2039, 1970 to 1999. 55 may be 1955 or 2055.
_YY = r"[0-37-9]\d"
# Years of the Buddhist era, 543 ahead, would be taken for days in the 25th to 27th century.
_YYYY = r"(?:[013-9]\d{3}|2(?:[0-37-9]\d\d|6[5-9]\d))"
# strptime's format, what it looks like, and the order of day and month if another is possible.
_DAYS = (
    ("%Y-%m-%d", rf"{_YYYY}-\d{{2}}-\d{{2}}", ""),
    ("%d.%m.%Y", rf"\d{{1,2}}\.\d{{1,2}}\.{_YYYY}", ""),
    ("%d.%m.%y", rf"\d{{2}}\.\d{{2}}\.{_YY}", ""),
    ("%Y/%m/%d", rf"{_YYYY}/\d{{1,2}}/\d{{1,2}}", ""),
    ("%Y.%m.%d", rf"{_YYYY}\.\d{{2}}\.\d{{2}}", ""),
    ("%d/%m/%Y", rf"\d{{1,2}}/\d{{1,2}}/{_YYYY}", "dmy"),
    ("%m/%d/%Y", rf"\d{{1,2}}/\d{{1,2}}/{_YYYY}", "mdy"),
    ("%y.%m.%d", rf"{_YY}\.\d{{2}}\.\d{{2}}", "ymd"),
    ("%y/%m/%d", rf"{_YY}/\d{{2}}/\d{{2}}", "ymd"),
    ("%d/%m/%y", rf"\d{{1,2}}/\d{{1,2}}/{_YY}", "dmy"),
    ("%m/%d/%y", rf"\d{{1,2}}/\d{{1,2}}/{_YY}", "mdy"),
    ("%d-%m-%Y", rf"\d{{1,2}}-\d{{1,2}}-{_YYYY}", "dmy"),
    ("%m-%d-%Y", rf"\d{{1,2}}-\d{{1,2}}-{_YYYY}", "mdy"),
    ("%d-%b-%Y", rf"\d{{1,2}}-[A-Z][a-z]{{2}}-{_YYYY}", ""),
    ("%d-%b-%y", rf"\d{{1,2}}-[A-Z][a-z]{{2}}-{_YY}", ""),
    ("%d %b %Y", rf"\d{{1,2}} [A-Z][a-z]{{2}} {_YYYY}", ""),
    ("%d %B %Y", rf"\d{{1,2}} [A-Z][a-z]{{3,8}} {_YYYY}", ""),
    ("%b %d, %Y", rf"[A-Z][a-z]{{2}} \d{{1,2}}, {_YYYY}", ""),
    ("%B %d, %Y", rf"[A-Z][a-z]{{3,8}} \d{{1,2}}, {_YYYY}", ""),
    ("%d %B, %Y", rf"\d{{1,2}} [A-Z][a-z]{{3,8}}, {_YYYY}", ""),
)
_TIMES = (
    ("%H:%M:%S", r"\d{1,2}:\d{2}:\d{2}"),
    ("%H:%M", r"\d{1,2}:\d{2}"),
    ("%I:%M:%S %p", r"\d{1,2}:\d{2}:\d{2} [AP]M"),
    ("%I:%M %p", r"\d{1,2}:\d{2} [AP]M"),
)
_MINUTES = rf"{_YYYY}-\d{{2}}-\d{{2}}[T ](?:[01]\d|2[0-3]):[0-5]\d"
_SECONDS = r":[0-5]\d(?:\.\d{1,6})?"
_ZONE = r" ?(?:Z|UTC|[+-](?:0\d|1[0-4])(?::?[0-5]\d)?)"


def _buddhist(text: str) -> str:
    return f"({text} >= '2400' and {text} < '2650')"


def _by_format(form: str, pattern: str, kind: str, order: str = "") -> Form:
    """Days or times in one strptime format. Two-digit years from 69 to 99 are 19xx."""
    cast = "date" if kind == "date" else "timestamp"
    quick = None
    if form == "%Y-%m-%d":
        quick = lambda text: (  # noqa: E731
            f"(len({text}) = 10 and cast(try_cast({text} as date) as varchar) = {text}"
            f" and not {_buddhist(text)})"
        )
    return Form(
        name=form,
        kind=kind,
        pattern=pattern,
        value=(lambda text: f"try_cast({text} as date)")
        if quick
        else lambda text: f"cast(try_strptime({text}, {literal(form)}) as {cast})",
        parsed=lambda text: datetime.strptime(text, form),  # noqa: DTZ007 the file has no zone
        quick=quick,
        order=order,
    )


def _iso(name: str, kind: str, pattern: str, seconds: str = "") -> Form:
    def value(text: str) -> str:
        if kind == "timestamp":
            return f"try_cast({text} as timestamp)"
        # DuckDB takes no space before the zone, no UTC, and no time without seconds.
        plain = f"regexp_replace({text}, '^(.{{16}}[0-9:.]*) ?(?:UTC|(.+))$', '\\1{seconds}\\2')"
        return f"try_cast({plain} as timestamptz)"

    def quick(text: str) -> str:
        """Most are as DuckDB writes them, which takes half the time to check."""
        fits = f"regexp_full_match({text}, {literal(pattern)}) and {value(text)} is not null"
        as_written = (
            f"strlen({text}) = 19 and cast({value(text)} as varchar) = {text}"
            f" and not {_buddhist(text)}"
        )
        return f"(case when {as_written} then true else {fits} end)"

    return Form(
        name=name,
        kind=kind,
        pattern=pattern,
        value=value,
        parsed=lambda text: datetime.fromisoformat(
            re.sub(r" ?UTC$", "+00:00", text).replace(" +", "+").replace(" -", "-")
        ),
        quick=quick if kind == "timestamp" else None,
    )


DATES = tuple(_by_format(form, pattern, "date", order) for form, pattern, order in _DAYS)
TIMESTAMPS = (
    _iso("ISO time", "timestamp", f"{_MINUTES}(?:{_SECONDS})?"),
    _iso("ISO time with its zone", "timestamptz", _MINUTES + _SECONDS + _ZONE),
    _iso("ISO minutes with their zone", "timestamptz", _MINUTES + _ZONE, ":00"),
    *(
        _by_format(f"{day}{gap}{clock}", f"{shape}{gap}{time}", "timestamp", order)
        for day, shape, order in _DAYS
        for gap in (" ", ", ")
        for clock, time in _TIMES
    ),
)


def possible_forms(
    texts: Sequence[str],
    without: Collection[Form] = (),
    header: str = "",
    *,
    are_numbers: bool = False,
) -> list[Form]:
    """The forms that all the texts are in, except `without`; none if they are words.

    If there are several, only more values can decide between them. `header` is the
    column's. `are_numbers`: what looks like numbers is known to be numbers.
    """
    if not texts:
        return []
    for form in (BOOLEAN, INTEGER):
        if form not in without and form.fits(texts):
            return [form]
    fitting = number_forms(texts, header, are_numbers=are_numbers)
    numbers = [form for form in fitting if form not in without]
    if numbers:
        read = [[form.parsed(text) for text in texts] for form in numbers]
        return [
            form
            for n, form in enumerate(numbers)
            if all(read[n] != read[before] for before in range(n))
        ]
    found = [f for f in DATES if f.fits(texts)] or [f for f in TIMESTAMPS if f.fits(texts)]
    # Matching forms without an order of day and month all mean the same.
    return [f for f in found if f not in without and not f.order][:1] + [
        f for f in found if f.order
    ]


# Numbers in a format that has them, such as JSON: a decimal point, no thousands mark.
NUMBER = _number(".", "", "", "", "")
_DIRECTIVES = {
    "%d": r"\d{1,2}", "%m": r"\d{1,2}", "%y": r"\d{2}", "%Y": r"\d{4}", "%H": r"\d{1,2}",
    "%I": r"\d{1,2}", "%M": r"\d{2}", "%S": r"\d{2}", "%p": "[AP]M", "%b": r"[A-Za-z]{3}",
    "%B": r"[A-Za-z]{3,9}", "%f": r"\d{1,6}", "%a": r"[A-Za-z]{3}", "%A": r"[A-Za-z]{3,9}",
}  # fmt: skip


def written_as(form: str, kind: str) -> Form:
    """Days or times in a declared strptime format."""
    parts = re.split(r"(%.)", form)
    pattern = "".join(_DIRECTIVES.get(part) or re.escape(part) for part in parts)
    return _by_format(form, pattern, kind)
