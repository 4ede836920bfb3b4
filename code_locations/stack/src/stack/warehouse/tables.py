"""What tables the warehouse has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stack.raw import RawTable
from stack.settings import WarehouseSettings
from stack.sql import literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class TableColumn:
    """A column as the warehouse has it; `type` is DuckDB's, in upper case."""

    name: str
    type: str


def table_exists(
    connection: DuckDBPyConnection, settings: WarehouseSettings, schema: str, table: str
) -> bool:
    """Whether the warehouse has this table or view."""
    return bool(columns_of(connection, settings, schema, table))


def columns_of(
    connection: DuckDBPyConnection, settings: WarehouseSettings, schema: str, table: str
) -> tuple[TableColumn, ...]:
    """Columns of a table or view in their order; empty if there is no such table."""
    rows = connection.execute(
        "select column_name, data_type from duckdb_columns() "
        f"where database_name = {literal(settings.database)} and schema_name = {literal(schema)} "
        f"and table_name = {literal(table)} order by column_index"
    ).fetchall()
    return tuple(TableColumn(name, data_type) for name, data_type in rows)


def columns_by_table(
    connection: DuckDBPyConnection, database: str
) -> dict[tuple[str, str], list[TableColumn]]:
    """Columns of each table or view of a database in their order, by schema and name, sorted."""
    rows = connection.execute(
        "select schema_name, table_name, column_name, data_type from duckdb_columns() "
        f"where database_name = {literal(database)} "
        "order by schema_name, table_name, column_index"
    ).fetchall()
    found: dict[tuple[str, str], list[TableColumn]] = {}
    for schema, table, name, data_type in rows:
        found.setdefault((schema, table), []).append(TableColumn(name, data_type))
    return found


def types_by_table(
    connection: DuckDBPyConnection, database: str, schema: str
) -> dict[str, dict[str, str]]:
    """Types of the columns of a schema's tables and views, by their names."""
    return {
        table: {column.name: column.type for column in columns}
        for (in_schema, table), columns in columns_by_table(connection, database).items()
        if in_schema == schema
    }


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
