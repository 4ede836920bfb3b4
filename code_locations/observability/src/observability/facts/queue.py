"""The run queue and its pools."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import dagster as dg

from observability.facts.model import PoolFact, QueueFact
from observability.facts.rows import events_of
from stack.run_queue import IN_PROGRESS, run_queue
from stack.run_storage import moment, runs_of

POOL_TAG = ".dagster/pool/"
_WAITS = dg.DagsterRunStatus.QUEUED.value


@dataclass
class _Runs:
    """Runs that need a pool: under way, waiting, and since when the oldest waits."""

    at_work: int = 0
    waiting: int = 0
    oldest: datetime | None = None


def queue_of(instance: dg.DagsterInstance) -> QueueFact:
    """The queue as it is now."""
    found, config = run_queue(instance), instance.get_concurrency_config()
    has_runs = bool(found.waiting or found.in_progress)
    pools = _pools(instance, config.pool_config, has_runs=has_runs)
    held_by = [f"{POOL_TAG}{name}" for name, pool in pools.items() if pool.is_full]
    if found.in_progress and config.run_queue_config:
        limits = config.run_queue_config.tag_concurrency_limits or ()
        held_by += [str(limit["key"]) for limit in limits]
    return QueueFact(
        queued=found.waiting,
        in_progress=found.in_progress,
        limit=found.limit,
        oldest_queued=found.oldest_since,
        oldest_ready=(
            _oldest_without(instance, held_by) if found.waiting and held_by else found.oldest_since
        ),
        pools=pools,
        last_left=_last_left(instance) if found.waiting else None,
    )


def _last_left(instance: dg.DagsterInstance) -> datetime | None:
    """When a run was last taken from the queue, by the events that are kept."""
    import sqlalchemy as sa
    from dagster._core.storage.event_log.schema import SqlEventLogStorageTable

    events = SqlEventLogStorageTable.c
    left = events.dagster_event_type == dg.DagsterEventType.RUN_STARTING.value
    query = sa.select(events.timestamp).where(left).order_by(events.id.desc()).limit(1)
    with events_of(instance) as connection:
        return moment(connection.execute(query).scalar())


def _pools(instance: dg.DagsterInstance, config: Any, *, has_runs: bool) -> dict[str, PoolFact]:
    limits = _limits(instance)
    runs = _runs_by_pool(instance) if has_runs else {}
    if not config.pool_granularity or config.pool_granularity.value != "run":
        infos = instance.event_log_storage.get_concurrency_infos(sorted(limits)) if limits else {}
        return {
            name: _pool(runs, name, info.limit, info.active_slot_count, info.pending_step_count)
            for name, info in infos.items()
        }
    return {
        name: _pool(runs, name, limits.get(name, config.default_pool_limit))
        for name in sorted({*limits, *runs})
    }


def _pool(
    runs: Mapping[str, _Runs],
    name: str,
    limit: int | None,
    taken: int | None = None,
    waiting: int | None = None,
) -> PoolFact:
    """A pool that counts runs, unless slots taken and steps waiting are given."""
    own = runs.get(name, _Runs())
    return PoolFact(
        limit=limit,
        taken=own.at_work if taken is None else taken,
        waiting=own.waiting if waiting is None else waiting,
        runs=own.at_work,
        oldest_queued=own.oldest,
    )


def _limits(instance: dg.DagsterInstance) -> dict[str, int | None]:
    import sqlalchemy as sa
    from dagster._core.storage.event_log.schema import ConcurrencyLimitsTable

    limits = ConcurrencyLimitsTable.c
    with events_of(instance) as connection:
        found = connection.execute(sa.select(limits.concurrency_key, limits.limit))
        return {row[0]: row[1] for row in found}


def _runs_by_pool(instance: dg.DagsterInstance) -> dict[str, _Runs]:
    import sqlalchemy as sa
    from dagster._core.storage.runs.schema import RunsTable, RunTagsTable

    runs, tags = RunsTable.c, RunTagsTable.c
    statuses = [_WAITS, *(status.value for status in IN_PROGRESS)]
    query = (
        sa.select(tags.key, runs.status, sa.func.count(), sa.func.min(runs.create_timestamp))
        .select_from(RunsTable.join(RunTagsTable, tags.run_id == runs.run_id))
        .where(runs.status.in_(statuses), tags.key.like(f"{POOL_TAG}%"))
        .group_by(tags.key, runs.status)
    )
    found: dict[str, _Runs] = {}
    with runs_of(instance) as connection:
        for key, status, count, oldest in connection.execute(query):
            pool = found.setdefault(key.removeprefix(POOL_TAG), _Runs())
            if status == _WAITS:
                pool.waiting, pool.oldest = count, moment(oldest)
            else:
                pool.at_work += count
    return found


def _oldest_without(instance: dg.DagsterInstance, tag_keys: Collection[str]) -> datetime | None:
    """Since when the oldest run with none of these tags has been waiting."""
    import sqlalchemy as sa
    from dagster._core.storage.runs.schema import RunsTable, RunTagsTable

    runs, tags = RunsTable.c, RunTagsTable.c
    has_one = sa.and_(tags.run_id == runs.run_id, tags.key.in_(tag_keys))
    query = (
        sa.select(sa.func.min(runs.create_timestamp))
        .select_from(RunsTable.outerjoin(RunTagsTable, has_one))
        .where(runs.status == _WAITS, tags.run_id.is_(None))
    )
    with runs_of(instance) as connection:
        return moment(connection.execute(query).scalar())
