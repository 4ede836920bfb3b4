"""Values of JSON records as Arrow arrays of a column's declared type."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import orjson
import simplejson

if TYPE_CHECKING:
    import pyarrow as pa

_DECIMAL = re.compile(r"decimal\((\d+),\s*(\d+)\)")
_NUMBER = re.compile(r"[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_KINDS = {"bigint", "double", "boolean", "varchar", "json", "date", "timestamp", "timestamptz"}
UNCONVERTED: dict[str, set[type]] = {
    "bigint": {int, type(None)},
    "varchar": {str, type(None)},
}
SHOWN_CHARACTERS = 80
# A double has room for any number of so many digits.
_SURE_DIGITS = 15
_SURE_WHOLE = 2**53
_REFUSED = (ValueError, TypeError, OverflowError, InvalidOperation, RecursionError)


def is_convertible(column_type: str) -> bool:
    """Whether a raw table can have a column of this type."""
    return column_type in _KINDS or _DECIMAL.fullmatch(column_type) is not None


def arrow_type(column_type: str) -> pa.DataType:
    """The Arrow type whose Parquet form DuckDB reads as `column_type`.

    Raises ValueError for a type that a raw table can't have.
    """
    import pyarrow as pa

    decimal = _DECIMAL.fullmatch(column_type)
    if decimal:
        return pa.decimal128(int(decimal[1]), int(decimal[2]))
    types: dict[str, pa.DataType] = {
        "bigint": pa.int64(),
        "double": pa.float64(),
        "boolean": pa.bool_(),
        "varchar": pa.string(),
        "json": pa.string(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us"),
        "timestamptz": pa.timestamp("us", tz="UTC"),
    }
    if column_type not in types:
        raise ValueError(f"column type {column_type}: expected decimal(p,s) or {', '.join(types)}")
    return types[column_type]


def to_arrow(values: Sequence[Any], column_type: str) -> tuple[pa.Array, dict[int, str]]:
    """The values as an array and, by position, why a value doesn't fit the type.

    Such a value is null in the array. Text that spells a number, a date or a boolean counts as
    one; a number or an object in a text column becomes its JSON.
    """
    import pyarrow as pa

    target = arrow_type(column_type)
    one = _converter(column_type)
    try:
        # Only these: Arrow would turn 1.5 into the integer 1, and True into the float 1.0.
        if set(map(type, values)) <= UNCONVERTED.get(column_type, set()):
            return pa.array(values, target), {}
        return pa.array([None if v is None else one(v) for v in values], target), {}
    except _REFUSED:
        return _one_by_one(values, target, one, column_type)


def _one_by_one(
    values: Sequence[Any], target: pa.DataType, one: Callable[[Any], Any], column_type: str
) -> tuple[pa.Array, dict[int, str]]:
    import pyarrow as pa

    converted: list[Any] = []
    bad: dict[int, str] = {}
    for position, value in enumerate(values):
        try:
            item = None if value is None else one(value)
            pa.array([item], target)
        except _REFUSED:
            bad[position] = f"found {_shown(value)}, expected {column_type}"
            item = None
        converted.append(item)
    return pa.array(converted, target), bad


def _converter(column_type: str) -> Callable[[Any], Any]:
    if column_type.startswith("decimal"):
        return _decimal
    return {
        "bigint": _integer,
        "double": _float,
        "boolean": _boolean,
        "varchar": _text,
        "json": _json,
        "date": _date,
        "timestamp": _naive,
        "timestamptz": _instant,
    }[column_type]


def _number(value: Any) -> Any:
    """A number, or text that is one; Python alone would also accept `1_000`, `nan` and True.

    Text with leading zeros, such as `0042`, is a code: as a number it would lose them.
    """
    if isinstance(value, bool) or (isinstance(value, str) and not _NUMBER.fullmatch(value)):
        raise ValueError
    return value


def _integer(value: Any) -> int:
    if isinstance(value, float | Decimal) and value != int(value):
        raise ValueError
    return int(_number(value))


def _float(value: Any) -> float:
    found = float(_number(value))
    if not math.isfinite(found) or not is_a_double(value):
        raise ValueError
    return found


def is_a_double(number: Any) -> bool:
    """Whether a double holds this number, or text of one, as it is written.

    99.900000000000006 is how some write the double 99.9; 70368744177664.01 is none.
    """
    if isinstance(number, float) or (isinstance(number, int) and abs(number) <= _SURE_WHOLE):
        return True
    exact = Decimal(number)
    digits = len(exact.as_tuple().digits)
    return digits <= _SURE_DIGITS or Decimal(f"{float(number):.{digits}g}") == exact


def _decimal(value: Any) -> Decimal:
    return Decimal(str(_number(value)))


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value not in ("true", "True", "false", "False"):
        raise ValueError
    return value in ("true", "True")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # a number that no double holds, or a lone surrogate
        text = simplejson.dumps(value, ensure_ascii=False, allow_nan=False, use_decimal=True)
        text.encode()
        return text


def _instant(value: Any) -> dt.datetime:
    """Parse ISO 8601 text; without an offset it is UTC, as in the connectors' CDK."""
    parsed = dt.datetime.fromisoformat(value)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=dt.UTC)


def _naive(value: Any) -> dt.datetime:
    parsed = dt.datetime.fromisoformat(value)
    return parsed.astimezone(dt.UTC).replace(tzinfo=None) if parsed.tzinfo else parsed


def _date(value: Any) -> dt.date:
    return dt.date.fromisoformat(value)


def _shown(value: Any) -> str:
    text = simplejson.dumps(value, use_decimal=True, allow_nan=True)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
