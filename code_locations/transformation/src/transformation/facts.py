"""A sample of a table's rows, for its metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stack.dbt_artifacts import Node
from stack.markdown import markdown_table
from stack.sql import identifier

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SAMPLE_ROWS = 10


def sample(connection: DuckDBPyConnection, table: Node, rows: int = SAMPLE_ROWS) -> str:
    """Some rows as a Markdown table, the latest if it has months; empty text without rows."""
    name = f"{identifier(table.schema_name)}.{identifier(table.table)}"
    relation = connection.sql(f"select * from {name}")
    if str(relation.types[0]) == "DATE":
        places = range(2, len(relation.columns) + 1)
        relation = relation.order(", ".join(["1 desc", *map(str, places)]))
    found = relation.limit(rows).fetchall()
    return markdown_table(relation.columns, found) if found else ""
