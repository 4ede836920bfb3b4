"""Quoting for DuckDB's SQL."""

from __future__ import annotations

from collections.abc import Iterable


def identifier(name: str) -> str:
    """Quote the name of a column, table, schema or database."""
    return '"' + name.replace('"', '""') + '"'


def identifiers(names: Iterable[str]) -> str:
    """Quoted names, comma-separated."""
    return ", ".join(identifier(name) for name in names)


def literal(value: object) -> str:
    """Quote text, such as a path, where a value can't be bound."""
    return "'" + str(value).replace("'", "''") + "'"
