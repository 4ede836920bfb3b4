"""A raw table as Dagster shows it: columns, rows, and their distribution over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from stack.markdown import markdown_table
from stack.raw import RawTable
from stack.settings import WarehouseSettings
from stack.sql import identifier
from stack.warehouse import columns_of, row_count

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SAMPLE_ROWS = 5
MONTHS_SHOWN = 24
BAR_CHARACTERS = 30


def table_metadata(
    connection: DuckDBPyConnection, settings: WarehouseSettings, table: RawTable
) -> dict[str, Any]:
    """Name, columns, row count and a sample of a raw table; nothing if it isn't there."""
    schema = settings.dlt_dataset_name
    relation = f"{identifier(schema)}.{identifier(table.table_name)}"
    meanings = {column.name: column.description for column in table.columns}
    present = columns_of(connection, settings, schema, table.table_name)
    if not present:
        return {}
    columns = [
        dg.TableColumn(name, type_.lower(), meanings.get(name, "Added by its source."))
        for name, type_ in present.items()
    ]
    order = ", ".join(f"{identifier(name)} desc" for name in table.primary_key)
    rows = connection.execute(
        f"select * from {relation} {f'order by {order}' if order else ''} limit {SAMPLE_ROWS}"
    ).fetchall()
    return {
        "dagster/row_count": row_count(connection, schema, table.table_name),
        "dagster/column_schema": dg.TableSchema(columns),
        "dagster/table_name": f"{settings.database}.{schema}.{table.table_name}",
        "sample": dg.MetadataValue.md(markdown_table(list(present), rows)),
    }


def rows_by_month(
    connection: DuckDBPyConnection, settings: WarehouseSettings, table: RawTable
) -> dict[str, Any]:
    """Rows of the last months as bars, for a table with an event date; reads that column."""
    if table.event_date is None:
        return {}
    months = connection.execute(
        f"select strftime({identifier(table.event_date)}, '%Y-%m') as month, count(*) "
        f'from "{settings.dlt_dataset_name}"."{table.table_name}" '
        "where month is not null group by month order by month desc limit ?",
        [MONTHS_SHOWN],
    ).fetchall()
    most = max((count for _, count in months), default=0)
    bars = [
        (month, f"{count:,}", "█" * max(1, round(BAR_CHARACTERS * count / most)))
        for month, count in reversed(months)
    ]
    if not bars:
        return {}
    return {"rows_by_month": dg.MetadataValue.md(markdown_table(("month", "rows", ""), bars))}
