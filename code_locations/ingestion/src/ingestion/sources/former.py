"""Columns of tables that dlt made by itself, before values had to prove their types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ingestion.loading.widening import decimal_type
from stack.sql import identifier

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def as_decimals(
    connection: DuckDBPyConnection, table: str, columns: Mapping[str, str]
) -> dict[str, str]:
    """The columns, doubles as decimals with room for what is there; `table` is a qualified name.

    An API's numbers are decimals now, which have no room in a double, nor it in them.
    """
    found = dict(columns)
    for name in [name for name, type_ in columns.items() if type_ == "DOUBLE"]:
        plain = f"ltrim(cast({identifier(name)} as varchar), '-')"
        row = connection.execute(
            f"select max(length(split_part({plain}, '.', 1))), "
            f"max(length(split_part({plain}, '.', 2))), "
            rf"coalesce(bool_and(regexp_full_match({plain}, '\d+\.\d+')), true) from {table}"
        ).fetchone()
        whole, scale, numbers = row or (None, None, True)
        type_ = decimal_type(whole or 1, scale or 1) if numbers else "VARCHAR"
        if type_ != "VARCHAR":
            found[name] = type_
    return found
