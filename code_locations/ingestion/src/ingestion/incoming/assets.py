"""`file_processing`: a batch of arrived files into raw tables named after them."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from pydantic import Field

from ingestion.incoming.arrivals import quiet_files
from ingestion.incoming.checks import ASSET, quarantine_empty
from ingestion.incoming.processing import FilesReport, process_files
from ingestion.incoming.runs import held_tables
from ingestion.incoming.tables import declared_tables, raw_table_of
from ingestion.settings import IncomingSettings
from ingestion.table_view import markdown_table, table_metadata
from stack.artifacts import ArtifactStore
from stack.settings import StackSettings, WarehouseSettings, load_settings
from stack.warehouse import connect, ensure_raw_tables
from stack.warehouse.pool import WAREHOUSE_POOL

ARTIFACT = "load/files.json"


class Arrived(dg.Config):
    """A file of the batch, as the sensor saw it."""

    path: str = Field(description="path below INCOMING_URL")
    version: str = Field(description="its size and time (or ETag); a changed file is left")


class FileProcessingConfig(dg.Config):
    """Which files to load."""

    files: list[Arrived] = Field(
        [], description="the batch; none: the oldest files that nobody wrote to lately"
    )


def asset_specs() -> list[dg.AssetSpec]:
    """The batch, and each raw table of files that is declared because a model uses it.

    The others are materialised by the runs that load them.
    """
    return [
        dg.AssetSpec(
            ASSET,
            group_name="ingestion",
            kinds={"dlt"},
            owners=["team:analytics"],
            description="Loads arrived files into raw tables named after them, and clears them up.",
        ),
        *(
            dg.AssetSpec(
                dg.AssetKey(table.asset_path),
                deps=[ASSET],
                group_name="ingestion",
                kinds={"dlt", "duckdb"},
                owners=[table.owner],
                description=table.description,
            )
            for table in declared_tables()
        ),
    ]


@dg.multi_asset(name="file_processing", specs=asset_specs(), pool=WAREHOUSE_POOL)
def file_processing(
    context: dg.AssetExecutionContext, config: FileProcessingConfig
) -> Iterator[dg.MaterializeResult[Any]]:
    """Load the batch; materialise each table that got rows. Fails if a file could not be loaded."""
    settings = load_settings(IncomingSettings)
    batch = {file.path: file.version for file in config.files}
    if not batch:
        held = held_tables(context.instance, but=context.run.run_id)
        batch = quiet_files(settings, held) if held is not None else {}
    report = process_files(batch, progress=context.log.info)
    for path, reason in report.quarantined.items():
        context.log.warning(f"{path} is in {settings.quarantine}: {reason}")
    for path, reason in report.left.items():
        context.log.info(f"{path} is left for a later run: {reason}")
    for path in report.again:
        context.log.info(f"{path} is not loaded again: its table has this content")
    for path in report.empty:
        context.log.info(f"{path} has no rows")
    tables = _table_metadata(report)
    ArtifactStore(load_settings(StackSettings).artifacts).put_json(
        context.run.run_id, ARTIFACT, _artifact(report, tables)
    )
    declared = {table.table_name for table in declared_tables()}
    for name, metadata in tables.items():
        key = dg.AssetKey(["raw", name])
        if name in declared:
            yield dg.MaterializeResult(asset_key=key, metadata=metadata)
        else:
            context.log_event(dg.AssetMaterialization(asset_key=key, metadata=metadata))
    context.log_event(quarantine_empty())
    if report.failed:
        failed = "; ".join(f"{path}: {reason}" for path, reason in report.failed.items())
        raise dg.Failure(
            f"{len(report.failed)} files could not be loaded and stay where they are, for a later "
            f"run; the others are done. {failed}",
            allow_retries=False,
        )
    yield dg.MaterializeResult(asset_key=ASSET, metadata=_metadata(report))


def _table_metadata(report: FilesReport) -> dict[str, dict[str, Any]]:
    """What people see of each table that got rows, or is declared, by its name."""
    warehouse = load_settings(WarehouseSettings)
    declared = {table.table_name: table for table in declared_tables()}
    shown = {}
    with connect(warehouse) as connection:
        ensure_raw_tables(connection, warehouse, declared.values())
        for name in dict.fromkeys([*declared, *report.files]):
            table = declared.get(name) or raw_table_of(name.removeprefix("files_"), {})
            files = report.files.get(name, [])
            shown[name] = table_metadata(connection, warehouse, table) | {
                "rows_loaded": report.rows.get(name, 0),
                "files_loaded": len(files),
                "files": dg.MetadataValue.md("\n".join(f"- `{path}`" for path in files) or "none"),
                "columns_added": report.columns_added.get(name, []),
            }
    return shown


def _metadata(report: FilesReport) -> dict[str, Any]:
    loaded = [(name, len(files), report.rows[name]) for name, files in report.files.items()]
    refused = [f"- `{path}`: {reason}" for path, reason in report.quarantined.items()]
    return {
        "rows_loaded": sum(report.rows.values()),
        "files_loaded": sum(len(files) for files in report.files.values()),
        "files_loaded_before": len(report.again),
        "files_without_rows": len(report.empty),
        "files_left": len(report.left),
        "quarantined": len(refused),
        "quarantine": dg.MetadataValue.md("\n".join(refused) or "none"),
        "tables": dg.MetadataValue.md(
            markdown_table(("table", "files", "rows"), loaded) if loaded else "none"
        ),
        "duration_s": round(report.duration_s, 3),
    }


def _artifact(report: FilesReport, tables: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Content of `load/files.json`."""
    return {
        "tables": {
            name: {
                "rows_loaded": metadata["rows_loaded"],
                "rows_total": metadata["dagster/row_count"],
                "duration_s": round(report.duration_s, 3),
                "files": report.files.get(name, []),
            }
            for name, metadata in tables.items()
        },
        "quarantined": [{"file": f, "reason": r} for f, r in report.quarantined.items()],
        "schema_changes": [
            {"table": name, "column": column, "change": "added"}
            for name, columns in report.columns_added.items()
            for column in columns
        ],
    }
