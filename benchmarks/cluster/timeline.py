"""Turns a run's events into a timeline of where its time went."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.report import median

Times = Mapping[str, float]

EVENTS = {
    "RunEnqueuedEvent": "enqueued",
    "RunStartingEvent": "dequeued",
    "RunStartEvent": "run_start",
    "ResourceInitSuccessEvent": "resources",
    "LogsCapturedEvent": "captured",
    "ExecutionStepStartEvent": "step",
    "RunSuccessEvent": "success",
}
# The message of a run's process before it begins the run.
WORKER = "Started process for run"
# The phases of a run: name, from, to. `pod`, `scheduled` and `ended` are from PodWatch,
# `interpreter` and `dagster_postgres` from the last step's report; the others are events.
PHASES = (
    ("in the queue", "enqueued", "dequeued"),
    ("daemon and Job controller make the pod", "dequeued", "pod"),
    ("scheduler", "pod", "scheduled"),
    ("volumes, sandbox, container and interpreter start", "scheduled", "interpreter"),
    ("imports of dagster", "interpreter", "dagster_postgres"),
    ("storage: import, connect, first queries", "dagster_postgres", "worker"),
    ("code location's imports, plan, RUN_START", "worker", "run_start"),
    ("executor and resources", "run_start", "resources"),
    ("capture of logs: S3 client", "resources", "captured"),
    ("to the first step", "captured", "step"),
    ("steps", "step", "success"),
    ("end of the process and its pod", "success", "ended"),
)


def timeline(events: Iterable[Mapping[str, Any]], pod: Times) -> dict[str, float]:
    """When a run first reached each point, in seconds since 1970, and its report."""
    times = dict(pod)
    for event in events:
        kind, message = event["__typename"], event.get("message") or ""
        name = EVENTS.get(kind)
        if kind == "EngineEvent" and message.startswith(WORKER):
            name = "worker"
        if name is not None:
            times.setdefault(name, float(event["timestamp"]) / 1000)
        if kind == "LogMessageEvent" and message.startswith("{"):
            times |= json.loads(message)
    return times


def phases(timelines: Sequence[Times]) -> dict[str, float]:
    """The median seconds of each known phase."""
    found = {}
    for name, begin, end in PHASES:
        known = [t[end] - t[begin] for t in timelines if begin in t and end in t]
        if known:
            found[name] = median(known)
    return found


def between(timelines: Sequence[Times], begin: str, end: str) -> float:
    """The median seconds from one point to another."""
    return median([times[end] - times[begin] for times in timelines])
