"""The history of a dependency: each tick adds an observation to its external asset."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from stack.monitoring.health import Health
from stack.monitoring.outages import Observed, Outage

if TYPE_CHECKING:
    from collections.abc import Mapping


def last_observed(instance: dg.DagsterInstance, key: dg.AssetKey) -> Observed | None:
    """The result of the dependency's last tick; None if there was none."""
    records = instance.fetch_observations(key, limit=1).records
    observation = records[0].event_log_entry.asset_observation if records else None
    if observation is None:
        return None
    return Observed(records[0].event_log_entry.run_id, _outage(observation.metadata))


def observation(key: dg.AssetKey, health: Health, outage: Outage | None) -> dg.AssetObservation:
    """The observation to log; the UI plots its numbers over time."""
    metadata: dict[str, dg.MetadataValue] = {
        "state": dg.MetadataValue.text(str(health.state)),
        "latency_s": dg.MetadataValue.float(round(health.latency_s, 3)),
        "sentence": dg.MetadataValue.text(health.sentence),
        **{name: dg.MetadataValue.float(float(n)) for name, n in health.numbers.items()},
    }
    if outage is not None:
        metadata |= {
            "outage": dg.MetadataValue.text(outage.key),
            "outage_since": dg.MetadataValue.timestamp(outage.since.timestamp()),
            "outage_alerted": dg.MetadataValue.bool(outage.alerted),
        }
    return dg.AssetObservation(key, description=health.sentence, metadata=metadata)


def _outage(metadata: Mapping[str, dg.MetadataValue]) -> Outage | None:
    values = {name: value.value for name, value in metadata.items()}
    key, since = values.get("outage"), values.get("outage_since")
    if not isinstance(key, str) or not isinstance(since, int | float):
        return None
    return Outage(key, datetime.fromtimestamp(since, UTC), values.get("outage_alerted") is True)
