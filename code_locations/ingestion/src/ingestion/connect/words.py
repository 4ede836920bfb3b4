"""Column names in SQL."""

from __future__ import annotations

from functools import cache

from stack.sql import identifier


def quoted(name: str) -> str:
    """A column's name, quoted if it is an SQL keyword."""
    return identifier(name) if name in _reserved() else name


@cache
def _reserved() -> frozenset[str]:
    import duckdb

    rows = duckdb.sql(
        "select keyword_name from duckdb_keywords() where keyword_category != 'unreserved'"
    ).fetchall()
    return frozenset(str(name) for (name,) in rows)
