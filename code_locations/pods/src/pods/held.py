"""Ends a run that has nothing to do, because its results still hold, without a pod.

A pipeline's continuation finds that out before it requests the run, and tags it. The run is
created and queued once like any other, and the daemon's launcher ends it. Re-executing it means
that somebody wants it done, so a re-execution gets its pod.
"""

from __future__ import annotations

from dagster import DagsterEvent, DagsterEventType, DagsterInstance, DagsterRun
from dagster._core.storage.tags import SENSOR_NAME_TAG

HELD_TAG = "held"


def told_of(run: DagsterRun) -> str | None:
    """What holds, if a continuation found that everything does; None: launch the run."""
    is_first = run.parent_run_id is None
    by_continuation = run.tags.get(SENSOR_NAME_TAG, "").endswith("_continuation_sensor")
    return run.tags.get(HELD_TAG) if is_first and by_continuation else None


def end(instance: DagsterInstance, run: DagsterRun, told: str) -> None:
    """End the run as a success, and say in its log why it had no pod."""
    instance.report_engine_event(f"No pod is started: {told}.", run)
    for kind in (DagsterEventType.RUN_START, DagsterEventType.RUN_SUCCESS):
        event = DagsterEvent(kind.value, job_name=run.job_name, message=told)
        instance.report_dagster_event(event, run.run_id)
