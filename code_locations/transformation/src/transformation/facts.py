"""What the warehouse knows about a table after a run: columns, rows, a sample."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stack.settings import WarehouseSettings
from transformation.manifest import Table

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SAMPLE_ROWS = 10


@dataclass(frozen=True)
class WarehouseColumn:
    """A column as the warehouse has it."""

    name: str
    type: str


def columns_by_table(
    connection: DuckDBPyConnection, settings: WarehouseSettings, tables: Iterable[Table]
) -> dict[str, tuple[WarehouseColumn, ...]]:
    """Columns of each table that exists, by unique id; one query for all."""
    rows = connection.execute(
        "select schema_name, table_name, column_name, data_type from duckdb_columns() "
        "where database_name = ? order by schema_name, table_name, column_index",
        [settings.database],
    ).fetchall()
    found: dict[tuple[str, str], list[WarehouseColumn]] = {}
    for schema, table, name, data_type in rows:
        found.setdefault((schema, table), []).append(WarehouseColumn(name, data_type))
    return {
        table.unique_id: tuple(found[table.schema, table.name])
        for table in tables
        if (table.schema, table.name) in found
    }


def sample(connection: DuckDBPyConnection, table: Table, rows: int = SAMPLE_ROWS) -> str:
    """Some rows as a Markdown table, the latest of a table by month; empty text without rows."""
    relation = connection.sql(f'select * from "{table.schema}"."{table.name}"')
    if str(relation.types[0]) == "DATE":
        places = range(2, len(relation.columns) + 1)
        relation = relation.order(", ".join(["1 desc", *map(str, places)]))
    found = relation.limit(rows).fetchall()
    return markdown_table(relation.columns, found) if found else ""


def markdown_table(names: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Rows as a Markdown table; null is an empty cell."""
    head = list(names)
    lines = [head, ["---"] * len(head), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    return "" if value is None else str(value).replace("|", "\\|").replace("\n", " ")
