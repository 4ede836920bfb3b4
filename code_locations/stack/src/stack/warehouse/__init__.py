"""The warehouse: one DuckDB file, or a DuckLake; the only place that opens it."""

from stack.warehouse.connection import WarehouseBusyError, WarehouseError, connect
from stack.warehouse.tables import (
    TableColumn,
    columns_of,
    ensure_raw_tables,
    row_count,
    table_exists,
)

__all__ = [
    "TableColumn",
    "WarehouseBusyError",
    "WarehouseError",
    "columns_of",
    "connect",
    "ensure_raw_tables",
    "row_count",
    "table_exists",
]
