"""From loaders to a Dagster asset: its tables, its checks, and what people see of a load."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import dagster as dg

from ingestion.desk import Desk
from ingestion.loaders import Loader, Scope
from ingestion.table_view import rows_by_month, table_metadata
from stack.artifacts import ArtifactStore
from stack.checks import evaluation
from stack.errors import StackError, reason
from stack.load_report import (
    Failure,
    InputReport,
    LoadReport,
    Outcome,
    TableReport,
    read_report,
    write_report,
)
from stack.markdown import markdown_list, markdown_table
from stack.options import RunOptions, takes_options
from stack.outage import is_passing
from stack.partitions import BACKFILL_POLICY, daily_partitions, days_of
from stack.raw import RawTable, raw_tables
from stack.settings import StackSettings, WarehouseSettings, load_settings
from stack.sql import identifier, identifiers
from stack.warehouse import connect, table_exists
from stack.warehouse.pool import WAREHOUSE_POOL

NOTHING_SET_ASIDE = "nothing_set_aside"
EVERY_SOURCE_LOADED = "every_source_loaded"
EVERY_ROW_ACCOUNTED_FOR = "every_row_accounted_for"
PRIMARY_KEY_UNIQUE = "primary_key_unique"
_OF_A_LOAD = {
    NOTHING_SET_ASIDE: "No file and no record waits in the quarantine.",
    EVERY_SOURCE_LOADED: "No source failed in the last load.",
    EVERY_ROW_ACCOUNTED_FOR: "Of each input of the last load, records in = loaded + merged away + "
    "set aside; and each table has grown by what went in.",
}
STATE_CHARACTERS = 1000
# Metadata: what this load set aside, and what waits in the quarantine, also from loads before.
SET_ASIDE_NOW = "set_aside_now"
WAITING = "waiting"


def loader_asset(name: str, loaders: Sequence[Loader], description: str) -> dg.AssetsDefinition:
    """The asset that runs these loaders one after the other, and the raw tables that they fill.

    A run of a partition rebuilds its days, one without loads what is new.
    """

    @takes_options
    @dg.multi_asset(
        name=name,
        specs=list(asset_specs(name, loaders, description, daily_partitions())),
        check_specs=check_specs(name, loaders),
        can_subset=True,
        backfill_policy=BACKFILL_POLICY,
        pool=WAREHOUSE_POOL,
    )
    def asset(
        context: dg.AssetExecutionContext, options: dg.ResourceParam[RunOptions]
    ) -> Iterator[Any]:
        scope = Scope(options.force_full_refresh, days_of(context.run.tags))
        yield from materialise(context, loaders, lambda loader, log: loader.load(scope, log))

    return asset


def asset_specs(
    name: str,
    loaders: Sequence[Loader],
    description: str,
    partitions_def: dg.PartitionsDefinition[Any] | None = None,
) -> Iterator[dg.AssetSpec]:
    """The step, and each raw table that is known when the location loads.

    Only the tables carry partitions: an asset that has partitions, and depends on another that has,
    can't run without one in Dagster 1.13.
    """
    yield dg.AssetSpec(
        name,
        group_name="ingestion",
        kinds={loader.kind for loader in loaders},
        owners=["team:analytics"],
        description=description,
    )
    for loader in loaders:
        for table in loader.tables():
            yield dg.AssetSpec(
                dg.AssetKey(table.asset_path),
                deps=[name],
                partitions_def=partitions_def,
                group_name="ingestion",
                kinds={loader.kind, "duckdb"},
                owners=[table.owner],
                description=table.description,
                metadata={"primary_key": list(table.primary_key), **loader.facts(table)},
                skippable=True,  # the tables of a source that failed are not materialised
            )


def check_specs(name: str, loaders: Sequence[Loader]) -> list[dg.AssetCheckSpec]:
    """Checks of the load, and of keys that no expectation judges: those of undeclared tables."""
    return [
        *(dg.AssetCheckSpec(n, asset=name, description=d) for n, d in _OF_A_LOAD.items()),
        *(
            dg.AssetCheckSpec(
                PRIMARY_KEY_UNIQUE,
                asset=dg.AssetKey(table.asset_path),
                description=f"Each row has its own {', '.join(table.primary_key)}.",
            )
            for table in _keys_judged_here(loaders)
        ),
    ]


def materialise(
    context: dg.AssetExecutionContext,
    loaders: Sequence[Loader],
    load: Callable[[Loader, logging.Logger], LoadReport],
) -> Iterator[Any]:
    """Load, unless only checks were asked for; yield the step, its tables and its checks.

    Raises dg.Failure with a sentence for each source that failed, after all else was recorded.
    """
    store = ArtifactStore(load_settings(StackSettings).artifacts)
    if context.selected_asset_keys:
        reports = [_load(loader, load, context.log) for loader in loaders]
        for report in reports:
            # One that broke off tells nothing of the tables: what is known of them stays.
            if report.tables or not report.failures:
                write_report(store, context.run.run_id, report)
        yield from _results(context, loaders, reports)
    else:
        found = [(loader, read_report(store, loader.name)) for loader in loaders]
        reports = [report or LoadReport(loader=x.name, asset=x.asset) for x, report in found]
        yield from _checks(context, loaders, _desk_of(loaders), reports)


def _load(
    loader: Loader, load: Callable[[Loader, logging.Logger], LoadReport], log: logging.Logger
) -> LoadReport:
    started = time.perf_counter()
    try:
        report = load(loader, log)
    except (StackError, OSError) as error:
        if is_passing(error):  # of a store of ours: the run is made again, this loader with it
            raise
        failure = Failure(source=loader.name, reason=reason(error))
        report = LoadReport(loader=loader.name, asset=loader.asset, failures=(failure,))
    for note in report.notes:
        log.info(note)
    for found, part in report.set_aside():
        count = "" if part.records is None else f"{part.records:,} records "
        log.warning(f"{found.name}: {count}not loaded: {part.reason}")
    for failed in report.failures:
        log.error(f"{failed.source} is not loaded: {failed.reason}")
    return report.model_copy(update={"seconds": round(time.perf_counter() - started, 3)})


def _results(
    context: dg.AssetExecutionContext, loaders: Sequence[Loader], reports: Sequence[LoadReport]
) -> Iterator[Any]:
    step = dg.AssetKey(context.op_execution_context.op.name)
    fatal = [
        f"{failed.source}: {failed.reason}"
        for loader, report in zip(loaders, reports, strict=True)
        if loader.required
        for failed in report.failures
    ]
    desk = _desk_of(loaders)
    shown = _tables(desk, reports)
    told = _step_metadata(desk, reports)
    checks = list(_checks(context, loaders, desk, reports))
    # A step that fails yields no result of an asset, so its tables are told of as events.
    results = (
        {}
        if fatal
        else {step: told}
        | {key: metadata for key, metadata in shown.items() if key in context.selected_asset_keys}
    )
    for key, metadata in shown.items():
        if key not in results:
            yield dg.AssetMaterialization(key, metadata=metadata)
    if fatal:
        for check in checks:
            yield evaluation(check)
        raise dg.Failure("; ".join(fatal), metadata=told)
    for key, metadata in results.items():
        if key in context.selected_asset_keys:
            yield dg.MaterializeResult(asset_key=key, metadata=metadata)
    yield from checks


def _checks(
    context: dg.AssetExecutionContext,
    loaders: Sequence[Loader],
    desk: Desk,
    reports: Sequence[LoadReport],
) -> Iterator[dg.AssetCheckResult]:
    selected = context.selected_asset_check_keys
    step = dg.AssetKey(context.op_execution_context.op.name)
    for result in (
        _nothing_set_aside(step, desk),
        _every_source_loaded(step, reports),
        _every_row_accounted_for(step, desk, reports),
        *_keys_unique(loaders),
    ):
        if dg.AssetCheckKey(result.asset_key or step, str(result.check_name)) in selected:
            yield result


def _desk_of(loaders: Sequence[Loader]) -> Desk:
    return Desk.of([loader.name for loader in loaders])


def _nothing_set_aside(step: dg.AssetKey, desk: Desk) -> dg.AssetCheckResult:
    told = "; ".join(f"{entry.path}: {entry.reason}" for entry in desk.waiting)
    return dg.AssetCheckResult(
        asset_key=step,
        check_name=NOTHING_SET_ASIDE,
        passed=not desk.waiting,
        severity=dg.AssetCheckSeverity.WARN,
        description=told[:1000] or None,
        metadata={"set_aside": len(desk.waiting), WAITING: desk.waiting_table()},
    )


def _every_source_loaded(step: dg.AssetKey, reports: Sequence[LoadReport]) -> dg.AssetCheckResult:
    failed = [f"{f.source}: {f.reason}" for report in reports for f in report.failures]
    return dg.AssetCheckResult(
        asset_key=step,
        check_name=EVERY_SOURCE_LOADED,
        passed=not failed,
        description="; ".join(failed) or None,
        metadata={"failed": len(failed)},
    )


def _every_row_accounted_for(
    step: dg.AssetKey, desk: Desk, reports: Sequence[LoadReport]
) -> dg.AssetCheckResult:
    missing = {name: n for report in reports for name, n in report.unaccounted().items()}
    told = [
        f"{name}: {abs(n):,} records {'are missing' if n > 0 else 'too many'}"
        for name, n in missing.items()
    ]
    inputs = [found for report in reports for found in report.inputs]
    told += [f"{found.name}: {broken}" for found in inputs for broken in found.breaks]
    return dg.AssetCheckResult(
        asset_key=step,
        check_name=EVERY_ROW_ACCOUNTED_FOR,
        passed=not told,
        description="; ".join(told)[:1000] or None,
        metadata={
            "records_in": sum(found.records or 0 for found in inputs),
            "loaded": sum(found.loaded for found in inputs),
            "merged_away": sum(found.merged_away for found in inputs),
            "set_aside": sum(p.records or 0 for found in inputs for p in found.set_aside),
            "not_counted": sum(found.records is None for found in inputs),
            SET_ASIDE_NOW: desk.set_aside_table(reports),
        },
    )


def _keys_judged_here(loaders: Sequence[Loader]) -> list[RawTable]:
    declared = {table.table_name for table in raw_tables()}
    return [
        table
        for loader in loaders
        for table in loader.tables()
        if table.primary_key and table.table_name not in declared
    ]


def _keys_unique(loaders: Sequence[Loader]) -> Iterator[dg.AssetCheckResult]:
    """Keys of the tables that are there; one that was never loaded has nothing to judge."""
    tables = _keys_judged_here(loaders)
    if not tables:
        return
    settings = load_settings(WarehouseSettings)
    schema = settings.dlt_dataset_name
    with connect(settings) as connection:
        for table in tables:
            if not table_exists(connection, settings, schema, table.table_name):
                continue
            key = identifiers(table.primary_key)
            null = " or ".join(f"{identifier(name)} is null" for name in table.primary_key)
            query = (
                f"select {key}, count(*) as occurrences from {identifier(schema)}."
                f"{identifier(table.table_name)} group by all "
                f"having count(*) > 1 or {null} order by all limit 20"
            )
            found = connection.execute(query).fetchall()
            yield dg.AssetCheckResult(
                asset_key=dg.AssetKey(table.asset_path),
                check_name=PRIMARY_KEY_UNIQUE,
                passed=not found,
                metadata={
                    "query": dg.MetadataValue.md(f"```sql\n{query}\n```"),
                    "keys": dg.MetadataValue.md(
                        markdown_table((*table.primary_key, "occurrences"), found)
                    ),
                },
            )


def _tables(desk: Desk, reports: Sequence[LoadReport]) -> dict[dg.AssetKey, dict[str, Any]]:
    """What people see of each raw table that the loads kept up to date, by its asset's key."""
    settings = load_settings(WarehouseSettings)
    shown = {}
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
                if any(found.set_aside for found in inputs):
                    part = report.model_copy(update={"inputs": inputs})
                    shown[key][SET_ASIDE_NOW] = desk.set_aside_table([part])
    return shown


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


def _step_metadata(desk: Desk, reports: Sequence[LoadReport]) -> dict[str, Any]:
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
