"""What the warehouse knows about a table after a run: columns, rows, a sample."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stack.dbt_artifacts import Node
from stack.markdown import markdown_table
from stack.settings import WarehouseSettings
from stack.sql import identifier, literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SAMPLE_ROWS = 10


@dataclass(frozen=True)
class WarehouseColumn:
    """A column as the warehouse has it."""

    name: str
    type: str


def columns_by_table(
    connection: DuckDBPyConnection, settings: WarehouseSettings, tables: Iterable[Node]
) -> dict[str, tuple[WarehouseColumn, ...]]:
    """Columns of each table that exists, by unique id; one query for all."""
    rows = connection.execute(
        "select schema_name, table_name, column_name, data_type from duckdb_columns() "
        f"where database_name = {literal(settings.database)} "
        "order by schema_name, table_name, column_index"
    ).fetchall()
    found: dict[tuple[str, str], list[WarehouseColumn]] = {}
    for schema, table, name, data_type in rows:
        found.setdefault((schema, table), []).append(WarehouseColumn(name, data_type))
    return {
        table.unique_id: tuple(found[table.schema_name, table.table])
        for table in tables
        if (table.schema_name, table.table) in found
    }


def sample(connection: DuckDBPyConnection, table: Node, rows: int = SAMPLE_ROWS) -> str:
    """Some rows as a Markdown table, the latest if it has months; empty text without rows."""
    name = f"{identifier(table.schema_name)}.{identifier(table.table)}"
    relation = connection.sql(f"select * from {name}")
    if str(relation.types[0]) == "DATE":
        places = range(2, len(relation.columns) + 1)
        relation = relation.order(", ".join(["1 desc", *map(str, places)]))
    found = relation.limit(rows).fetchall()
    return markdown_table(relation.columns, found) if found else ""
