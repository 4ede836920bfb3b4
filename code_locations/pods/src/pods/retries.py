"""Retries that were promised and not made.

Dagster stores a run's failure first and its status and the tag `will_retry` a moment later. Its
daemon looks once at each failure; one that it sees within that moment it takes for no failure, and
never looks again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from dagster import DagsterEventType, DagsterInstance, DagsterRunStatus, RunsFilter
from dagster._core.storage.dagster_run import RunRecord
from dagster._core.storage.tags import AUTO_RETRY_RUN_ID_TAG, WILL_RETRY_TAG
from dagster._core.workspace.context import IWorkspaceProcessContext
from dagster._daemon.auto_run_reexecution.auto_run_reexecution import (
    consume_new_runs_for_automatic_reexecution,
)
from dagster._daemon.auto_run_reexecution.event_log_consumer import _create_cursor_key

LATELY = timedelta(hours=1)
CURSOR = _create_cursor_key(DagsterEventType.PIPELINE_FAILURE)


def make_missed_retries(
    context: IWorkspaceProcessContext[Any], logger: logging.Logger
) -> Iterator[None]:
    """Retry runs of the last hour that Dagster's daemon has passed by."""
    instance = context.instance
    missed = list(missed_retries(instance))
    for record in missed:
        logger.info(f"Run {record.dagster_run.run_id}: its retry was missed, and is made now")
    yield from consume_new_runs_for_automatic_reexecution(context, missed, logger)


def missed_retries(instance: DagsterInstance) -> Iterator[RunRecord]:
    """Runs that are to be retried, have no retry, and whose failure the daemon has seen."""
    seen = instance.daemon_cursor_storage.get_cursor_values({CURSOR}).get(CURSOR)
    if seen is None:
        return
    promised = RunsFilter(
        statuses=[DagsterRunStatus.FAILURE],
        tags={WILL_RETRY_TAG: "true"},
        updated_after=datetime.now(UTC) - LATELY,
    )
    for record in instance.get_run_records(promised):
        run = record.dagster_run
        if AUTO_RETRY_RUN_ID_TAG in run.tags:
            continue
        failures = instance.get_records_for_run(
            run.run_id, of_type=DagsterEventType.PIPELINE_FAILURE
        ).records
        if failures and failures[-1].storage_id <= int(seen):
            yield record
