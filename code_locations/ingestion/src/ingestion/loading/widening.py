"""Wider types: which type holds the values of two others, and how a column gets it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from stack.sql import identifier

MOST_DIGITS = 38
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")


def room(present: str, found: str) -> str:
    """The type that holds the values of both unchanged; text if there is no other."""
    if present == found:
        return present
    if {present, found} == {"DATE", "TIMESTAMP"}:
        return "TIMESTAMP"
    here, there = _digits(present), _digits(found)
    if here is None or there is None:
        return "VARCHAR"
    whole, scale = max(here[0], there[0]), max(here[1], there[1])
    return present if here == (whole, scale) else decimal_type(whole, scale)


def decimal_type(whole: int, scale: int) -> str:
    """The decimal type with so many digits before and after the point; VARCHAR if there is none."""
    if whole + scale > MOST_DIGITS:
        return "VARCHAR"
    return f"DECIMAL({18 if whole + scale <= 18 else MOST_DIGITS},{scale})"


def _digits(type_: str) -> tuple[int, int] | None:
    """Digits before and after the point that a numeric type has room for."""
    if type_ == "BIGINT":
        return 19, 0
    match = _DECIMAL.fullmatch(type_)
    return (int(match[1]) - int(match[2]), int(match[2])) if match else None


def widen_sql(table: str, columns: Mapping[str, str], *, rebuild: bool) -> list[str]:
    """Statements that change columns of a table (a qualified name) to new types.

    `rebuild`: a DuckLake can't change a type to text, so the table is rebuilt.
    """
    if not rebuild:
        return [
            f"alter table {table} alter column {identifier(name)} set data type {type_}"
            for name, type_ in columns.items()
        ]
    prefix, _, name = table.rpartition(".")
    plain = name.strip('"')
    other = f"{prefix}.{identifier(f'{plain}__widened')}"
    cast = ", ".join(f"cast({identifier(c)} as {t}) as {identifier(c)}" for c, t in columns.items())
    return [
        f"create table {other} as select * replace ({cast}) from {table}",
        f"drop table {table}",
        f"alter table {other} rename to {name}",
    ]
