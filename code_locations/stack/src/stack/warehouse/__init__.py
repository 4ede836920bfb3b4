"""The warehouse: one DuckDB file, or a DuckLake; the only place that opens it."""

from stack.warehouse.connection import WarehouseBusyError, WarehouseError, connect
from stack.warehouse.tables import (
    columns_by_table,
    columns_of,
    count_rows,
    ensure_raw_tables,
    row_count,
    table_exists,
)

__all__ = [
    "WarehouseBusyError",
    "WarehouseError",
    "columns_by_table",
    "columns_of",
    "connect",
    "count_rows",
    "ensure_raw_tables",
    "row_count",
    "table_exists",
]
