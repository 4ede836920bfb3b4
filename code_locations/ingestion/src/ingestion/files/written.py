"""What a table remembers about how a column was written, as names of forms."""

from __future__ import annotations

import re

from ingestion.files.currencies import one_unit
from ingestion.files.forms import DATES, INTEGER, NUMBER, TIMESTAMPS

# Numbers in a format that has them; their marks say nothing about those in texts.
TYPED_NUMBER = "number"
_SHOWN_PLAINLY = "number shown plainly"
_SHOWN_IN = "number shown in "
_EITHER_MARK = "number with either mark"
_EITHER_ORDER = "day in either order"
# Days such as 01/01 and 02/02 are equal in both orders.
ORDERLESS = "day that is the same in either order"
_ORDERS = {form.name: form.order for form in (*DATES, *TIMESTAMPS) if form.order}


def shown_number(unit: str | None) -> str:
    """The name of numbers that a sheet shows with this unit; "" is none, None is unknown."""
    return "number shown" if unit is None else f"{_SHOWN_IN}{unit}" if unit else _SHOWN_PLAINLY


def is_shown(name: str) -> bool:
    """Whether a name is of a sheet's numbers, whose unit is in the format, not in the value."""
    return name.startswith("number shown")


def unit_in(name: str) -> str | None:
    """The currency or `%` in the numbers of the form with this name; "" for plain ones.

    None if the form isn't for numbers, or the unit is unknown.
    """
    if name.startswith((_SHOWN_IN, _EITHER_MARK)):
        return name.removeprefix(_SHOWN_IN).removeprefix(_EITHER_MARK).strip()
    if name in (INTEGER.name, TYPED_NUMBER, _SHOWN_PLAINLY) or name.startswith("number with a "):
        return ""
    if not (found := re.search(r"^number as [-(]?(.*?)1\D.*5(.*?)[-)]?$", name)):
        return None
    return one_unit(f"{found[1]}{found[2]}")


def may_be_of_sheet(name: str) -> bool:
    """Whether a name may be of a sheet's numbers whose unit an older release didn't remember."""
    return name in (NUMBER.name, INTEGER.name)


def is_amount(name: str) -> bool:
    """Whether a name is of numbers that aren't just whole ones, which could be ids."""
    return name != INTEGER.name and (is_shown(name) or unit_in(name) is not None)


def mark_in(name: str) -> str:
    """The decimal mark of the numbers of the form with this name; "" if it has none."""
    if found := re.search(r"^number with a (comma|point)", name):
        return "," if found[1] == "comma" else "."
    found = re.search(r"^number as .*([.,])5", name)
    return found[1] if found else ""


def remembered_after(before: str, now: str) -> str:
    """How a column has been written so far, including a file that has it in the form `now`.

    A column that came with both decimal marks, or with both orders of days, says nothing about a
    later file that is ambiguous.
    """
    if now == ORDERLESS and (before in _ORDERS or before == _EITHER_ORDER):
        return before
    orders = {_ORDERS.get(before), _ORDERS.get(now)} - {None}
    if len(orders) > 1 or (before == _EITHER_ORDER and orders):
        return _EITHER_ORDER
    marks = {mark_in(before), mark_in(now)} - {""}
    if len(marks) > 1 or (before.startswith(_EITHER_MARK) and marks):
        return f"{_EITHER_MARK} {unit_in(now)}".strip()
    if now == INTEGER.name and unit_in(before) == "":
        return before  # whole numbers have no mark
    return now
