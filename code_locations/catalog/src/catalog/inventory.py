"""What is in the warehouse: tables, views, columns, and a bounded profile of their contents."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from stack.outage import is_passing
from stack.settings import WarehouseSettings
from stack.sql import identifier, literal
from stack.warehouse import row_count

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Schemas that dbt builds, by layer; the raw schema's name is a setting.
MODEL_SCHEMAS = ("staging", "intermediate", "marts")
# Nulls are counted in one scan a table, up to this many cells; a table beyond it gets its
# row count only (about 0.2 s of one core for a table just below).
MAX_PROFILED_CELLS = 100_000_000


@dataclass(frozen=True)
class ColumnFacts:
    """A column: DuckDB's type in upper case, and how many of its values are null (if counted)."""

    name: str
    type: str
    nullable: bool
    nulls: int | None = None


@dataclass(frozen=True)
class TableFacts:
    """A table or view of the warehouse."""

    schema: str
    name: str
    kind: Literal["table", "view"]
    columns: tuple[ColumnFacts, ...]
    rows: int | None = None
    definition: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Schema and name: how the artifacts refer to it."""
        return self.schema, self.name


def read_inventory(
    connection: DuckDBPyConnection, settings: WarehouseSettings
) -> tuple[TableFacts, ...]:
    """Every table and view of the raw schema and of dbt's, in the order of their names.

    dlt's own tables (`_dlt_*`) are its bookkeeping and are left out. A view that no longer
    runs is listed without a row count.
    """
    schemas = (settings.dlt_dataset_name, *MODEL_SCHEMAS)
    # A bound value would make DuckDB import pandas, which is a quarter of this stage's time.
    database, wanted = literal(settings.database), ", ".join(map(literal, schemas))
    columns: dict[tuple[str, str], list[ColumnFacts]] = {}
    for schema, table, name, data_type, nullable in connection.execute(
        "select schema_name, table_name, column_name, data_type, is_nullable "
        f"from duckdb_columns() where database_name = {database} and schema_name in ({wanted}) "
        "order by schema_name, table_name, column_index"
    ).fetchall():
        columns.setdefault((schema, table), []).append(ColumnFacts(name, data_type, nullable))
    views = {
        (schema, view): sql
        for schema, view, sql in connection.execute(
            "select schema_name, view_name, sql from duckdb_views() "
            f"where database_name = {database}"
        ).fetchall()
    }
    tables = [
        TableFacts(
            schema=key[0],
            name=key[1],
            kind="view" if key in views else "table",
            columns=tuple(columns[key]),
            definition=views.get(key),
        )
        for key in sorted(columns, key=lambda k: (schemas.index(k[0]), k[1]))
        if not key[1].startswith("_dlt_")
    ]
    return tuple(profiled(connection, table) for table in tables)


def profiled(
    connection: DuckDBPyConnection, table: TableFacts, max_cells: int = MAX_PROFILED_CELLS
) -> TableFacts:
    """The table with its row count, and with nulls a column if it is small enough to scan."""
    import duckdb

    try:
        rows = row_count(connection, table.schema, table.name)
        if rows * len(table.columns) > max_cells:
            return replace(table, rows=rows)
        counts = ", ".join(f"count({identifier(c.name)})" for c in table.columns)
        values = connection.execute(
            f"select {counts} from {identifier(table.schema)}.{identifier(table.name)}"
        ).fetchone()
    except duckdb.Error as error:
        if is_passing(error):
            raise
        return table
    columns = tuple(
        ColumnFacts(c.name, c.type, c.nullable, rows - int(value))
        for c, value in zip(table.columns, values or (), strict=True)
    )
    return replace(table, rows=rows, columns=columns)
