"""One tick of monitoring: look at each dependency, record what was found, report outages."""

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
    """Who looks: the run, the name that signs its alerts, and where alerts go."""

    instance: dg.DagsterInstance
    run_id: str
    source: str
    alerts_url: str


@dataclass(frozen=True)
class Found:
    """What was found about one dependency, and what to store about it.

    `ended`: the outage that is now over. `trouble`: why an alert couldn't be written.
    """

    check: HealthCheck
    health: Health
    observation: dg.AssetObservation
    ended: Outage | None = None
    trouble: str | None = None


def look(checks: Sequence[HealthCheck], tick: Tick) -> Iterator[Found]:
    """Run the checks and write the alerts of outages that began.

    The caller stores each observation in the instance, and only then reports ended outages with
    `tell_recovery`: in the other order, a crash in between could hide the next outage.
    """
    results = run_checks(checks, tick.instance)
    for check in checks:
        yield _follow(check, results[check.name], tick)


def tell_recovery(found: Found, tick: Tick) -> str | None:
    """Write the note that an outage is over; return why it couldn't be written."""
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
    """Write an alert; return why it couldn't be written, without secrets from the URL."""
    try:
        write_alert(tick.alerts_url, alert, key=key)
    except Exception as error:  # whatever this URL's file system raises
        return f"alert {alert.type} can't be written ({type(error).__name__}); check ALERTS_URL"
    return None
