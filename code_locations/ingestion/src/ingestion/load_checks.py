"""The checks of a load: what it set aside, failed at or lost, and duplicate keys."""

from collections.abc import Iterator, Sequence

import dagster as dg

from ingestion.desk import Desk
from ingestion.load_metadata import SET_ASIDE_NOW, WAITING
from ingestion.loaders import Loader
from stack.load_report import LoadReport
from stack.markdown import markdown_table
from stack.raw import RawTable, raw_tables
from stack.settings import WarehouseSettings, load_settings
from stack.sql import identifier, identifiers
from stack.warehouse import connect, table_exists

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


def check_specs(name: str, loaders: Sequence[Loader]) -> list[dg.AssetCheckSpec]:
    """Checks of the load, and of keys of undeclared tables, which no expectation judges."""
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


def load_checks(
    context: dg.AssetExecutionContext,
    loaders: Sequence[Loader],
    desk: Desk,
    reports: Sequence[LoadReport],
) -> Iterator[dg.AssetCheckResult]:
    """The selected checks of these loads."""
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
    """Checks keys of existing tables; one that was never loaded passes."""
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
