"""What a query reads: which tables, and whether the date or something that always changes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING, Any

from stack.sql import literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Table = tuple[str, str, str]
_SOURCES = frozenset(
    {"BASE_TABLE", "JOIN", "SUBQUERY", "TABLE_FUNCTION", "EMPTY", "EXPRESSION_LIST"}
)
_TABLE_FUNCTIONS = frozenset({"unnest", "range", "generate_series", "duckdb_columns"})
# SQL that reads the date, and SQL that changes each time or reads something without a version.
_DATE = re.compile(r"\bcurrent_date\b|\btoday\s*\(", re.IGNORECASE)
_EACH_TIME = re.compile(
    r"\b(now|get_current_time(stamp)?|transaction_timestamp|random|setseed|gen_random_uuid|"
    r"uuid(v[47])?|nextval|currval|getenv|getvariable|glob|query|query_table|txid_current|"
    r"current_setting|age|\w+_scan|read_\w+|sniff_csv|duckdb_\w+|pragma_\w+)\s*\(|"
    r"\b(current_time(stamp)?|local_?time(stamp)?|information_schema)\b|"
    r"\busing\s+sample\b|\btablesample\b|\bfrom\s+'",
    re.IGNORECASE,
)


class _UntoldError(Exception):
    """Something without a version is read."""


class Reads(IntEnum):
    """What compiled SQL reads besides tables."""

    NOTHING = 0
    DATE = 1
    UNTOLD = 2


def clock_of(compiled: str) -> Reads:
    """Whether SQL reads the date, or something without a version."""
    if _EACH_TIME.search(compiled):
        return Reads.UNTOLD
    return Reads.DATE if _DATE.search(compiled) else Reads.NOTHING


@cache
def tables_named(sql: str) -> frozenset[Table] | None:
    """Tables and views that a query names, except its CTEs; None if that isn't certain.

    It isn't for anything but a DuckDB SELECT, and for functions that aren't DuckDB's own or that
    read files or other queries. Each is (catalog, schema, name) as named, in lower case.
    """
    serialized = parser().execute(f"select json_serialize_sql({literal(sql)})").fetchone()
    parsed = json.loads(serialized[0]) if serialized else {"error": True}
    if parsed["error"] or len(parsed["statements"]) != 1:
        return None
    try:
        return frozenset(_tables(parsed["statements"], frozenset()))
    except _UntoldError:
        return None


def _tables(part: Any, ctes: frozenset[str]) -> Iterator[Table]:
    if isinstance(part, list):
        for each in part:
            yield from _tables(each, ctes)
    if not isinstance(part, dict):
        return
    for entry in part.get("cte_map", {}).get("map", ()):
        name, query = entry["key"].lower(), entry["value"]["query"]
        is_recursive = query["node"]["type"] == "RECURSIVE_CTE_NODE"
        yield from _tables(query, ctes | {name} if is_recursive else ctes)
        ctes |= {name}
    if name := part.get("function_name"):
        known = _functions() if part["type"] != "TABLE_FUNCTION" else frozenset()
        if name.lower() not in known | _TABLE_FUNCTIONS:
            raise _UntoldError(name)
    if "sample" in part and "select_list" not in part:
        if part["type"] not in _SOURCES:
            raise _UntoldError(part["type"])
        if part["type"] == "BASE_TABLE":
            names = (part["catalog_name"], part["schema_name"], part["table_name"])
            catalog, schema, table = (name.lower() for name in names)
            if schema or catalog or table not in ctes:
                yield catalog, schema, table
    for key, value in part.items():
        if key != "cte_map":
            # In FROM, a table function is in the key `function`.
            is_source = part.get("type") == "TABLE_FUNCTION" and key == "function"
            yield from _tables({**value, "type": "TABLE_FUNCTION"} if is_source else value, ctes)


@cache
def _functions() -> frozenset[str]:
    """Names of DuckDB's own scalar functions."""
    rows = parser().execute(
        "select distinct lower(function_name) from duckdb_functions() "
        "where internal and function_type not in ('table', 'table_macro', 'pragma')"
    )
    return frozenset(name for (name,) in rows.fetchall())


@cache
def parser() -> DuckDBPyConnection:
    """A DuckDB to parse SQL with: a database of its own, without user-defined functions."""
    import duckdb

    return duckdb.connect(":memory:", config={"threads": "1"})
