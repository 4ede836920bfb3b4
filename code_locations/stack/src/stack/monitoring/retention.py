"""Forgets monitoring's own old runs: at one every 15 minutes, 17 MB a day of SQLite files."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg

KEPT = timedelta(days=14)
# One goes for each that comes; more where monitoring did not run for a while.
AT_MOST = 20
_FINISHED = [
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
]


def forget_old_runs(
    instance: dg.DagsterInstance, job_name: str, tags: dict[str, str], now: datetime
) -> int:
    """Delete finished runs of the job with these tags that began more than 14 days ago.

    With a run go its events, and so its observations, and its captured output. Returns how many
    were deleted, oldest first and at most twenty.
    """
    old = instance.get_run_records(
        dg.RunsFilter(job_name=job_name, tags=tags, statuses=_FINISHED, created_before=now - KEPT),
        limit=AT_MOST,
        ascending=True,
    )
    for record in old:
        run_id = record.dagster_run.run_id
        instance.compute_log_manager.delete_logs(prefix=[run_id])
        instance.delete_run(run_id)
        _remove_file(instance, run_id)
    return len(old)


def _remove_file(instance: dg.DagsterInstance, run_id: str) -> None:
    """The SQLite file of a run's events, which Dagster empties but leaves there."""
    path_of = getattr(instance.event_log_storage, "path_for_shard", None)
    if path_of is None:
        return
    file = Path(path_of(run_id))
    for part in (file, *(file.with_name(file.name + end) for end in ("-wal", "-shm"))):
        part.unlink(missing_ok=True)
