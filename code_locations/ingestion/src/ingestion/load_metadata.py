"""What Dagster shows about a load: its step, and each table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from ingestion.desk import Desk
from ingestion.freshness import Newest
from ingestion.table_view import rows_by_month, table_metadata
from stack.load_report import InputReport, LoadReport, Outcome, TableReport
from stack.markdown import markdown_list, markdown_table
from stack.settings import WarehouseSettings, load_settings
from stack.warehouse import connect
from stack.warehouse.versions import relations

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

STATE_CHARACTERS = 1000
# Metadata: what this load set aside, and everything that waits in the quarantine.
SET_ASIDE_NOW = "set_aside_now"
WAITING = "waiting"


def tables_shown(
    instance: dg.DagsterInstance, desk: Desk, reports: Sequence[LoadReport]
) -> tuple[dict[dg.AssetKey, dict[str, Any]], dict[dg.AssetKey, dg.DataVersion]]:
    """Metadata of each raw table that the loads kept up to date, by its asset's key.

    And versions of the tables' contents.
    """
    settings = load_settings(WarehouseSettings)
    shown = {}
    newest = Newest.since(instance, reports)
    with connect(settings) as connection:
        for report in reports:
            for name, done in report.tables.items():
                inputs = report.of_table(name)
                failed = all(found.outcome is Outcome.FAILED for found in inputs)
                if failed and (inputs or done.rows_total is None):
                    continue
                metadata = table_metadata(connection, settings, done.table)
                if metadata and done.rows_loaded:  # when it changed: this reads a whole column
                    metadata |= rows_by_month(connection, settings, done.table)
                key = dg.AssetKey(done.table.asset_path)
                shown[key] = metadata | _load_metadata(done, inputs)
                if metadata:
                    shown[key] |= newest.metadata(connection, settings, done)
                if any(found.set_aside for found in inputs):
                    part = report.model_copy(update={"inputs": inputs})
                    shown[key][SET_ASIDE_NOW] = desk.set_aside_table([part])
        return shown, _data_versions(connection, settings, reports)


def _data_versions(
    connection: "DuckDBPyConnection", settings: WarehouseSettings, reports: Sequence[LoadReport]
) -> dict[dg.AssetKey, dg.DataVersion]:
    """From the content, so that a load without news leaves everything downstream in sync."""
    tables = [done.table for report in reports for done in report.tables.values()]
    keys = {(settings.dlt_dataset_name, t.table_name): dg.AssetKey(t.asset_path) for t in tables}
    found = relations(connection, settings, keys)
    return {
        keys[name]: dg.DataVersion(relation.version)
        for name, relation in found.items()
        if relation.version
    }


def _load_metadata(done: TableReport, inputs: Sequence[InputReport]) -> dict[str, Any]:
    loaded = [found for found in inputs if found.outcome in (Outcome.LOADED, Outcome.PARTLY)]
    metadata: dict[str, Any] = {
        "rows_loaded": done.rows_loaded,
        "rows_removed": done.rows_removed,
        "rows_read": sum(found.records or 0 for found in inputs),
        "merged_away": sum(found.merged_away for found in inputs),
        "set_aside": sum(part.records or 0 for found in inputs for part in found.set_aside),
        "bytes_read": sum(found.bytes or 0 for found in inputs),
        "duration_s": round(done.seconds, 3),
        "inputs_loaded": len(loaded),
        "inputs": dg.MetadataValue.md(markdown_list((found.name for found in loaded), "none")),
        "columns_added": [column.name for column in done.columns_added],
        "columns_widened": [f"{c.name}: {c.before} to {c.after}" for c in done.columns_widened],
    }
    if len(inputs) == 1:  # a stream or an endpoint
        (only,) = inputs
        metadata |= {"outcome": str(only.outcome), "state": only.state[:STATE_CHARACTERS]}
        metadata |= only.facts
    return metadata


def step_metadata(desk: Desk, reports: Sequence[LoadReport]) -> dict[str, Any]:
    """Metadata of all loads of the step together."""
    inputs = [found for report in reports for found in report.inputs]
    added = [
        f"`{name}.{column.name}` {column.type.lower()} ({column.input})"
        for report in reports
        for name, table in report.tables.items()
        for column in table.columns_added
    ]
    widened = [
        f"`{name}.{column.name}` {column.before.lower()} to {column.after.lower()}"
        for report in reports
        for name, table in report.tables.items()
        for column in table.columns_widened
    ]
    failed = [f"{f.source}: {f.reason}" for report in reports for f in report.failures]
    header = ("input", "table", "records", "loaded", "merged away", "set aside", "outcome")
    rows = [
        (i.name, i.table, "?" if i.records is None else i.records, i.loaded, i.merged_away,
         sum(part.records or 0 for part in i.set_aside), str(i.outcome))
        for i in inputs[:100]
    ]  # fmt: skip
    return {
        "rows_loaded": sum(report.rows_loaded for report in reports),
        "rows_read": sum(found.records or 0 for found in inputs),
        "bytes_read": sum(found.bytes or 0 for found in inputs),
        "inputs_loaded": sum(found.outcome is Outcome.LOADED for found in inputs),
        "inputs_unchanged": sum(report.unchanged for report in reports),
        "inputs": dg.MetadataValue.md(markdown_table(header, rows)),
        "set_aside": sum(1 for report in reports for _ in report.set_aside()),
        "failed": dg.MetadataValue.md(markdown_list(failed, "none")),
        "columns_added": dg.MetadataValue.md(markdown_list(added, "none")),
        "columns_widened": dg.MetadataValue.md(markdown_list(widened, "none")),
        "duration_s": round(sum(report.seconds for report in reports), 3),
        SET_ASIDE_NOW: desk.set_aside_table(reports),
        WAITING: desk.waiting_table(),
    }
