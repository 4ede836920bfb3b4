"""What `remediation_reingestion` does; imported when it runs, not when Dagster loads."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

import dagster as dg

from ingestion.airbyte.assets import CONNECTIONS
from ingestion.airbyte.backend import choose_backend
from ingestion.airbyte.connection import Connection
from ingestion.airbyte.sync import SyncReport
from ingestion.remediation.reingestion import forget_books, forget_streams, reingest, touched
from ingestion.settings import AirbyteSettings
from ingestion.sources.assets import configured_sources
from ingestion.sources.building import configured_tables
from stack.artifacts import ArtifactStore
from stack.raw import raw_tables
from stack.remediation.handover import RemediationError, alert_of
from stack.remediation.isolation import Isolated, Query, isolate, queries
from stack.remediation.scope import Scope, scope_of
from stack.settings import StackSettings, WarehouseSettings, load_settings
from stack.warehouse import connect, ensure_raw_tables


def run_stage(run: dg.DagsterRun, log: logging.Logger) -> dict[str, Any]:
    """Isolate and load anew; return what was done. Raises RemediationError."""
    alert = alert_of(run)
    stack, warehouse = load_settings(StackSettings), load_settings(WarehouseSettings)
    airbyte = load_settings(AirbyteSettings)
    store = ArtifactStore(stack.artifacts)

    def artifact(name: str) -> Any:
        """Of the run that found the fault, else the latest."""
        of_run = store.get_json(name, alert.run_id) if alert.run_id else None
        return of_run or store.get_json(name)

    manifest = artifact("dbt/manifest.json")
    streams = {c.table_name(stream) for c in CONNECTIONS for stream in c.streams}
    configured = configured_tables(configured_sources())
    known = {table.table_name for table in raw_tables()} | streams | configured.keys()
    scope = scope_of(alert.tables, known, manifest)
    if not scope.raw_tables:
        raise RemediationError(
            f"the alert names {', '.join(alert.tables) or 'no table'}; expected raw tables such as "
            "raw.books_invoices, or models of the last dbt run; correct it and drop it again"
        )
    for table in scope.unknown:
        log.warning(f"{table} is no raw table or model; it is left out")
    log.info(f"remedies {', '.join(scope.raw_tables)}")

    connections = touched(CONNECTIONS, scope.raw_tables)
    sources = {s.name: s for name, s in configured.items() if name in scope.raw_tables}
    # A server keeps its own state, and so does a configured source until it was read again: what
    # is taken out of its tables might not come back.
    kept_whole = configured.keys() | (streams if airbyte.airbyte_connection_id else set())
    removable = set(scope.raw_tables) - kept_whole
    with connect(warehouse) as connection:
        ensure_raw_tables(connection, warehouse, raw_tables())
    forget_books(scope.raw_tables)
    if not airbyte.airbyte_connection_id:
        for found in connections:
            forget_streams(found, scope.raw_tables)
    wanted = _in_scope(
        queries(artifact("gx/validation_result.json"), artifact("dbt/test_results.json"), manifest),
        scope,
    )
    isolated = isolate(run.tags.get("alert/key") or run.run_id, wanted, warehouse,
                       removable=removable)  # fmt: skip
    _tell(isolated, log.info)

    def quarantine(table_name: str, content: bytes) -> None:
        store.put(run.run_id, f"load/quarantine/{table_name}.jsonl", content)

    def sync(connection: Connection) -> SyncReport:
        backend = choose_backend(airbyte, scratch=stack.scratch, logger=log, quarantine=quarantine)
        return backend.sync(connection)

    done = reingest(scope.raw_tables, connections, sync, list(sources.values()))
    for name, rows in done.rows.items():
        log.info(f"{name}: {rows:,} rows")
    for path, reason in done.quarantined.items():
        log.warning(f"{path} is not loaded: {reason}")
    return {
        "raw_tables": list(scope.raw_tables),
        "models": list(scope.models),
        "unknown": list(scope.unknown),
        "isolated": [found.as_json() for found in isolated],
        **done.as_json(),
    }


def _in_scope(found: Iterable[Query], scope: Scope) -> list[Query]:
    return [
        query
        for query in found
        if (query.schema == "raw" and query.table in scope.raw_tables)
        or f"{query.schema}.{query.table}" in scope.models
    ]


def _tell(isolated: Iterable[Isolated], report: Callable[[str], None]) -> None:
    for found in isolated:
        name = f"{found.schema}.{found.table}: {found.check}"
        report(
            f"{name}: {found.failing:,} failing rows, {found.kept:,} kept in "
            f"quarantine.{found.table}, {found.removed:,} taken out"
            + (f"; {found.note}" if found.note else "")
        )
