"""What is in the warehouse: tables, views, columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stack.settings import WarehouseSettings
from stack.sql import literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Schemas that dbt builds, by layer; the raw schema's name is a setting.
MODEL_SCHEMAS = ("staging", "intermediate", "marts")


@dataclass(frozen=True)
class ColumnFacts:
    """A column: DuckDB's type in upper case, and whether its values may be null."""

    name: str
    type: str
    nullable: bool


@dataclass(frozen=True)
class TableFacts:
    """A table or view of the warehouse. `rows` is None if they can't be counted."""

    schema: str
    name: str
    kind: Literal["table", "view"]
    columns: tuple[ColumnFacts, ...]
    rows: int | None = None
    definition: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Schema and name, by which artifacts refer to it."""
        return self.schema, self.name


def read_inventory(
    connection: DuckDBPyConnection, settings: WarehouseSettings
) -> tuple[TableFacts, ...]:
    """Every table and view of the raw schema and of dbt's, sorted by name.

    Without dlt's own tables (`_dlt_*`), which are its bookkeeping.
    """
    schemas = (settings.dlt_dataset_name, *MODEL_SCHEMAS)
    # A bound value makes DuckDB import pandas, which takes a quarter of this stage's time.
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
    return tuple(tables)
