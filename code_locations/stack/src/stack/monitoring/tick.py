"""One tick of monitoring: look at each dependency, note what was found, tell of outages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import dagster as dg

from stack.alerts import Alert, write_alert
from stack.monitoring.health import Health, HealthCheck
from stack.monitoring.history import last_observed, observation
from stack.monitoring.outages import Outage, outage_after, outage_alert, recovery_alert
from stack.monitoring.probing import run_checks


@dataclass(frozen=True)
class Tick:
    """Who looks: the run, the name that signs its alerts, and where these go."""

    instance: dg.DagsterInstance
    run_id: str
    source: str
    alerts_url: str


@dataclass(frozen=True)
class Found:
    """What was found of one dependency, and what is to be stored of it.

    `ended`: the outage that is over with this. `trouble`: why an alert can't be written.
    """

    check: HealthCheck
    health: Health
    observation: dg.AssetObservation
    ended: Outage | None = None
    trouble: str | None = None


def look(checks: Sequence[HealthCheck], tick: Tick) -> Iterator[Found]:
    """Run the checks and write the alerts of outages that began.

    The caller stores each observation in the instance, and then tells of what is over with
    `tell_recovery`: the other way round, a crash between the two could hide the next outage.
    """
    results = run_checks(checks, tick.instance)
    for check in checks:
        yield _follow(check, results[check.name], tick)


def tell_recovery(found: Found, tick: Tick) -> str | None:
    """Write the note that an outage is over; return why it can't be written."""
    if found.ended is None:
        return None
    name = found.check.name
    alert = recovery_alert(name, found.ended, found.health, tick.run_id, tick.source)
    return _write(tick, alert, found.ended.key)


def _follow(check: HealthCheck, health: Health, tick: Tick) -> Found:
    previous = last_observed(tick.instance, check.asset_key)
    before = previous.outage if previous else None
    outage = outage_after(previous, health, datetime.now(UTC))
    trouble = None
    if outage and not outage.alerted:
        alert = outage_alert(check.name, outage, health, tick.run_id, tick.source)
        trouble = _write(tick, alert, outage.key)
        outage = replace(outage, alerted=trouble is None)
    return Found(
        check,
        health,
        observation(check.asset_key, health, outage),
        ended=before if before and before.alerted and not outage else None,
        trouble=trouble,
    )


def _write(tick: Tick, alert: Alert, key: str) -> str | None:
    """Write an alert; return why it can't be, without what may be in the URL."""
    try:
        write_alert(tick.alerts_url, alert, key=key)
    except Exception as error:  # whatever the file system of this URL raises
        return f"alert {alert.type} can't be written ({type(error).__name__}); check ALERTS_URL"
    return None
