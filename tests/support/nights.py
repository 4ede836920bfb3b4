"""Nights of a small stack in its run storage: real events with times that a test sets."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from stack.errors import StackError
from stack.freshness import FreshnessPolicy
from stack.freshness.newest import freshness_metadata
from stack.held import Claim
from stack.one_machine.home import open_instance
from stack.pipelines import DAILY
from stack.settings import StackSettings, WarehouseSettings, load_settings

MART = dg.AssetKey(["marts", "cash_in"])
RAW = dg.AssetKey(["raw", "books_payments"])


@contextmanager
def instance_of(monkeypatch) -> Iterator[dg.DagsterInstance]:
    """The instance of STACK_HOME; restores DAGSTER_HOME afterwards."""
    monkeypatch.setenv("DAGSTER_HOME", "set by open_instance")
    with open_instance(load_settings(StackSettings)) as instance:
        yield instance


def made(
    instance: dg.DagsterInstance,
    key: dg.AssetKey,
    at: datetime,
    policy: FreshnessPolicy,
    newest: datetime | None = None,
    **more: Any,
) -> None:
    """Record that a run made the table at this moment."""
    told = {**freshness_metadata(policy, newest), **more}
    with _clock(instance, at):
        instance.report_runless_asset_event(dg.AssetMaterialization(key, metadata=told))


def held(instance: dg.DagsterInstance, key: dg.AssetKey, since: datetime, at: datetime) -> None:
    """Record that a run found nothing to do at this moment."""
    claim = Claim(fingerprint="f", run_id="r", at=since)
    with _clock(instance, at):
        instance.report_runless_asset_event(dg.AssetObservation(key, metadata=claim.metadata))


def tables(policies: Mapping[dg.AssetKey, FreshnessPolicy], fails: str = "") -> dg.AssetsDefinition:
    """The step that makes the tables, or fails with a reason."""

    @dg.multi_asset(name="dbt_run", specs=[dg.AssetSpec(key) for key in policies], can_subset=True)
    def make(context: dg.AssetExecutionContext):
        context.log.info("some tables are to be made")
        context.log.debug("a detail")
        if fails:
            try:
                raise KeyError("day")
            except KeyError as error:
                raise StackError("books", found=fails) from error
        load_settings(WarehouseSettings).duckdb_file.touch()
        for key, policy in policies.items():
            told = freshness_metadata(policy, None) | {"dagster/row_count": 3, "rows_loaded": 2}
            yield dg.MaterializeResult(asset_key=key, metadata=told)

    return make


def night(
    instance: dg.DagsterInstance,
    policies: Mapping[dg.AssetKey, FreshnessPolicy],
    fails: str = "",
) -> dg.ExecuteInProcessResult:
    """A run of the daily pipeline."""
    job = dg.define_asset_job(DAILY.name, executor_def=dg.in_process_executor)
    definitions = dg.Definitions(assets=[tables(policies, fails)], jobs=[job])
    return definitions.resolve_job_def(DAILY.name).execute_in_process(
        instance=instance, raise_on_error=False, tags={"pipeline": DAILY.name}
    )


@contextmanager
def _clock(instance: dg.DagsterInstance, at: datetime) -> Iterator[None]:
    """Store events as of this moment."""
    store = instance.handle_new_event

    def stored(event: dg.EventLogEntry, **options: Any) -> None:
        store(event._replace(timestamp=at.astimezone(UTC).timestamp()), **options)

    instance.handle_new_event = stored  # type: ignore[method-assign]
    try:
        yield
    finally:
        del instance.handle_new_event  # type: ignore[method-assign]
