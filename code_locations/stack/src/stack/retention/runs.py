"""Clears old runs with their events and output.

In Dagster the latest state of an asset or check is an event of a run and is deleted with it, so
runs that hold one stay, however old. Dagster's `delete_run` leaves check results behind, and on
SQLite the run's tags and the file of its events; these are deleted here too.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from stack.pipelines import MONITORING
from stack.retention.files import folder_size
from stack.retention.policy import PastRun, RunPolicy, runs_to_delete
from stack.retention.report import Cleared, Clock
from stack.tags import PIPELINE_ID_TAG, STAGE_TAG

if TYPE_CHECKING:
    from dagster._core.storage.dagster_run import RunRecord

# The rest is deleted the next day: one run takes some 50 ms with SQLite.
AT_MOST = 2000
PAGE = 500
FINISHED = frozenset(
    {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}
)


def clock(instance: dg.DagsterInstance, own_run: str | None = None) -> Clock:
    """The time now, and the runs in progress other than `own_run`."""
    records = _in_progress(instance, own_run)
    oldest = min((record.create_timestamp for record in records), default=None)
    ids = frozenset(record.dagster_run.run_id for record in records)
    return Clock(datetime.now(UTC), oldest, ids)


def is_alone(instance: dg.DagsterInstance, own_run: str | None = None) -> bool:
    """Whether no other run that may write to the warehouse is in progress (monitoring doesn't)."""
    records = _in_progress(instance, own_run)
    return all(record.dagster_run.job_name == MONITORING.name for record in records)


def _in_progress(instance: dg.DagsterInstance, own_run: str | None) -> list[RunRecord]:
    """Without queued runs, which haven't touched anything yet."""
    busy = [s for s in dg.DagsterRunStatus if s not in {*FINISHED, dg.DagsterRunStatus.QUEUED}]
    records = instance.get_run_records(dg.RunsFilter(statuses=busy))
    return [record for record in records if record.dagster_run.run_id != own_run]


def clear_runs(
    instance: dg.DagsterInstance, policy: RunPolicy, now: datetime, *, dry_run: bool
) -> tuple[Cleared, set[str]]:
    """Delete old runs; also return the ids that kept runs name, whose artifacts stay."""
    cleared = Cleared("runs", dry_run, before=_size(instance))
    runs = list(past_runs(instance))
    old = runs_to_delete(runs, holders(instance), policy, now)[:AT_MOST]
    gone = set()
    for run in old:
        with cleared.each(f"run {run.id} of {run.job}"):
            if not dry_run:
                delete_run(instance, run.id)
            gone.add(run.id)
    cleared.deleted = len(gone)
    cleared.after = _size(instance)
    cleared.note = f"{len(runs) - len(gone):,} runs stay"
    return cleared, {name for run in runs if run.id not in gone for name in run.named}


def past_runs(instance: dg.DagsterInstance) -> Iterator[PastRun]:
    """All runs, newest first."""
    cursor: str | None = None
    while records := instance.get_run_records(limit=PAGE, cursor=cursor):
        yield from map(_past_run, records)
        cursor = records[-1].dagster_run.run_id


def _past_run(record: RunRecord) -> PastRun:
    run = record.dagster_run
    named = (run.run_id, run.root_run_id, run.parent_run_id, run.tags.get(PIPELINE_ID_TAG))
    return PastRun(
        id=run.run_id,
        job=run.job_name,
        line=(run.job_name, run.tags.get(STAGE_TAG, "")),
        created=record.create_timestamp,
        is_finished=run.status in FINISHED,
        named=frozenset(name for name in named if name),
    )


def holders(instance: dg.DagsterInstance) -> set[str]:
    """Runs with the latest event of an asset, of one of its partitions, or of a check.

    For each kind of event: materialization, observation, check evaluation; and the last attempt.
    """
    import sqlalchemy as sa
    from dagster._core.storage.event_log.schema import (
        AssetCheckExecutionsTable,
        AssetKeyTable,
        SqlEventLogStorageTable,
    )

    events, checks = SqlEventLogStorageTable.c, AssetCheckExecutionsTable.c
    kinds = [
        dg.DagsterEventType.ASSET_MATERIALIZATION.value,
        dg.DagsterEventType.ASSET_OBSERVATION.value,
    ]
    latest_event = (
        sa.select(sa.func.max(events.id))
        .where(events.dagster_event_type.in_(kinds), events.asset_key.is_not(None))
        .group_by(events.asset_key, events.dagster_event_type, events.partition)
    )
    last_attempt = sa.select(sa.func.max(checks.id)).group_by(
        checks.asset_key, checks.check_name, checks.partition
    )
    latest_evaluation = last_attempt.where(checks.evaluation_event_storage_id.is_not(None))
    queries = [
        sa.select(events.run_id).where(events.id.in_(latest_event)),
        sa.select(checks.run_id).where(checks.id.in_(latest_evaluation)),
        sa.select(checks.run_id).where(checks.id.in_(last_attempt)),
        sa.select(AssetKeyTable.c.last_run_id),
    ]
    storage: Any = instance.event_log_storage
    with storage.index_connection() as connection:
        return {row[0] for query in queries for row in connection.execute(query) if row[0]}


def delete_run(instance: dg.DagsterInstance, run_id: str) -> None:
    """Delete a run and everything it left in Dagster.

    The run itself is deleted last, so that an interrupted deletion is repeated next time.
    """
    from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
    from dagster._core.storage.runs.schema import RunTagsTable

    events: Any = instance.event_log_storage
    runs: Any = instance.run_storage
    instance.compute_log_manager.delete_logs(prefix=[run_id])
    events.delete_events(run_id)
    with events.index_connection() as connection:
        checks = AssetCheckExecutionsTable
        connection.execute(checks.delete().where(checks.c.run_id == run_id))
    _remove_file(events, run_id)
    with runs.connect() as connection:
        connection.execute(RunTagsTable.delete().where(RunTagsTable.c.run_id == run_id))
    runs.delete_run(run_id)


def _remove_file(events: Any, run_id: str) -> None:
    """Remove the SQLite file of a run's events, which Dagster empties but doesn't delete."""
    path_of = getattr(events, "path_for_shard", None)
    if path_of is None:
        return
    file = Path(path_of(run_id))
    for part in (file, *(file.with_name(file.name + end) for end in ("-wal", "-shm"))):
        part.unlink(missing_ok=True)
    events._initialized_dbs.discard(run_id)  # else it would expect its tables in a new file


def _size(instance: dg.DagsterInstance) -> int | None:
    """Bytes of Dagster's database; with SQLite including the runs' captured output beside it."""
    import sqlalchemy as sa

    storage: Any = instance.event_log_storage
    with storage.index_connection() as connection:
        if connection.dialect.name == "postgresql":
            query = sa.text("select pg_database_size(current_database())")
            return int(connection.execute(query).scalar_one())
    return folder_size(Path(instance.root_directory))
