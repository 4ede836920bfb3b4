"""Schedules and sensors, and their last ticks.

Dagster stores the state of each that ever ran. Left out are those that were only ever stopped, and
what remains of a location under another name.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from observability.facts.model import AutomationFact
from observability.facts.rows import ticks_of
from stack.errors import one_line
from stack.run_storage import moment

if TYPE_CHECKING:
    from dagster._core.scheduler.instigation import InstigatorState, TickData

AUTOMATION_TYPES = ("SCHEDULE", "SENSOR")


class AutomationReader:
    """Reads schedules and sensors, and each finished tick only once."""

    def __init__(self) -> None:
        self._ticks: dict[int, TickData] = {}

    def read(self, instance: dg.DagsterInstance) -> tuple[AutomationFact, ...]:
        """All of them, by kind and name."""
        states = [
            state
            for state in instance.all_instigator_state()
            if state.instigator_type.value in AUTOMATION_TYPES
        ]
        ticks = self._last_ticks(instance, states)
        newest: dict[tuple[str, str], AutomationFact] = {}
        for state in states:
            fact = _fact(state, ticks.get(state.selector_id))
            other = newest.get((fact.kind, fact.name))
            if other is None or _age(fact) > _age(other):
                newest[fact.kind, fact.name] = fact
        return tuple(newest[key] for key in sorted(newest))

    def _last_ticks(
        self, instance: dg.DagsterInstance, states: Iterable[InstigatorState]
    ) -> dict[str, TickData]:
        import sqlalchemy as sa
        from dagster._core.scheduler.instigation import TickData
        from dagster._core.storage.schedules.schema import JobTickTable
        from dagster._serdes import deserialize_value

        ticks = JobTickTable.c
        found: dict[str, tuple[int, Any]] = {}
        with ticks_of(instance) as connection:
            for state in states:
                last = (
                    sa.select(ticks.id, ticks.update_timestamp)
                    .where(ticks.selector_id == state.selector_id)
                    .order_by(ticks.timestamp.desc())
                    .limit(1)
                )
                if row := connection.execute(last).first():
                    found[state.selector_id] = row[0], row[1]
            # A tick that has ended doesn't change.
            ended = {
                id_: tick for id_, tick in self._ticks.items() if tick.status.value != "STARTED"
            }
            unknown = [id_ for id_, _ in found.values() if id_ not in ended]
            bodies = sa.select(ticks.id, ticks.tick_body).where(ticks.id.in_(unknown))
            read = {
                id_: deserialize_value(body, TickData)
                for id_, body in (connection.execute(bodies) if unknown else ())
            }
        self._ticks = {
            id_: tick for id_, _ in found.values() if (tick := read.get(id_) or ended.get(id_))
        }
        return {
            selector: self._ticks[id_] for selector, (id_, _) in found.items() if id_ in self._ticks
        }


def _fact(state: InstigatorState, tick: TickData | None) -> AutomationFact:
    origin = state.origin.repository_origin.code_location_origin
    last = moment(tick.timestamp) if tick else None
    return AutomationFact(
        name=state.name,
        kind=state.instigator_type.value.lower(),
        location=origin.location_name,
        running=state.is_running,
        last_tick=last,
        last_status=tick.status.value.lower() if tick else "",
        last_error=one_line(tick.error.message, 500) if tick and tick.error else "",
        next_tick=_next_tick(state.instigator_data, last) if state.is_running else None,
    )


def _next_tick(data: Any, last: datetime | None) -> datetime | None:
    """When the tick after the last one is due; None if the state doesn't say."""
    interval = getattr(data, "min_interval", None)
    if interval is not None:
        return last + timedelta(seconds=interval) if last else None
    cron = getattr(data, "cron_schedule", None)
    started = moment(getattr(data, "start_timestamp", None))
    # After a restart, a schedule is only due from then on.
    after = max((at for at in (last, started) if at), default=None)
    if not isinstance(cron, str) or after is None:
        return None
    from dagster._utils.schedules import schedule_execution_time_iterator

    for due in schedule_execution_time_iterator(after.timestamp(), cron, "UTC"):
        if due > after:
            return due.astimezone(UTC)
    return None


def _age(fact: AutomationFact) -> datetime:
    return fact.last_tick or datetime.min.replace(tzinfo=UTC)
