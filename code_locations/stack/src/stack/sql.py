"""Quoting for DuckDB's SQL."""

from __future__ import annotations

from collections.abc import Iterable


def identifier(name: str) -> str:
    """A name of a column, table, schema or database."""
    return '"' + name.replace('"', '""') + '"'


def identifiers(names: Iterable[str]) -> str:
    """Names, comma-separated."""
    return ", ".join(identifier(name) for name in names)


def literal(value: object) -> str:
    """Text, such as a path, where a value can't be bound."""
    return "'" + str(value).replace("'", "''") + "'"
