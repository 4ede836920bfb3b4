"""When a dependency's states are an outage, and who is told of it: once, and once when it is over.

An outage is an unbroken row of `down`. What is known of it travels with the observations in the
Dagster instance, so it survives every process. A tick that dies between its alert and its
observation is repeated with the same key, and so writes the same file.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from stack.alerts import Alert
from stack.monitoring.health import Health, State

FIRST = "first"


@dataclass(frozen=True)
class Outage:
    """An outage: its key, when it was seen first, and whether its alert is written."""

    key: str
    since: datetime
    alerted: bool = False


@dataclass(frozen=True)
class Observed:
    """The last observation of a dependency: the run that made it, and the outage it is in."""

    run_id: str
    outage: Outage | None = None


@dataclass(frozen=True)
class Notice:
    """An alert to write, and the outage as it is once that is done."""

    alert: Alert
    key: str
    written: Outage | None


def outage_after(previous: Observed | None, health: Health, at: datetime) -> Outage | None:
    """The outage that is open after `health` was found, before any alert is written.

    One whose end was not told stays open until it is.
    """
    known = previous.outage if previous else None
    if health.state is State.DOWN:
        return known or Outage(previous.run_id if previous and previous.run_id else FIRST, at)
    return known if known and known.alerted else None


def notice(
    name: str, outage: Outage | None, health: Health, run_id: str, source: str
) -> Notice | None:
    """What is to be told now: that an outage began, or that it is over; None for nothing."""
    if outage is None or (health.state is State.DOWN and outage.alerted):
        return None
    begun = health.state is State.DOWN
    verb = "is down" if begun else "is no longer down"
    alert = Alert(
        type=f"{'outage' if begun else 'recovery'}_{name}",
        severity="error" if begun else "info",
        description=f"{name} {verb}: {health.sentence}",
        source=source,
        run_id=run_id,
        details={
            "dependency": name,
            "state": str(health.state),
            "latency_s": round(health.latency_s, 3),
            "since": outage.since.isoformat(),
        },
    )
    return Notice(alert, outage.key, replace(outage, alerted=True) if begun else None)
