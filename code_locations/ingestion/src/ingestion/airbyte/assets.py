"""`airbyte_sync_job`: what is new in the connections' sources into the raw tables."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from ingestion.airbyte.backend import choose_backend
from ingestion.airbyte.checks import CheckedTable, check_specs, checked_tables, evaluate
from ingestion.airbyte.connection import Connection, ConnectionFileError, load_connections
from ingestion.airbyte.connectors import ConnectorMissingError
from ingestion.airbyte.metadata import artifact, job_metadata, stream_metadata, view_table
from ingestion.airbyte.sync import SyncError, SyncReport
from ingestion.settings import AirbyteSettings
from stack.artifacts import ArtifactStore
from stack.settings import StackSettings, WarehouseSettings, load_settings
from stack.warehouse import connect, table_exists
from stack.warehouse.pool import WAREHOUSE_POOL

NAME = "airbyte_sync_job"
ARTIFACT = "load/airbyte.json"


def build_airbyte_assets(connections: Sequence[Connection]) -> dg.AssetsDefinition:
    """The op behind `airbyte_sync_job` and the raw tables of these connections."""
    tables = checked_tables(connections)

    @dg.multi_asset(name=NAME, specs=list(asset_specs(connections)), pool=WAREHOUSE_POOL)
    def airbyte_sync_job(context: dg.AssetExecutionContext) -> Iterator[Any]:
        yield from _materialize(context, connections, tables)

    return airbyte_sync_job


def build_airbyte_checks(connections: Sequence[Connection]) -> dg.AssetChecksDefinition:
    """The raw tables' checks, to be run alone; a sync logs them itself."""
    tables = checked_tables(connections)

    @dg.multi_asset_check(name="airbyte_raw_checks", specs=check_specs(tables), pool=WAREHOUSE_POOL)
    def airbyte_raw_checks() -> Iterator[dg.AssetCheckResult]:
        store = ArtifactStore(load_settings(StackSettings).artifacts)
        for result in _evaluate(tables, store.get_json(ARTIFACT)):
            yield dg.AssetCheckResult(
                asset_key=result.asset_key,
                check_name=result.check_name,
                passed=result.passed,
                severity=result.severity,
                metadata=result.metadata,
            )

    return airbyte_raw_checks


def asset_specs(connections: Iterable[Connection]) -> Iterator[dg.AssetSpec]:
    """The sync, and the raw table of each stream. Reads declarations only."""
    yield dg.AssetSpec(
        NAME,
        group_name="ingestion",
        kinds={"airbyte"},
        owners=["team:analytics"],
        description="Pulls what is new through Airbyte connectors into the raw tables.",
    )
    for connection in connections:
        for stream, declared in connection.streams.items():
            table = connection.declared_table(stream)
            description = table.description if table else f"Stream {stream} of {connection.name}."
            yield dg.AssetSpec(
                ["raw", connection.table_name(stream)],
                deps=[NAME],
                group_name="ingestion",
                kinds={"airbyte", "duckdb"},
                owners=[table.owner if table else f"team:{connection.name}"],
                description=description,
                metadata={
                    "connector": connection.connector.package,
                    "stream": stream,
                    "sync_mode": declared.sync_mode,
                },
            )


def _materialize(
    context: dg.AssetExecutionContext,
    connections: Sequence[Connection],
    tables: Sequence[CheckedTable],
) -> Iterator[dg.MaterializeResult[Any]]:
    stack, warehouse = load_settings(StackSettings), load_settings(WarehouseSettings)
    store = ArtifactStore(stack.artifacts)
    quarantined: dict[str, str] = {}

    def quarantine(table_name: str, content: bytes) -> None:
        name = f"load/quarantine/{table_name}.jsonl"
        quarantined[table_name] = store.put(context.run.run_id, name, content)

    backend = choose_backend(
        load_settings(AirbyteSettings),
        scratch=stack.scratch,
        logger=context.log,
        quarantine=quarantine,
    )
    reports, failures = [], []
    for connection in connections:
        try:
            reports.append(backend.sync(connection))
        except (ConnectionFileError, ConnectorMissingError) as error:
            failures.append(str(error))
        except SyncError as error:  # the other connections can still be read
            reports.append(error.report)
            failures.append(str(error))
    summary = artifact(reports, quarantined)
    store.put_json(context.run.run_id, ARTIFACT, summary)
    results = _results(reports, warehouse)
    unchanged = {
        name
        for name, table in summary["tables"].items()
        if table["rows_total"] and not table["rows_loaded"] and table["outcome"] == "complete"
    }
    for evaluation in _evaluate(tables, summary, unchanged=unchanged):
        context.log_event(evaluation)
    if failures:
        for result in results:
            key, metadata = dg.AssetKey.from_coercible(result.asset_key or NAME), result.metadata
            context.log_event(dg.AssetMaterialization(key, metadata=metadata))
        raise dg.Failure("; ".join(failures))
    yield dg.MaterializeResult(asset_key=NAME, metadata=job_metadata(reports))
    yield from results


def _results(
    reports: Iterable[SyncReport], warehouse: WarehouseSettings
) -> list[dg.MaterializeResult[Any]]:
    """One for each raw table that the syncs kept up to date; a discarded stream is not."""
    streams = [(r, s) for r in reports for s in r.streams if s.outcome != "discarded"]
    with connect(warehouse, read_only=True) as connection:
        return [
            dg.MaterializeResult(
                asset_key=list(stream.table.asset_path),
                metadata=stream_metadata(
                    stream, report, view_table(connection, warehouse, stream.table), warehouse
                ),
            )
            for report, stream in streams
        ]


def _evaluate(
    tables: Sequence[CheckedTable],
    summary: Mapping[str, Any] | None,
    *,
    unchanged: Collection[str] = (),
) -> list[dg.AssetCheckEvaluation]:
    """Results for the tables that are there; one that was never loaded has nothing to check."""
    warehouse = load_settings(WarehouseSettings)
    with connect(warehouse, read_only=True) as connection:
        schema = warehouse.dlt_dataset_name
        there = [t for t in tables if table_exists(connection, warehouse, schema, t.table_name)]
        return list(evaluate(connection, warehouse, there, summary, unchanged=unchanged))


CONNECTIONS = load_connections(load_settings(AirbyteSettings).airbyte_connection_file)
airbyte_sync_job = build_airbyte_assets(CONNECTIONS)
airbyte_checks = build_airbyte_checks(CONNECTIONS)
