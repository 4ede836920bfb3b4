"""What runs recorded about tables in Dagster: two queries, however many tables and runs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from stack.freshness.judgement import Seen
from stack.freshness.newest import newest_of
from stack.held import HELD_AT


def seen(instance: dg.DagsterInstance, keys: Collection[dg.AssetKey]) -> dict[dg.AssetKey, Seen]:
    """What is known of each table."""
    made = instance.get_latest_materialization_events(list(keys))
    storage: Any = instance.event_log_storage
    with storage.index_connection() as connection:
        held, _ = last_held(connection, [key.to_string() for key in keys])
    found = {}
    for key in keys:
        event = made.get(key)
        known = seen_of(event) if event else Seen()
        found[key] = replace(known, held=held.get(key.to_string()))
    return found


def seen_of(event: dg.EventLogEntry) -> Seen:
    """What a table's last materialisation says."""
    materialization = event.asset_materialization
    return Seen(
        materialised=datetime.fromtimestamp(event.timestamp, UTC),
        newest=newest_of(materialization.metadata) if materialization else None,
    )


def last_held(
    connection: Any, keys: Collection[str], newer_than: int = 0
) -> tuple[dict[str, datetime], int]:
    """When a run last found nothing to do for each asset, by asset key as Dagster stores it.

    Looks at the last observation of each, among events after `newer_than`; also returns the id of
    the newest event that it saw.
    """
    import sqlalchemy as sa
    from dagster._core.storage.event_log.schema import SqlEventLogStorageTable

    events = SqlEventLogStorageTable.c
    latest = (
        sa.select(sa.func.max(events.id))
        .where(
            events.asset_key.in_(keys),
            events.dagster_event_type == dg.DagsterEventType.ASSET_OBSERVATION.value,
            events.id > newer_than,
        )
        .group_by(events.asset_key)
    )
    ids = [row[0] for row in connection.execute(latest)]
    query = sa.select(events.asset_key, events.event).where(events.id.in_(ids))
    found = {}
    for key, text in connection.execute(query):
        event = dg.deserialize_value(text, dg.EventLogEntry)
        observation = event.asset_observation
        if observation is not None and HELD_AT in observation.metadata:
            found[key] = datetime.fromtimestamp(event.timestamp, UTC)
    return found, max([newer_than, *ids])
