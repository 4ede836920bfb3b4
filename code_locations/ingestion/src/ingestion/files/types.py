"""Values of files in the types of raw tables: converted without loss, or refused."""

from __future__ import annotations

import re

_INTEGERS = {
    "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER",
}  # fmt: skip
_DECIMAL = re.compile(r"DECIMAL\((\d+),\s*(\d+)\)")
_KEPT = {"BIGINT", "VARCHAR", "DOUBLE", "BOOLEAN", "DATE", "TIME", "TIMESTAMP", "JSON", "BLOB"}
_ZONED = "TIMESTAMP WITH TIME ZONE"


def column_type(found: str) -> str:
    """The type that a raw table gives a new column whose type in the file is `found`.

    Both are in DuckDB's upper case. Wide enough for later files: every integer is BIGINT, nested
    values are JSON, and a column without values is VARCHAR.
    """
    if found in _INTEGERS:
        return "BIGINT"
    if found in {"FLOAT", "DOUBLE"}:
        return "DOUBLE"
    if found.startswith("TIMESTAMP"):
        return _ZONED if found == _ZONED else "TIMESTAMP"
    if found.endswith("]") or found.startswith(("STRUCT", "MAP", "UNION")):
        return "JSON"
    if found in _KEPT or _DECIMAL.fullmatch(found):
        return found
    return "VARCHAR"


def converted(value: str, target: str) -> str:
    """SQL that converts text to `target`; `value` is an SQL expression of type VARCHAR.

    A time with an offset becomes UTC; one without is taken as UTC (the session's time zone).
    """
    if target in {"TIMESTAMP", _ZONED}:
        return f"try_cast(try_cast({value} as timestamptz) as {target})"
    return f"try_cast({value} as {target})"


def refused(value: str, target: str) -> str | None:
    """An SQL condition for text that isn't exactly a `target`; None if every text is one."""
    if target == "VARCHAR":
        return None
    result = converted(value, target)
    exact = None
    if target in _INTEGERS:
        exact = "decimal(38, 10)"
    elif match := _DECIMAL.fullmatch(target):
        digits, scale = int(match[1]), int(match[2])
        exact = f"decimal(38, {min(scale + 8, 38 - (digits - scale))})"
    elif target == "DATE":
        exact = "timestamp"
    elif target == "JSON":
        return f"({value} is not null and not json_valid({value}))"
    inexact = (
        f" or try_cast({value} as {exact}) is distinct from cast({result} as {exact})"
        if exact
        else ""
    )
    return f"({value} is not null and ({result} is null{inexact}))"
