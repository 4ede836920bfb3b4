"""Makes a Dagster asset of loaders, with its tables and checks."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import dagster as dg

from ingestion.desk import Desk
from ingestion.load_checks import check_specs, load_checks
from ingestion.load_metadata import step_metadata, tables_shown
from ingestion.loaders import Loader, Scope
from stack.artifacts import ArtifactStore
from stack.checks import evaluation
from stack.errors import StackError, reason
from stack.load_report import Failure, LoadReport, read_report, write_report
from stack.options import RunOptions, takes_options
from stack.outage import is_passing
from stack.partitions import BACKFILL_POLICY, daily_partitions, days_of
from stack.settings import StackSettings, load_settings
from stack.warehouse.pool import WAREHOUSE_POOL


def loader_asset(name: str, loaders: Sequence[Loader], description: str) -> dg.AssetsDefinition:
    """The asset that runs these loaders one after the other, and the raw tables that they fill.

    A run of a partition rebuilds its days; a run without one loads what is new.
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

    Only the tables have partitions: in Dagster 1.13 a partitioned asset that depends on another
    partitioned one can't run without a partition.
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
                metadata={
                    "primary_key": list(table.primary_key),
                    **({"freshness": table.freshness.in_words} if table.freshness else {}),
                    **loader.facts(table),
                },
                skippable=True,  # the tables of a failed source aren't materialised
            )


def materialise(
    context: dg.AssetExecutionContext,
    loaders: Sequence[Loader],
    load: Callable[[Loader, logging.Logger], LoadReport],
) -> Iterator[Any]:
    """Load, unless only checks were asked for; yield the step, its tables and its checks.

    Raises dg.Failure with a sentence for each failed source, after recording everything else.
    """
    store = ArtifactStore(load_settings(StackSettings).artifacts)
    if context.selected_asset_keys:
        reports = [_load(loader, load, context.log) for loader in loaders]
        for report in reports:
            # A load that broke off says nothing about the tables: keep what is known of them.
            if report.tables or not report.failures:
                write_report(store, context.run.run_id, report)
        yield from _results(context, loaders, reports)
    else:
        found = [(loader, read_report(store, loader.name)) for loader in loaders]
        reports = [report or LoadReport(loader=x.name, asset=x.asset) for x, report in found]
        yield from load_checks(context, loaders, _desk_of(loaders), reports)


def _load(
    loader: Loader, load: Callable[[Loader, logging.Logger], LoadReport], log: logging.Logger
) -> LoadReport:
    started = time.perf_counter()
    try:
        report = load(loader, log)
    except (StackError, OSError) as error:
        if is_passing(error):  # one of our stores is away: the whole run is repeated
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
    shown, versions = tables_shown(context.instance, desk, reports)
    told = step_metadata(desk, reports)
    checks = list(load_checks(context, loaders, desk, reports))
    # A failed step yields no asset results, so its tables are reported as events.
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
            version = versions.get(key)
            yield dg.MaterializeResult(asset_key=key, metadata=metadata, data_version=version)
    yield from checks


def _desk_of(loaders: Sequence[Loader]) -> Desk:
    return Desk.of([loader.name for loader in loaders])
