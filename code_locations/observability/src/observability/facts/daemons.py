"""Whether the daemon's parts are alive."""

from __future__ import annotations

import dagster as dg

from observability.facts.model import DaemonFact
from stack.run_storage import moment


def daemons_of(instance: dg.DagsterInstance) -> tuple[DaemonFact, ...]:
    """The parts that this instance needs; one that was never heard from isn't healthy."""
    from dagster._daemon.controller import get_daemon_statuses

    required = sorted(instance.get_required_daemon_types())
    found = get_daemon_statuses(instance, required)
    return tuple(
        DaemonFact(
            name,
            moment(status.last_heartbeat.timestamp) if status.last_heartbeat else None,
            bool(status.healthy),
        )
        for name, status in found.items()
    )
