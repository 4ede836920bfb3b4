"""Columns of a stream's table: as the raw table declares them, else from JSON Schema or values.

Types are DuckDB's in lower case, as in `stack.raw`. For the formats in Airbyte's JSON Schema see
https://docs.airbyte.com/platform/understanding-airbyte/supported-data-types
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from ingestion.airbyte.conversion import is_a_double
from ingestion.loading.widening import room

# By `airbyte_type`, then by `format`, then by `type`.
AIRBYTE_TYPES = {
    "timestamp_with_timezone": "timestamptz",
    "timestamp_without_timezone": "timestamp",
    "integer": "bigint",
    "big_integer": "decimal(38,0)",
}
FORMATS = {"date-time": "timestamptz", "date": "date"}
JSON_TYPES = {
    "boolean": "boolean",
    "integer": "bigint",
    "number": "double",
    "string": "varchar",
    "object": "json",
    "array": "json",
}
PYTHON_TYPES: dict[type, str] = {
    bool: "boolean", int: "bigint", float: "double", Decimal: "double", str: "varchar",
}  # fmt: skip


def says_a_type(schema: object) -> bool:
    """Whether a property has a readable schema; else the type has to come from its values."""
    if not isinstance(schema, Mapping):
        return False
    options = schema.get("oneOf") or schema.get("anyOf")
    if options:
        return isinstance(options, list) and all(map(says_a_type, options))
    found = schema.get("type", [])
    names = [found] if isinstance(found, str) else found
    return isinstance(names, list) and all(name in {*JSON_TYPES, "null"} for name in names)


def type_of_schema(schema: Mapping[str, Any]) -> str:
    """The column type of a property with a type; `json` if it may hold several kinds."""
    options = schema.get("oneOf") or schema.get("anyOf")
    if options:
        types = {type_of_schema(o) for o in options if o.get("type") != "null"}
        return types.pop() if len(types) == 1 else "json"
    found = schema.get("type", [])
    kinds = [k for k in ([found] if isinstance(found, str) else found) if k != "null"]
    if len(kinds) != 1:
        return "json"
    if kinds[0] in ("string", "number", "integer"):
        airbyte_type = AIRBYTE_TYPES.get(str(schema.get("airbyte_type")))
        if airbyte_type:
            return airbyte_type
    if kinds[0] == "string" and schema.get("format") in FORMATS:
        return FORMATS[str(schema["format"])]
    return JSON_TYPES.get(kinds[0], "json")


def type_of_warehouse(duckdb_type: str) -> str:
    """A type as DuckDB shows it, written as in `stack.raw`."""
    lower = duckdb_type.lower()
    return {"timestamp with time zone": "timestamptz"}.get(lower, lower)


def type_in_warehouse(column_type: str) -> str:
    """A type of `stack.raw` as DuckDB shows it; the reverse of `type_of_warehouse`."""
    return {"timestamptz": "TIMESTAMP WITH TIME ZONE"}.get(column_type, column_type.upper())


def wider(present: str, announced: str) -> str:
    """The type that a column gets when its source announces another one than it has.

    It holds all values of both; `json` and text do already. Of doubles and whole numbers, it holds
    those that are in the table if none is beyond 2**53.
    """
    if present in {announced, "json", "varchar"} or (present, announced) == ("double", "bigint"):
        return present
    if (present, announced) == ("bigint", "double"):
        return announced
    found = room(type_in_warehouse(present), type_in_warehouse(announced))
    return type_of_warehouse(found).replace(", ", ",")


def type_of_values(values: Iterable[Any]) -> str | None:
    """The column type that holds these values; None if all are null."""
    found = [value for value in values if value is not None]
    kinds = {PYTHON_TYPES.get(type(value), "json") for value in found}
    if kinds == {"bigint"} and not all(-(2**63) <= value < 2**63 for value in found):
        return "decimal(38,0)"
    if kinds <= {"bigint", "double"} and "double" in kinds:
        return "double" if all(map(is_a_double, found)) else "json"
    if len(kinds) > 1:
        return "json"
    return kinds.pop() if kinds else None


def identifier(name: str) -> str:
    """A name in the warehouse's spelling: `orderId` and `Order-ID` become `order_id`."""
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    plain = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")
    return plain if plain[:1].isalpha() else f"n_{plain}".rstrip("_")


def column_name(field: str, taken: Iterable[str] = ()) -> str:
    """The column of a field, numbered if its name is taken."""
    name, used = identifier(field), set(taken)
    unique, number = name, 2
    while unique in used:
        unique, number = f"{name}_{number}", number + 1
    return unique
