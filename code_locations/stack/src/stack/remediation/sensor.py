"""The sensor that starts a remediation for each alert, and archives finished ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from stack.errors import reason
from stack.pipelines import REMEDIATION
from stack.sensors import in_production, pipeline_sensor
from stack.settings import StackSettings, load_settings

if TYPE_CHECKING:
    from stack.remediation.inbox import AlertFile

INTERVAL_S = 30


def alert_sensor(running: bool, interval_s: int = INTERVAL_S) -> dg.SensorDefinition:
    """The sensor; `running`: it is on by default."""
    return pipeline_sensor(
        REMEDIATION,
        evaluate,
        running=running,
        name="data_quality_alert_sensor",
        minimum_interval_seconds=interval_s,
        description="Starts a remediation for each alert in ALERTS_URL, and archives what is done.",
    )


def evaluate(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Run requests for alerts that no run handles yet, or the reason why there are none."""
    from stack.artifacts import ArtifactStore
    from stack.remediation.handling import handling_of, is_own
    from stack.remediation.inbox import Inbox
    from stack.remediation.tick import Cursor, look

    settings = load_settings(StackSettings)
    instance = context.instance
    try:
        store = ArtifactStore(settings.artifacts)
        tick = look(
            Inbox(settings.alerts),
            Cursor.load(context.cursor, Cursor()),
            lambda key: handling_of(key, instance, store),
            lambda alert: is_own(alert.run_id, instance),
        )
    except Exception as error:
        told = reason(error)
        return dg.SkipReason(f"ALERTS_URL can't be listed: {told}; tried again by the next tick")
    return dg.SensorResult(
        run_requests=[request(file) for file in tick.to_remedy],
        skip_reason=None if tick.to_remedy else "; ".join(tick.notes) or "no alert waits",
        cursor=tick.cursor.dump(),
    )


def request(file: AlertFile) -> dg.RunRequest:
    """The run for an alert; its tags are copied to the later stages."""
    return dg.RunRequest(
        run_key=file.key,
        tags={
            "alert/file": file.name,
            "alert/key": file.key,
            "alert/type": file.alert.type,
            "alert/severity": file.alert.severity,
        },
    )


data_quality_alert_sensor = alert_sensor(in_production())
