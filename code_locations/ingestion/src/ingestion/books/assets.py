"""`dlt_ingestion_pipeline`: what is new in the books' exports and the configured sources."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import dagster as dg

from ingestion.books.checks import ASSET, evaluation, files_readable, keys_unique
from ingestion.books.report import SOURCE, BooksReport
from ingestion.books.source import load_books
from ingestion.sources.assets import ARTIFACT as SOURCES_ARTIFACT
from ingestion.sources.assets import (
    configured_sources,
    source_results,
    source_specs,
    sources_loaded,
)
from ingestion.sources.building import Reading
from ingestion.sources.loading import load_configured
from ingestion.table_view import rows_by_month, table_metadata
from stack.artifacts import ArtifactStore
from stack.options import RunOptions, takes_options
from stack.partitions import BACKFILL_POLICY, daily_partitions, days_of
from stack.raw import RawTable, raw_tables
from stack.settings import StackSettings, WarehouseSettings, load_settings
from stack.warehouse import connect, ensure_raw_tables
from stack.warehouse.pool import WAREHOUSE_POOL

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ARTIFACT = "load/books.json"


def asset_specs() -> Iterator[dg.AssetSpec]:
    """The pipeline, and each raw table of the books."""
    yield dg.AssetSpec(
        ASSET,
        group_name="ingestion",
        kinds={"dlt"},
        owners=["team:analytics"],
        description="Loads new and changed exports of the books into the raw tables with dlt.",
    )
    for table in raw_tables(SOURCE):
        yield dg.AssetSpec(
            dg.AssetKey(table.asset_path),
            deps=[ASSET],
            group_name="ingestion",
            kinds={"dlt", "duckdb"},
            owners=[table.owner],
            description=table.description,
            metadata={"primary_key": list(table.primary_key)},
        )


@takes_options
@dg.multi_asset(
    name="dlt_ingestion_pipeline",
    specs=[*asset_specs(), *source_specs(ASSET)],
    partitions_def=daily_partitions(),
    backfill_policy=BACKFILL_POLICY,
    pool=WAREHOUSE_POOL,
)
def dlt_ingestion_pipeline(
    context: dg.AssetExecutionContext, options: dg.ResourceParam[RunOptions]
) -> Iterator[dg.MaterializeResult[Any]]:
    """Load the exports; materialise the pipeline and the tables, evaluate their checks."""
    report = load_books(
        context.log.info,
        full_refresh=options.force_full_refresh,
        days=days_of(context.run.tags),
    )
    for name, reason in report.not_rebuilt.items():
        context.log.warning(f"{name}: its days are left as they are: {reason}")
    for path, reason in report.quarantined.items():
        context.log.warning(f"{path} is not loaded: {reason}")
    if not report.files and not report.not_rebuilt:
        context.log.info(f"nothing new: {report.unchanged} exports were loaded before")
    tables = raw_tables(SOURCE)
    warehouse = load_settings(WarehouseSettings)
    # Days are the books' own: other sources are read from where they were left.
    others = () if days_of(context.run.tags) else configured_sources()
    reading = Reading.REPLACE if options.force_full_refresh else Reading.NEW
    loaded_others = load_configured(others, context.log.info, reading)
    for name, reason in loaded_others.failed.items():
        context.log.error(f"{name} is not loaded: {reason}")
    with connect(warehouse) as connection:
        ensure_raw_tables(connection, warehouse, tables)
        metadata = {t: _table_metadata(connection, warehouse, t, report) for t in tables}
        results = list(source_results(connection, warehouse, loaded_others))
    artifacts = ArtifactStore(load_settings(StackSettings).artifacts)
    artifacts.put_json(context.run.run_id, ARTIFACT, _artifact(report, metadata))
    loaded = [table for table in tables if table.table_name in report.files]
    for result in (files_readable(report.quarantined), *keys_unique(loaded)):
        context.log_event(evaluation(result))
    if others:
        artifacts.put_json(context.run.run_id, SOURCES_ARTIFACT, asdict(loaded_others))
        context.log_event(evaluation(sources_loaded(ASSET, loaded_others.failed)))
    refused = [f"- {name}: {reason}" for name, reason in loaded_others.failed.items()]
    shown = {"sources_failed": dg.MetadataValue.md("\n".join(refused) or "none")}
    yield dg.MaterializeResult(asset_key=ASSET, metadata=_pipeline_metadata(report) | shown)
    yield from results
    for table in tables:
        yield dg.MaterializeResult(
            asset_key=dg.AssetKey(table.asset_path), metadata=metadata[table]
        )


def _table_metadata(
    connection: "DuckDBPyConnection",
    warehouse: WarehouseSettings,
    table: RawTable,
    report: BooksReport,
) -> dict[str, Any]:
    name = table.table_name
    done = report.load.tables.get(name)
    shown = table_metadata(connection, warehouse, table)
    if done is not None:
        # Only when it changed: this reads a column of the whole table.
        shown |= rows_by_month(connection, warehouse, table)
    files = report.files.get(name, [])
    return shown | {
        "rows_loaded": done.rows_loaded if done else 0,
        "duration_s": round(done.duration_s, 3) if done else 0.0,
        "duplicates": report.duplicates.get(name, 0),
        "files_loaded": len(files),
        "files": dg.MetadataValue.md("\n".join(f"- `{path}`" for path in files) or "none"),
        "columns_added": [c.column for c in report.schema_changes if c.table == name],
    }


def _pipeline_metadata(report: BooksReport) -> dict[str, Any]:
    changes = [
        f"- `{c.table}.{c.column}` {c.type.lower()} ({c.file})" for c in report.schema_changes
    ]
    refused = [f"- `{path}`: {reason}" for path, reason in report.quarantined.items()]
    return {
        "rows_loaded": sum(table.rows_loaded for table in report.load.tables.values()),
        "files_loaded": sum(len(files) for files in report.files.values()),
        "files_unchanged": report.unchanged,
        "quarantined": len(refused),
        "quarantine": dg.MetadataValue.md("\n".join(refused) or "none"),
        "schema_changes": dg.MetadataValue.md("\n".join(changes) or "none"),
        "duration_s": round(report.duration_s, 3),
    }


def _artifact(report: BooksReport, metadata: dict[RawTable, dict[str, Any]]) -> dict[str, Any]:
    """Content of `load/books.json`."""
    return {
        "tables": {
            table.table_name: {
                "rows_loaded": shown["rows_loaded"],
                "rows_total": shown["dagster/row_count"],
                "duration_s": shown["duration_s"],
                "duplicates": shown["duplicates"],
                "files": report.files.get(table.table_name, []),
            }
            for table, shown in metadata.items()
        },
        "quarantined": [
            {"file": path, "reason": reason} for path, reason in report.quarantined.items()
        ],
        "schema_changes": [
            {
                "table": c.table,
                "column": c.column,
                "change": "added",
                "type": c.type.lower(),
                "file": c.file,
            }
            for c in report.schema_changes
        ],
    }
