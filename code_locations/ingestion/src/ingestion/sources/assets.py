"""The configured sources as `dlt_ingestion_pipeline` shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from ingestion.settings import DltSettings
from ingestion.sources.building import table_name
from ingestion.sources.declarations import Source, load_sources
from ingestion.sources.loading import SourcesReport
from ingestion.table_view import table_metadata
from stack.artifacts import ArtifactStore
from stack.raw import RawTable
from stack.settings import StackSettings, WarehouseSettings, load_settings

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ARTIFACT = "load/sources.json"
ALL_SOURCES_LOADED = "all_sources_loaded"


def configured_sources() -> tuple[Source, ...]:
    """The sources of DLT_SOURCES_DIR. Raises SourceFileError."""
    return load_sources(load_settings(DltSettings).dlt_sources_dir)


def source_specs(pipeline: dg.AssetKey) -> Iterator[dg.AssetSpec]:
    """An asset a table; one whose source failed is not materialised."""
    for source in configured_sources():
        for name, table in source.tables.items():
            yield dg.AssetSpec(
                dg.AssetKey(["raw", table_name(source, name)]),
                deps=[pipeline],
                group_name="ingestion",
                kinds={"dlt", "duckdb"},
                owners=[source.owner],
                description=table.description or f"{name} of {source.description or source.name}.",
                metadata={"primary_key": list(table.primary_key), "source": source.kind},
                skippable=True,
            )


def source_check_specs(pipeline: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """The check of the configured sources, where there are any."""
    if not configured_sources():
        return []
    told = "No source of DLT_SOURCES_DIR failed in the last run."
    return [dg.AssetCheckSpec(ALL_SOURCES_LOADED, asset=pipeline, description=told)]


def failed_last_time() -> dict[str, str]:
    """The reason by source that failed in the last run; empty before the first."""
    artifact = ArtifactStore(load_settings(StackSettings).artifacts).get_json(ARTIFACT)
    return dict((artifact or {}).get("failed", {}))


def sources_loaded(pipeline: dg.AssetKey, failed: Mapping[str, str]) -> dg.AssetCheckResult:
    """Result of `all_sources_loaded`; `failed` is the reason by source."""
    return dg.AssetCheckResult(
        asset_key=pipeline,
        check_name=ALL_SOURCES_LOADED,
        passed=not failed,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(f"{name}: {reason}" for name, reason in failed.items()) or None,
        metadata={"failed": len(failed)},
    )


def source_results(
    connection: DuckDBPyConnection, warehouse: WarehouseSettings, report: SourcesReport
) -> Iterator[dg.MaterializeResult[Any]]:
    """A materialisation of each table whose source was loaded."""
    schema = warehouse.dlt_dataset_name
    present = {
        name
        for (name,) in connection.execute(
            "select table_name from duckdb_tables() where schema_name = ? and database_name = ?",
            [schema, warehouse.database],
        ).fetchall()
    }
    for source in configured_sources():
        for name in source.tables:
            full_name = table_name(source, name)
            if full_name not in report.rows:
                continue
            metadata: dict[str, Any] = {
                "rows_loaded": report.rows[full_name],
                "duration_s": report.seconds[source.name],
            }
            if full_name in present:  # a source without a row yet has no table
                shown = RawTable(source=source.name, name=name)
                metadata |= table_metadata(connection, warehouse, shown)
            yield dg.MaterializeResult(asset_key=dg.AssetKey(["raw", full_name]), metadata=metadata)
