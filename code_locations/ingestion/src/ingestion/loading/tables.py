"""All raw tables of a loader in its report, including those that a load brought nothing for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stack.load_report import TableReport
from stack.raw import RawTable
from stack.settings import WarehouseSettings, load_settings
from stack.sql import literal
from stack.warehouse import connect, ensure_raw_tables, row_count


def with_all_tables(
    tables: Iterable[RawTable], loaded: Mapping[str, TableReport]
) -> dict[str, TableReport]:
    """Reports by table name; a declared table that doesn't exist yet is created, empty.

    A table without declared columns isn't created until a row comes.
    """
    warehouse = load_settings(WarehouseSettings)
    schema = warehouse.dlt_dataset_name
    known = {table.table_name: table for table in tables}
    reports = {}
    with connect(warehouse) as connection:
        ensure_raw_tables(connection, warehouse, [t for t in known.values() if t.columns])
        present = {
            name
            for (name,) in connection.execute(
                # Not bound: for that, DuckDB would import pandas.
                "select table_name from duckdb_tables() "
                f"where database_name = {literal(warehouse.database)} "
                f"and schema_name = {literal(schema)}"
            ).fetchall()
        }
        for name, table in known.items():
            total = row_count(connection, schema, name) if name in present else None
            reports[name] = loaded.get(name) or TableReport(table=table, rows_total=total)
    return reports | {name: report for name, report in loaded.items() if name not in known}
