"""Dagster's run queue: runs that wait, and runs that take its slots."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import dagster as dg

from stack.run_storage import moment, runs_of

IN_PROGRESS = (
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


@dataclass(frozen=True)
class RunQueue:
    """Waiting runs, since when the oldest waits, runs in progress, and the `limit`, if any."""

    waiting: int
    oldest_since: datetime | None
    in_progress: int
    limit: int | None


def run_queue(instance: dg.DagsterInstance) -> RunQueue:
    """The queue as it is now, from one query."""
    import sqlalchemy as sa
    from dagster._core.storage.runs.schema import RunsTable

    runs, waits = RunsTable.c, dg.DagsterRunStatus.QUEUED.value
    wanted = [waits, *(status.value for status in IN_PROGRESS)]
    query = (
        sa.select(runs.status, sa.func.count(), sa.func.min(runs.create_timestamp))
        .where(runs.status.in_(wanted))
        .group_by(runs.status)
    )
    with runs_of(instance) as connection:
        found = {status: (number, since) for status, number, since in connection.execute(query)}
    waiting, since = found.pop(waits, (0, None))
    config = instance.get_concurrency_config().run_queue_config
    limit = config.max_concurrent_runs if config else -1
    return RunQueue(
        waiting=waiting,
        oldest_since=moment(since),
        in_progress=sum(number for number, _ in found.values()),
        limit=limit if limit >= 0 else None,
    )
