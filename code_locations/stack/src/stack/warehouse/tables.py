"""What tables the warehouse has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from stack.raw import RawTable
from stack.settings import WarehouseSettings
from stack.sql import literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def table_exists(
    connection: DuckDBPyConnection, settings: WarehouseSettings, schema: str, table: str
) -> bool:
    """Whether the warehouse has this table or view."""
    return bool(columns_of(connection, settings, schema, table))


def columns_of(
    connection: DuckDBPyConnection, settings: WarehouseSettings, schema: str, table: str
) -> dict[str, str]:
    """Columns of a table or view in their order, with their types; empty if there is none.

    Types are DuckDB's, in upper case.
    """
    rows = connection.execute(
        "select column_name, data_type from duckdb_columns() "
        f"where database_name = {literal(settings.database)} and schema_name = {literal(schema)} "
        f"and table_name = {literal(table)} order by column_index"
    ).fetchall()
    return dict(rows)


def columns_by_table(
    connection: DuckDBPyConnection, database: str
) -> dict[tuple[str, str], dict[str, str]]:
    """As `columns_of`, for each table and view of a database, sorted by schema and name."""
    rows = connection.execute(
        "select schema_name, table_name, column_name, data_type from duckdb_columns() "
        f"where database_name = {literal(database)} "
        "order by schema_name, table_name, column_index"
    ).fetchall()
    found: dict[tuple[str, str], dict[str, str]] = {}
    for schema, table, column, type_ in rows:
        found.setdefault((schema, table), {})[column] = type_
    return found


def row_count(connection: DuckDBPyConnection, schema: str, table: str) -> int:
    """Rows of a table or view."""
    return count_rows(connection, f'"{schema}"."{table}"')


def count_rows(connection: DuckDBPyConnection, relation: str, values: Sequence[object] = ()) -> int:
    """Rows of what SQL selects from, with its bound values."""
    row = connection.execute(f"select count(*) from {relation}", list(values) or None).fetchone()
    return int(row[0]) if row else 0


def ensure_raw_tables(
    connection: DuckDBPyConnection, settings: WarehouseSettings, tables: Iterable[RawTable]
) -> list[str]:
    """Create each declared raw table that doesn't exist yet, empty; return the names created."""
    made = []
    schema = settings.dlt_dataset_name
    connection.execute(f'create schema if not exists "{schema}"')
    for table in tables:
        if not table_exists(connection, settings, schema, table.table_name):
            columns = ", ".join(f'"{c.name}" {c.type}' for c in table.columns)
            connection.execute(f'create table "{schema}"."{table.table_name}" ({columns})')
            made.append(table.table_name)
    return made
