"""Columns of tables that dlt once created itself, before types had to be proved by values."""

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
    """The columns with doubles made decimals that fit their values; `table` is a qualified name.

    An API's numbers are decimals now, and neither type can hold all of the other's values.
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
