"""`airbyte_sync_job`: what is new in the connections' sources into the raw tables."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import dagster as dg

from ingestion.airbyte.checks import check_specs, checked_tables
from ingestion.airbyte.connection import Connection, load_connections
from ingestion.airbyte.scope import Scope
from ingestion.settings import AirbyteSettings
from stack.options import RunOptions, takes_options
from stack.partitions import BACKFILL_POLICY, daily_partitions, days_of
from stack.settings import load_settings
from stack.warehouse.pool import WAREHOUSE_POOL

NAME = "airbyte_sync_job"


def build_airbyte_assets(connections: Sequence[Connection]) -> dg.AssetsDefinition:
    """The op behind `airbyte_sync_job` and the raw tables of these connections."""
    tables = checked_tables(connections)

    @takes_options
    @dg.multi_asset(
        name=NAME,
        specs=list(asset_specs(connections)),
        partitions_def=daily_partitions(),
        backfill_policy=BACKFILL_POLICY,
        pool=WAREHOUSE_POOL,
    )
    def airbyte_sync_job(
        context: dg.AssetExecutionContext, options: dg.ResourceParam[RunOptions]
    ) -> Iterator[Any]:
        from ingestion.airbyte.materialization import materialize

        scope = Scope(options.force_full_refresh, days_of(context.run.tags))
        yield from materialize(context, connections, tables, scope)

    return airbyte_sync_job


def build_airbyte_checks(connections: Sequence[Connection]) -> dg.AssetChecksDefinition:
    """The raw tables' checks, to be run alone; a sync logs them itself."""
    tables = checked_tables(connections)

    @dg.multi_asset_check(name="airbyte_raw_checks", specs=check_specs(tables), pool=WAREHOUSE_POOL)
    def airbyte_raw_checks() -> Iterator[dg.AssetCheckResult]:
        from ingestion.airbyte.materialization import evaluate_tables, last_artifact

        for result in evaluate_tables(tables, last_artifact()):
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


CONNECTIONS = load_connections(load_settings(AirbyteSettings).airbyte_connection_file)
airbyte_sync_job = build_airbyte_assets(CONNECTIONS)
airbyte_checks = build_airbyte_checks(CONNECTIONS)
