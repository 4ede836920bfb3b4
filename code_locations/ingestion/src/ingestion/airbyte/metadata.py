"""What a sync tells people: metadata of assets, and the artifact for later stages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from ingestion.airbyte.sync import StreamReport, SyncReport
from ingestion.table_view import markdown_table
from stack.raw import RawTable
from stack.settings import WarehouseSettings
from stack.warehouse import TableColumn, columns_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SAMPLE_ROWS = 5
STATE_CHARACTERS = 1000


@dataclass(frozen=True)
class TableView:
    """A raw table as it is in the warehouse: its columns and some rows."""

    columns: tuple[TableColumn, ...]
    sample: str


def view_table(
    connection: DuckDBPyConnection, settings: WarehouseSettings, table: RawTable
) -> TableView:
    """Columns and a sample of a raw table, the rows with the highest key; none if it's absent."""
    schema = settings.dlt_dataset_name
    columns = columns_of(connection, settings, schema, table.table_name)
    if not columns:
        return TableView((), "Not in the warehouse.")
    order = ", ".join(f'"{name}" desc' for name in table.primary_key)
    rows = connection.execute(
        f'select * from "{schema}"."{table.table_name}" '
        f"{f'order by {order}' if order else ''} limit {SAMPLE_ROWS}"
    ).fetchall()
    return TableView(columns, markdown_table([c.name for c in columns], rows))


def stream_metadata(
    stream: StreamReport, report: SyncReport, view: TableView, settings: WarehouseSettings
) -> dict[str, Any]:
    """Metadata of the raw table that a stream went into."""
    meanings = {column.name: column.description for column in stream.table.columns}
    columns = [
        dg.TableColumn(c.name, c.type.lower(), meanings.get(c.name, "Added by the source."))
        for c in view.columns
    ]
    counts = {
        "dagster/row_count": stream.rows_total,
        "rows_read": stream.rows_read,
        "rows_loaded": stream.rows_loaded,
        "bytes_read": stream.bytes_read,
    }
    return {
        **{name: count for name, count in counts.items() if count is not None},
        "dagster/column_schema": dg.TableSchema(columns),
        "dagster/table_name": (
            f"{settings.database}.{settings.dlt_dataset_name}.{stream.table_name}"
        ),
        "duration_s": round(stream.duration_s, 3),
        "sync_mode": stream.sync_mode,
        "connector": report.connector,
        "outcome": stream.outcome,
        "state": stream.state[:STATE_CHARACTERS],
        "quarantined": len(stream.bad),
        "columns_added": list(stream.columns_added),
        "sample": dg.MetadataValue.md(view.sample),
        **stream.facts,
    }


def job_metadata(reports: Iterable[SyncReport]) -> dict[str, Any]:
    """Metadata of the sync as a whole."""
    streams = [(report, stream) for report in reports for stream in report.streams]
    header = ("table", "stream", "mode", "read", "loaded", "in table", "seconds", "outcome")
    rows = [
        (s.table_name, f"{r.connection}.{s.stream}", s.sync_mode, _count(s.rows_read),
         _count(s.rows_loaded), _count(s.rows_total), f"{s.duration_s:.1f}", s.outcome)
        for r, s in streams
    ]  # fmt: skip
    return {
        "rows_read": sum(s.rows_read or 0 for _, s in streams),
        "rows_loaded": sum(s.rows_loaded or 0 for _, s in streams),
        "bytes_read": sum(s.bytes_read or 0 for _, s in streams),
        "quarantined": sum(len(s.bad) for _, s in streams),
        "streams": dg.MetadataValue.md(markdown_table(header, rows)),
        "connectors": sorted({report.connector for report, _ in streams}),
    }


def _count(rows: int | None) -> str:
    return "not known" if rows is None else f"{rows:,}"


def artifact(reports: Iterable[SyncReport], quarantined: Mapping[str, str]) -> dict[str, Any]:
    """Content of `load/airbyte.json`; `quarantined` is the URL of each table's bad records."""
    streams = [(report, stream) for report in reports for stream in report.streams]
    return {
        "tables": {
            s.table_name: {
                "rows_read": s.rows_read,
                "rows_loaded": s.rows_loaded,
                "rows_total": s.rows_total,
                "duration_s": round(s.duration_s, 3),
                "sync_mode": s.sync_mode,
                "outcome": s.outcome,
                "connector": r.connector,
            }
            for r, s in streams
        },
        "quarantined": [
            {
                "file": quarantined[s.table_name],
                "reason": s.bad[0].reason,
                "table": s.table_name,
                "records": len(s.bad),
            }
            for _, s in streams
            if s.table_name in quarantined
        ],
        "schema_changes": [
            {"table": s.table_name, "column": column, "change": "added"}
            for _, s in streams
            for column in s.columns_added
        ],
    }
