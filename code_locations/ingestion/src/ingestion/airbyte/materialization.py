"""What the op behind `airbyte_sync_job` does; imported when it runs, not when Dagster loads."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from ingestion.airbyte.assets import NAME
from ingestion.airbyte.backend import choose_backend
from ingestion.airbyte.checks import CheckedTable, evaluate
from ingestion.airbyte.connection import Connection, ConnectionFileError
from ingestion.airbyte.environments import ConnectorMissingError
from ingestion.airbyte.metadata import artifact, job_metadata, stream_metadata, view_table
from ingestion.airbyte.scope import WHAT_IS_NEW, Scope
from ingestion.airbyte.sync import SyncError, SyncReport
from ingestion.settings import AirbyteSettings
from stack.artifacts import ArtifactStore
from stack.settings import StackSettings, WarehouseSettings, load_settings
from stack.warehouse import connect, table_exists

ARTIFACT = "load/airbyte.json"


def materialize(
    context: dg.AssetExecutionContext,
    connections: Sequence[Connection],
    tables: Sequence[CheckedTable],
    scope: Scope = WHAT_IS_NEW,
) -> Iterator[dg.MaterializeResult[Any] | dg.AssetMaterialization]:
    """Sync the connections one after the other; one that fails doesn't stop the others.

    Writes the artifact and logs the checks' evaluations in either case. Raises dg.Failure with
    a sentence for each failure; what was committed nevertheless is logged as materialised.
    """
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
            reports.append(backend.sync(connection, scope))
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
        if table["rows_total"] and table["rows_loaded"] == 0 and table["outcome"] == "complete"
    }
    for evaluation in evaluate_tables(tables, summary, unchanged=unchanged):
        context.log_event(evaluation)
    if failures:
        # Yielded, not logged: what is logged just before a raise never reaches the event log.
        for result in results:
            key, metadata = dg.AssetKey.from_coercible(result.asset_key or NAME), result.metadata
            yield dg.AssetMaterialization(key, metadata=metadata)
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


def last_artifact() -> Mapping[str, Any] | None:
    """What the last sync wrote; None before the first."""
    store = ArtifactStore(load_settings(StackSettings).artifacts)
    found: Mapping[str, Any] | None = store.get_json(ARTIFACT)
    return found


def evaluate_tables(
    tables: Sequence[CheckedTable],
    summary: Mapping[str, Any] | None,
    *,
    unchanged: Collection[str] = (),
) -> list[dg.AssetCheckEvaluation]:
    """The checks' results on the tables that are there; one never loaded has nothing to check."""
    warehouse = load_settings(WarehouseSettings)
    with connect(warehouse, read_only=True) as connection:
        schema = warehouse.dlt_dataset_name
        there = [t for t in tables if table_exists(connection, warehouse, schema, t.table_name)]
        return list(evaluate(connection, warehouse, there, summary, unchanged=unchanged))
