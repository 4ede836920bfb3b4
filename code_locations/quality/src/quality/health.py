"""Health of what runs everything: Dagster's run queue and daemons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import dagster as dg

from stack.monitoring import Health, HealthCheck, State
from stack.monitoring.durations import last_durations
from stack.run_queue import RunQueue, run_queue

# Runs in the warehouse's pool wait for each other; a nightly load with its marts takes less.
LONG_WAIT = timedelta(hours=1)
# A daemon thread sends a heartbeat every 30 s, but a long tick may delay it.
SILENT_AFTER = timedelta(minutes=5)


@dataclass(frozen=True)
class Queue(RunQueue):
    """The queue, and when each daemon was last heard from (None: never)."""

    heartbeats: Mapping[str, datetime | None]
    failing: Sequence[str]


def probe_run_queue(instance: dg.DagsterInstance) -> Health:
    """Health of the instance's queue, with its numbers and each pipeline's last duration."""
    queue, now = read_queue(instance), datetime.now(UTC)
    durations = {f"{name}_s": took for name, took in last_durations(instance).items()}
    return replace(queue_health(queue, now), numbers=queue_numbers(queue, now) | durations)


def read_queue(instance: dg.DagsterInstance) -> Queue:
    """The queue as it is now; `failing` names daemons whose last heartbeat reported an error."""
    heard = instance.get_daemon_heartbeats()
    required = instance.get_required_daemon_types()
    return Queue(
        **vars(run_queue(instance)),
        heartbeats={
            name: datetime.fromtimestamp(heard[name].timestamp, UTC) if name in heard else None
            for name in required
        },
        failing=sorted(name for name in required if name in heard and heard[name].errors),
    )


def queue_health(queue: Queue, now: datetime) -> Health:
    """A queue that nobody empties is down; a long wait or a troubled daemon is degraded."""
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


def queue_numbers(queue: Queue, now: datetime) -> dict[str, float]:
    """The queue's length, and the number of slots in use."""
    oldest = queue.oldest_since
    return {
        "waiting_runs": queue.waiting,
        "oldest_waits_s": round((now - oldest).total_seconds()) if oldest else 0,
        "runs_in_progress": queue.in_progress,
    }


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
