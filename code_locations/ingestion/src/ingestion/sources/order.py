"""Which of two values of a cursor is later, whatever way each of them is written.

As text, `2026-01-01T10:00:00+02:00` comes after `2026-01-01T09:30:00Z`, `9` after `10`, and
`31.12.2025` after `01.01.2026`: rows would be taken for old ones, and never be read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from ingestion.files.errors import UnreadableFileError

_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)"
    r"(?:[Tt ](\d\d:\d\d)(:\d\d)?(?:[.,](\d+))?(?: ?([Zz]|UTC|[+-]\d\d(?::?\d\d)?))?)?"
)
_NUMERAL = re.compile(r"\d+(\.\d+)?")
# Codes whose order is that of their text, if they are alike: ULIDs, hexadecimal ids, 20260105T10Z.
_CODE = re.compile(r"(?=.*\d)[0-9A-Za-z]+([-_][0-9A-Za-z]+)*")
_YEAR_FIRST = re.compile(r"(19|20)\d\d\W?\d\d(\W.*)?")
_YEAR_LAST = re.compile(r"\d{1,2}\W\d{1,2}\W(\d\d|\d{4})\b.*")
_MONTH = re.compile(
    r"(^|[\W\d_])(jan|feb|mar|mär|apr|may|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez)", re.IGNORECASE
)
_ANYWHERE = timedelta(hours=14)  # the farthest that a zone is from UTC


class UnorderedError(UnreadableFileError):
    """Values of a cursor are of kinds that have no order."""


class _Passes:
    """Equal to any value: dlt takes the row, and the cursor stays where it is."""

    def __eq__(self, _: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True)
class _Time:
    """A moment to any number of digits; `zoned` if it is in UTC, `whole` if it is a day."""

    second: datetime
    fraction: Decimal
    zoned: bool
    whole: bool


def latest(values: Sequence[Any]) -> Any:
    """The later of `(new, old)`; `new` if it isn't certainly the earlier one.

    For dlt's `last_value_func`. A row whose value has no place in any order, such as no text at all
    or 31.12.2025, is read and doesn't move the cursor. Raises UnorderedError.
    """
    new, *others = values
    old = others[0] if others else None
    key, known = _key(new), None if old is None else _key(old)
    if key is None:
        if new and isinstance(new, str) and _is_number(old):
            raise UnorderedError(f"nothing says which is later, {new!r} or {old!r}")
        return old if others else _Passes()
    if known is None or _not_before(key, known, new, old):
        return new
    return old


def later(value: Any, last: Any) -> Any:
    """The later of two, or the one that has an order; None if neither has. See `latest`."""
    found = latest((value,)) if last is None else latest((value, last))
    return None if isinstance(found, _Passes) else found


def is_new(value: Any, start: Any) -> bool:
    """Whether a row is read again whose cursor has this value. Raises UnorderedError."""
    if value is None or start is None:
        return True
    return latest((value, start)) is value or _key(value) is None


def is_ordered(value: Any) -> bool:
    """Whether something says which values are later than this one."""
    try:
        return _key(value) is not None
    except UnorderedError:
        return False


def alike(value: str) -> str:
    """A GLOB pattern of texts that are written like `value`: their order is that of the text.

    A time's offset is part of the pattern.
    """
    iso = _ISO.fullmatch(value)
    fixed = iso.start(5) if iso and iso[5] else len(value)
    anything = "[0-9]" if iso or _NUMERAL.fullmatch(value) else "[0-9A-Za-z]"
    varies = re.compile("[0-9]" if iso else "[0-9A-Za-z]")
    pattern = ""
    for place, char in enumerate(value):
        if place < fixed and varies.match(char):
            pattern += anything
        else:
            pattern += f"[{char}]" if char in "*?[" else char
    return pattern


def _key(value: Any) -> Decimal | _Time | str | None:
    """What a value is compared by; None for a text that has no order."""
    if _is_number(value) and not isinstance(value, bool):
        number = value if isinstance(value, Decimal) else Decimal(repr(value))
        return number if number.is_finite() else None
    if isinstance(value, datetime):
        return _time(value.isoformat())
    if not isinstance(value, str):
        raise UnorderedError(f"{value!r} has no order")
    return _key_of_text(value)


@lru_cache(maxsize=1024)  # the value that others are compared with comes each time
def _key_of_text(text: str) -> Decimal | _Time | str | None:
    if _NUMERAL.fullmatch(text):
        return Decimal(text)
    if (time := _time(text)) is not None:
        return time
    is_code = _CODE.fullmatch(text) and not _MONTH.search(text)
    if (is_code or _YEAR_FIRST.fullmatch(text)) and not _YEAR_LAST.fullmatch(text):
        return text
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal)


def _time(text: str) -> _Time | None:
    found = _ISO.fullmatch(text)
    if found is None:
        return None
    day, minute, second, fraction, zone = found.groups()
    offset = "+00:00" if zone in ("Z", "z", "UTC") else zone or ""
    try:
        moment = datetime.fromisoformat(f"{day}T{minute or '00:00'}{second or ':00'}{offset}")
        moment = moment.astimezone(UTC) if zone else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return _Time(moment, Decimal(f"0.{fraction or 0}"), zoned=bool(zone), whole=minute is None)


def _not_before(new: Decimal | _Time | str, old: Decimal | _Time | str, *texts: Any) -> bool:
    if isinstance(new, Decimal) and isinstance(old, Decimal):
        return new >= old
    if isinstance(new, _Time) and isinstance(old, _Time):
        doubt = timedelta()
        if new.zoned != old.zoned and not (new.whole or old.whole):
            doubt = _ANYWHERE
        if new.whole and not old.whole:
            doubt = timedelta(days=1)
        if doubt and abs(new.second - old.second) < doubt:
            return True
        return (new.second, new.fraction) >= (old.second, old.fraction)
    one, other = texts
    if isinstance(one, str) and isinstance(other, str):
        # Databases differ in where they place capitals.
        in_order = one >= other or one.lower() >= other.lower()
        return in_order or _shape(one) != _shape(other)
    raise UnorderedError(f"nothing says which is later, {one!r} or {other!r}")


def _shape(text: str) -> str:
    return re.sub(r"[0-9A-Za-z]", "x", text)
