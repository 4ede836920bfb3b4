"""One round over everything that grows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import dagster as dg

from stack.errors import reason
from stack.outage import is_interruption
from stack.pipelines import MONITORING
from stack.retention.activity import clear_activity
from stack.retention.artifacts import clear_artifacts
from stack.retention.policy import RunPolicy
from stack.retention.processed import clear_processed
from stack.retention.report import Cleared, Clock
from stack.retention.runs import clear_runs, clock, is_alone
from stack.retention.scratch import clear_scratch
from stack.retention.warehouse import clear_warehouse
from stack.settings import RetentionSettings, StackSettings, WarehouseSettings, load_settings


def sweep(
    instance: dg.DagsterInstance,
    *,
    processed: str,
    quarantine: str,
    own_run: str | None = None,
    dry_run: bool = False,
) -> Iterator[Cleared]:
    """Clear each kind in turn, as the settings say; one that fails doesn't stop the others.

    `own_run` is the run that does this. Artifacts stay if the runs can't be read.
    """
    stack, keep = load_settings(StackSettings), load_settings(RetentionSettings)
    at = clock(instance, own_run)
    policy = RunPolicy(
        keep.retention_run_days,
        keep.retention_newest_runs,
        {MONITORING.name: keep.retention_monitoring_days},
    )
    named: set[str] | None = None
    runs = Cleared("runs", dry_run)
    with runs.each("all"):
        runs, named = clear_runs(instance, policy, at.now, dry_run=dry_run)
    yield runs
    if named is not None:
        names, artifact_days = named, keep.retention_artifact_days
        yield _guarded(
            "artifacts",
            lambda: clear_artifacts(stack.artifacts, artifact_days, names, at, dry_run=dry_run),
        )
    yield _guarded(
        "activity",
        lambda: clear_activity(stack.artifacts, keep.retention_activity_days, at, dry_run=dry_run),
    )
    yield _guarded(
        "processed files",
        lambda: clear_processed(
            processed, keep.retention_processed_days, at, quarantine=quarantine, dry_run=dry_run
        ),
    )
    yield _guarded("warehouse", lambda: _warehouse(instance, at, own_run, dry_run=dry_run))
    yield _guarded(
        "scratch",
        lambda: clear_scratch(stack.scratch, keep.retention_scratch_days, at, dry_run=dry_run),
    )


def _warehouse(
    instance: dg.DagsterInstance, at: Clock, own_run: str | None, *, dry_run: bool
) -> Cleared:
    days = load_settings(RetentionSettings).retention_snapshot_days
    return clear_warehouse(
        load_settings(WarehouseSettings),
        days,
        at,
        lambda: is_alone(instance, own_run),
        dry_run=dry_run,
    )


def _guarded(kind: str, clear: Callable[[], Cleared]) -> Cleared:
    try:
        return clear()
    except Exception as error:  # as within a kind: the next one still gets its turn
        if is_interruption(error):
            raise
        return Cleared(kind, problems=[reason(error)])
