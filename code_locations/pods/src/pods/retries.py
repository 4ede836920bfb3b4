"""Makes retries of runs even if the database goes away, and those that Dagster promised but missed.

Dagster stores a run's failure first, and its status and the tag `will_retry` a moment later. Its
daemon looks at each failure once: seen within that moment it doesn't count as a failure, and is
never looked at again. Nor does it repeat a retry that a database error cut off.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from dagster import DagsterEventType, DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter
from dagster._core.events import EngineEventData
from dagster._core.storage.dagster_run import RunRecord
from dagster._core.storage.tags import AUTO_RETRY_RUN_ID_TAG, WILL_RETRY_TAG
from dagster._core.workspace.context import IWorkspaceProcessContext
from dagster._daemon.auto_run_reexecution.auto_run_reexecution import retry_run, should_retry
from dagster._daemon.auto_run_reexecution.event_log_consumer import (
    EventLogConsumerDaemon,
    _create_cursor_key,
)
from dagster._daemon.utils import DaemonErrorCapture

from pods.connections import is_away

LATELY = timedelta(hours=1)
CURSOR = _create_cursor_key(DagsterEventType.PIPELINE_FAILURE)
Context = IWorkspaceProcessContext[Any]
Handler = Callable[[Context, Sequence[RunRecord], logging.Logger], Iterator[None]]


class RetryDaemon(EventLogConsumerDaemon):
    """Dagster's, except for how it retries runs."""

    @property
    def handle_updated_runs_fns(self) -> Sequence[Handler]:
        """The functions called with the runs that have ended."""
        return [make_retries]


def make_missed_retries(context: Context, logger: logging.Logger) -> Iterator[None]:
    """Make retries of the last hour that the daemon overlooked, or that were cut off."""
    missed = list(missed_retries(context.instance))
    for record in missed:
        logger.info(f"Run {record.dagster_run.run_id}: its retry was missed, and is made now")
    yield from make_retries(context, missed, logger)


def missed_retries(instance: DagsterInstance) -> Iterator[RunRecord]:
    """Runs to be retried whose failure the daemon has seen, but whose retry isn't queued.

    The daemon records what it has seen after handling it, so it won't retry any of these itself.
    """
    seen = instance.daemon_cursor_storage.get_cursor_values({CURSOR}).get(CURSOR)
    if seen is None:
        return
    promised = RunsFilter(
        statuses=[DagsterRunStatus.FAILURE],
        tags={WILL_RETRY_TAG: "true"},
        updated_after=datetime.now(UTC) - LATELY,
    )
    records = instance.get_run_records(promised)
    made = _made_retries(instance, [record.dagster_run for record in records])
    for record in records:
        run = record.dagster_run
        if run.tags.get(AUTO_RETRY_RUN_ID_TAG) in made:
            continue
        failures = instance.get_records_for_run(
            run.run_id, of_type=DagsterEventType.PIPELINE_FAILURE
        ).records
        if failures and failures[-1].storage_id <= int(seen):
            yield record


def make_retries(
    context: Context, records: Sequence[RunRecord], logger: logging.Logger
) -> Iterator[None]:
    """Retry those of the runs that are to be retried; record the others as not to be."""
    instance = context.instance
    for run in (record.dagster_run for record in records):
        yield
        try:
            if should_retry(run, instance):
                retry_run(run, context)
                _note_if_refused(instance, run)
            elif run.tags.get(WILL_RETRY_TAG) == "true":  # such as of a cancelled backfill
                instance.add_run_tags(run.run_id, {WILL_RETRY_TAG: "false"})
        except Exception as error:  # many classes, as in Dagster's daemon
            if is_away(error):
                logger.warning(f"Run {run.run_id} is retried later, the database is away: {error}")
                continue
            captured = DaemonErrorCapture.process_exception(
                exc_info=sys.exc_info(),
                logger=logger,
                log_message=f"Failed to retry run {run.run_id}",
            )
            instance.report_engine_event("Failed to retry run", run, EngineEventData({}, captured))
            instance.add_run_tags(run.run_id, {WILL_RETRY_TAG: "false"})


def _note_if_refused(instance: DagsterInstance, run: DagsterRun) -> None:
    """Record a refusal by Dagster, which logs the reason in the run, such as a missing job."""
    current = instance.get_run_by_id(run.run_id)
    if current is not None and AUTO_RETRY_RUN_ID_TAG not in current.tags:
        instance.add_run_tags(run.run_id, {WILL_RETRY_TAG: "false"})


def _made_retries(instance: DagsterInstance, runs: Sequence[DagsterRun]) -> set[str]:
    """Ids of the runs' retries that were created and got as far as the queue."""
    named = [run.tags[AUTO_RETRY_RUN_ID_TAG] for run in runs if AUTO_RETRY_RUN_ID_TAG in run.tags]
    retries = instance.get_runs(RunsFilter(run_ids=named)) if named else []
    return {r.run_id for r in retries if r.status != DagsterRunStatus.NOT_STARTED}
