"""A raw table as people see it in Dagster: columns, rows, and how they spread over time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import dagster as dg

from stack.raw import RawTable
from stack.settings import WarehouseSettings
from stack.warehouse import columns_of, row_count

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SAMPLE_ROWS = 5
CELL_CHARACTERS = 40
MONTHS_SHOWN = 24
BAR_CHARACTERS = 30


def table_metadata(
    connection: DuckDBPyConnection, settings: WarehouseSettings, table: RawTable
) -> dict[str, Any]:
    """Name, columns, row count and sample of a raw table, at a cost that doesn't grow with it."""
    schema = settings.dlt_dataset_name
    meanings = {column.name: column.description for column in table.columns}
    present = columns_of(connection, settings, schema, table.table_name)
    columns = [
        dg.TableColumn(c.name, c.type.lower(), meanings.get(c.name, "Added by an export."))
        for c in present
    ]
    rows = connection.execute(
        f'select * from "{schema}"."{table.table_name}" limit {SAMPLE_ROWS}'
    ).fetchall()
    return {
        "dagster/row_count": row_count(connection, schema, table.table_name),
        "dagster/column_schema": dg.TableSchema(columns),
        "dagster/table_name": f"{settings.database}.{schema}.{table.table_name}",
        "sample": dg.MetadataValue.md(markdown_table([c.name for c in present], rows)),
    }


def rows_by_month(
    connection: DuckDBPyConnection, settings: WarehouseSettings, table: RawTable
) -> dict[str, Any]:
    """Rows of the last months as bars, for a table with an event date; reads that column."""
    if table.event_date is None:
        return {}
    months = connection.execute(
        f"select strftime(\"{table.event_date}\", '%Y-%m') as month, count(*) "
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


def markdown_table(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """A markdown table; long cells are cut."""
    names = [_cell(name) for name in header]
    lines = [names, ["---"] * len(names), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Any) -> str:
    text = "" if value is None else " ".join(str(value).split()).replace("|", "\\|")
    return text if len(text) <= CELL_CHARACTERS else f"{text[: CELL_CHARACTERS - 1]}…"
