"""Health of what runs everything: Dagster's run queue and its daemons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from stack.monitoring import Health, HealthCheck, State

# Runs of the warehouse's pool wait for each other; a night's load and its marts take less.
LONG_WAIT = timedelta(hours=1)
# A daemon's thread sends a heartbeat every 30 s, but a long tick may delay it.
SILENT_AFTER = timedelta(minutes=5)
_IN_PROGRESS = [
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dataclass(frozen=True)
class Queue:
    """Runs waiting and running, and when each daemon was heard last (None: never)."""

    waiting: int
    oldest_since: datetime | None
    in_progress: int
    limit: int | None
    heartbeats: Mapping[str, datetime | None]
    failing: Sequence[str]


def probe_run_queue(instance: dg.DagsterInstance) -> Health:
    """Health of the instance's queue."""
    return queue_health(read_queue(instance), datetime.now(UTC))


def read_queue(instance: dg.DagsterInstance) -> Queue:
    """The queue as it is now; `failing` names daemons whose last heartbeat told of an error."""
    queued = dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED])
    oldest = instance.get_run_records(queued, limit=1, ascending=True)
    heard = instance.get_daemon_heartbeats()
    required = instance.get_required_daemon_types()
    config = instance.get_concurrency_config().run_queue_config
    return Queue(
        waiting=instance.get_runs_count(queued),
        oldest_since=oldest[0].create_timestamp if oldest else None,
        in_progress=instance.get_runs_count(dg.RunsFilter(statuses=_IN_PROGRESS)),
        limit=config.max_concurrent_runs if config else None,
        heartbeats={
            name: datetime.fromtimestamp(heard[name].timestamp, UTC) if name in heard else None
            for name in required
        },
        failing=sorted(name for name in required if name in heard and heard[name].errors),
    )


def queue_health(queue: Queue, now: datetime) -> Health:
    """A queue that nobody empties is down; a long wait or a daemon in trouble is degraded."""
    runs = _describe(queue, now)
    heard = {name: at for name, at in queue.heartbeats.items() if at is not None}
    if not heard:
        if queue.waiting:
            return Health(State.DOWN, f"{runs}, and no daemon runs: start dagster-daemon")
        return Health(State.NOT_CONFIGURED, f"no daemon runs, so nothing starts by itself; {runs}")
    silent = sorted(
        name for name in queue.heartbeats if name not in heard or now - heard[name] > SILENT_AFTER
    )
    if silent:
        state = State.DOWN if queue.waiting else State.DEGRADED
        minutes = int(SILENT_AFTER.total_seconds() // 60)
        return Health(
            state,
            f"{', '.join(silent)}: no heartbeat for {minutes} minutes; look at dagster-daemon "
            f"and its log; {runs}",
        )
    if queue.failing:
        return Health(
            State.DEGRADED, f"{', '.join(queue.failing)}: errors, see Deployment, Daemons; {runs}"
        )
    if queue.oldest_since and now - queue.oldest_since > LONG_WAIT:
        return Health(State.DEGRADED, f"{runs}; see which runs hold the slots or the pool")
    return Health(State.OK, runs)


def _describe(queue: Queue, now: datetime) -> str:
    limit = f" of {queue.limit}" if queue.limit is not None else ""
    running = f"run slots in use: {queue.in_progress}{limit}"
    if not queue.waiting:
        return f"{running}, no run waits"
    waited = int((now - queue.oldest_since).total_seconds() // 60) if queue.oldest_since else 0
    return f"{running}, runs waiting: {queue.waiting}, the oldest for {waited} min"


HEALTH = [
    HealthCheck(
        name="run_queue",
        description="Queued runs leave the queue, and Dagster's daemons are alive.",
        probe=probe_run_queue,
        kinds=frozenset({"dagster"}),
    )
]
