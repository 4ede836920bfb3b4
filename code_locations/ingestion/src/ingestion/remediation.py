"""`remediation_reingestion`, the first stage of a remediation: keep failing rows and reload."""

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import dagster as dg

from stack.warehouse.pool import WAREHOUSE_POOL

if TYPE_CHECKING:
    from ingestion.loaders import Loader
    from stack.artifacts import ArtifactStore
    from stack.load_report import LoadReport
    from stack.remediation.handover import Reingestion
    from stack.remediation.isolation import Isolated, Query
    from stack.remediation.scope import Scope
    from stack.settings import WarehouseSettings


@dg.asset(
    group_name="remediation",
    kinds={"dlt", "airbyte"},
    owners=["team:analytics"],
    pool=WAREHOUSE_POOL,
    description=(
        "For the alert of the run: keeps the failing rows in schema quarantine, and loads the "
        "raw tables behind them anew from their sources."
    ),
)
def remediation_reingestion(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
    """Isolate, forget, load. Fails if a source can't be read, or the alert names nothing known."""
    from ingestion.registry import LOADERS
    from stack.remediation.handover import REINGESTION, RemediationError, leave

    try:
        content = reingest(context.run, context.log, LOADERS)
    except RemediationError as error:
        raise dg.Failure(str(error), allow_retries=False) from None
    leave(context.run, REINGESTION, content)
    if content.failures:
        raise dg.Failure("; ".join(content.failures))
    return dg.MaterializeResult(
        metadata={
            "raw_tables": ", ".join(content.raw_tables),
            "rows_loaded": sum(content.rows.values()),
            "rows_isolated": sum(found["kept"] for found in content.isolated),
            "rows_removed": sum(found["removed"] for found in content.isolated),
        }
    )


def reingest(run: dg.DagsterRun, log: logging.Logger, loaders: "Iterable[Loader]") -> "Reingestion":
    """Isolate and reload; return what was done. Raises RemediationError.

    Tables are forgotten before any row is deleted: whatever happens afterwards, the next load reads
    everything of these tables again. Rows that no load would bring back are only copied.
    """
    from stack.artifacts import ArtifactStore
    from stack.dbt_artifacts import TEST_RESULTS, read_manifest, read_results
    from stack.gx_artifacts import read_validation
    from stack.raw import raw_tables
    from stack.remediation.handover import Reingestion, RemediationError, alert_of
    from stack.remediation.isolation import isolate, queries
    from stack.remediation.scope import scope_of
    from stack.settings import StackSettings, WarehouseSettings, load_settings
    from stack.warehouse import connect, ensure_raw_tables

    alert = alert_of(run)
    warehouse = load_settings(WarehouseSettings)
    store = ArtifactStore(load_settings(StackSettings).artifacts)

    def artifact(read: Callable[[str | None], Any]) -> Any:
        """The artifact of the run that found the fault, else the latest."""
        return (read(alert.run_id) if alert.run_id else None) or read(None)

    manifest = artifact(lambda run_id: read_manifest(store, run_id))
    owners = _owners(loaders, store)
    scope = scope_of(alert.tables, owners, manifest)
    if not scope.raw_tables:
        raise RemediationError(
            f"the alert names {', '.join(alert.tables) or 'no table'}; expected raw tables such as "
            "raw.books_invoices, or models of the last dbt run; correct it and drop it again"
        )
    for table in scope.unknown:
        log.warning(f"{table} is no raw table or model; it is left out")
    log.info(f"remedies {', '.join(scope.raw_tables)}")
    chosen: dict[str, tuple[Loader, list[str]]] = {}
    for table in scope.raw_tables:
        chosen.setdefault(owners[table].name, (owners[table], []))[1].append(table)
    with connect(warehouse) as connection:
        ensure_raw_tables(connection, warehouse, raw_tables())
    for loader, tables in chosen.values():
        loader.forget(tables)
    validation = artifact(lambda run_id: read_validation(store, run_id))
    tests = artifact(lambda run_id: read_results(store, TEST_RESULTS, run_id))
    wanted = _in_scope(queries(validation, tests, manifest), scope)
    alert_key = run.tags.get("alert/key") or run.run_id
    isolated = isolate(
        alert_key,
        wanted,
        warehouse,
        removable={t for loader, tables in chosen.values() for t in tables if loader.rereads(t)},
    )
    _keep_removed(isolated, alert_key, warehouse)
    _tell(isolated, log.info)
    done = _load(run.run_id, log, [loader for loader, _ in chosen.values()], scope, store)
    return Reingestion(
        raw_tables=scope.raw_tables,
        models=scope.models,
        unknown=scope.unknown,
        isolated=tuple(found.as_json() for found in isolated),
        **done,
    )


def _owners(loaders: "Iterable[Loader]", store: "ArtifactStore") -> "dict[str, Loader]":
    """The loader of each raw table, as declared or configured, or as its last load found it."""
    from stack.load_report import read_reports

    reports = read_reports(store)
    return {
        name: loader
        for loader in loaders
        for name in (
            *(table.table_name for table in loader.tables()),
            *(reports[loader.name].tables if loader.name in reports else ()),
        )
    }


def _load(
    run_id: str,
    log: logging.Logger,
    loaders: "Iterable[Loader]",
    scope: "Scope",
    store: "ArtifactStore",
) -> dict[str, Any]:
    """Load what has to be read again; a failing loader doesn't stop the others."""
    from ingestion.loaders import Scope as LoadScope
    from stack.errors import StackError, reason
    from stack.load_report import write_report
    from stack.outage import is_passing

    reports: list[LoadReport] = []
    failures = []
    for loader in loaders:
        try:
            report = loader.load(LoadScope(tables=frozenset(scope.raw_tables)), log)
        except (StackError, OSError) as error:
            if is_passing(error):
                raise
            failures.append(f"{loader.name}: {reason(error)}")
            continue
        write_report(store, run_id, report)
        reports.append(report)
        failures += [f"{failed.source}: {failed.reason}" for failed in report.failures]
    rows = {
        name: table.rows_loaded
        for report in reports
        for name, table in report.tables.items()
        if table.rows_loaded or name in scope.raw_tables
    }
    refused = {found.name: part.reason for r in reports for found, part in r.set_aside()}
    for name, count in rows.items():
        log.info(f"{name}: {count:,} rows")
    for path, why in refused.items():
        log.warning(f"{path} is not loaded: {why}")
    return {"rows": rows, "quarantined": refused, "failures": tuple(failures)}


def _keep_removed(
    isolated: "Iterable[Isolated]", alert_key: str, warehouse: "WarehouseSettings"
) -> None:
    """Copy deleted rows to where they survive the warehouse."""
    from ingestion.quarantine import Quarantine
    from ingestion.settings import QuarantineSettings
    from stack.remediation.isolation import kept_rows
    from stack.settings import load_settings

    store = Quarantine(load_settings(QuarantineSettings).quarantine)
    for found in isolated:
        if found.removed:
            rows = kept_rows(found, alert_key, warehouse)
            records = ({"reason": f"it fails {found.check}", "record": row} for row in rows)
            about = (f"{found.schema}.{found.table}", found.table, f"fails {found.check}")
            store.settle(store.keep_records("remediation", *about, records))


def _in_scope(found: "Iterable[Query]", scope: "Scope") -> "list[Query]":
    return [
        query
        for query in found
        if (query.schema == "raw" and query.table in scope.raw_tables)
        or f"{query.schema}.{query.table}" in scope.models
    ]


def _tell(isolated: "Iterable[Isolated]", report: Callable[[str], None]) -> None:
    for found in isolated:
        name = f"{found.schema}.{found.table}: {found.check}"
        report(
            f"{name}: {found.failing:,} failing rows, {found.kept:,} kept in "
            f"quarantine.{found.table}, {found.removed:,} taken out"
            + (f"; {found.note}" if found.note else "")
        )
