"""What the health checks last found for each dependency."""

from __future__ import annotations

from typing import Any

import dagster as dg

from observability.facts.model import OutageFact
from observability.facts.rows import events_of
from observability.facts.tables import HEALTH
from stack.run_storage import moment


class OutageReader:
    """Reads the last observation of each dependency."""

    def __init__(self) -> None:
        self._known: dict[int, OutageFact] = {}

    def read(self, instance: dg.DagsterInstance) -> tuple[OutageFact, ...]:
        """All dependencies that were ever looked at, by name."""
        import sqlalchemy as sa
        from dagster._core.storage.event_log.schema import AssetKeyTable, SqlEventLogStorageTable
        from dagster._serdes import deserialize_value

        events, keys = SqlEventLogStorageTable.c, AssetKeyTable.c.asset_key
        observed = events.dagster_event_type == dg.DagsterEventType.ASSET_OBSERVATION.value
        found: dict[int, OutageFact] = {}
        with events_of(instance) as connection:
            known = sa.select(keys).where(keys.like(f'["{HEALTH}"%'))
            for (key,) in connection.execute(known).fetchall():
                last = sa.select(sa.func.max(events.id)).where(events.asset_key == key, observed)
                id_ = connection.execute(last).scalar()
                if id_ is None:
                    continue
                if id_ in self._known:
                    found[id_] = self._known[id_]
                    continue
                body = connection.execute(sa.select(events.event).where(events.id == id_)).scalar()
                if fact := _fact(deserialize_value(body, dg.EventLogEntry)):
                    found[id_] = fact
        self._known = found
        return tuple(sorted(found.values(), key=lambda fact: fact.name))


def _fact(entry: dg.EventLogEntry) -> OutageFact | None:
    observation, at = entry.asset_observation, moment(entry.timestamp)
    if observation is None or at is None:
        return None
    values: dict[str, Any] = {name: value.value for name, value in observation.metadata.items()}
    since = values.get("outage_since")
    return OutageFact(
        name=observation.asset_key.path[-1],
        state=str(values.get("state", "")),
        at=at,
        sentence=str(values.get("sentence", "")),
        since=moment(since) if isinstance(since, int | float) else None,
    )
