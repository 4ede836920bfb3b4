"""When a dependency's states make an outage, and whom to alert: once at its start, once at its end.

An outage is an unbroken row of `down`. What is known of it travels with the observations in the
Dagster instance, so it survives every process. Its alert is written before the observation that
records it: a tick that dies in between is repeated with the same key and rewrites the same file.
The note that it is over comes after the observation: it may get lost, but never hides an outage.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from stack.alerts import Alert
from stack.monitoring.health import Health, State

FIRST = "first"


@dataclass(frozen=True)
class Outage:
    """An outage: its key, when it was first seen, and whether its alert was written."""

    key: str
    since: datetime
    alerted: bool = False


@dataclass(frozen=True)
class Observed:
    """A dependency's last observation: the run that made it, and the ongoing outage, if any."""

    run_id: str
    outage: Outage | None = None


def outage_after(previous: Observed | None, health: Health, at: datetime) -> Outage | None:
    """The outage that `health` continues or begins; None if the dependency isn't down."""
    if health.state is not State.DOWN:
        return None
    if previous and previous.outage:
        return previous.outage
    return Outage(previous.run_id if previous and previous.run_id else FIRST, at)


def outage_alert(name: str, outage: Outage, health: Health, run_id: str, source: str) -> Alert:
    """The alert that an outage began."""
    return Alert(
        type=f"outage_{name}",
        severity="error",
        description=f"{name} is down: {health.sentence}",
        source=source,
        run_id=run_id,
        details=_details(name, outage, health),
    )


def recovery_alert(name: str, outage: Outage, health: Health, run_id: str, source: str) -> Alert:
    """The alert that an outage is over: for information, nothing to do."""
    return Alert(
        type=f"recovery_{name}",
        severity="info",
        description=f"{name} is no longer down: {health.sentence}",
        source=source,
        run_id=run_id,
        details=_details(name, outage, health),
    )


def _details(name: str, outage: Outage, health: Health) -> dict[str, object]:
    return {
        "dependency": name,
        "state": str(health.state),
        "latency_s": round(health.latency_s, 3),
        "since": outage.since.isoformat(),
    }
