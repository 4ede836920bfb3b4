"""What happens to each event that a process stores for the run that it executes.

Secrets are masked, for Dagster's event log and for listeners alike: Dagster records exceptions
itself, and takes messages and metadata from any library. Log lines take their run from events, and
the event that ends a run sends its trace.
"""

from __future__ import annotations

import json
from functools import wraps
from typing import Any

import dagster as dg
from dagster._serdes import deserialize_value, serialize_value
from dagster_shared.error import SerializableErrorInfo

from stack.logs import writes_json
from stack.logs.work import follow
from stack.redaction import knows_secrets, redact
from stack.tracing import trace_end

# Names by which Dagster identifies an event's subject: never secret, even if a part looks like one.
_NAMES = frozenset(
    {"__class__", "__enum__", "asset_key", "check_name", "event_type_value", "job_name",
     "logging_tags", "node_handle", "pipeline_name", "run_id", "step_handle", "step_key", "tags"}
)  # fmt: skip


def guard_events() -> None:
    """Mask secrets in all events and errors that this process stores."""
    store = dg.DagsterInstance.handle_new_event
    if hasattr(store, "__wrapped__"):
        return

    @wraps(store)
    def guarded(instance: dg.DagsterInstance, event: dg.EventLogEntry, **options: Any) -> None:
        if knows_secrets():
            text = serialize_value(event)
            if redact(text) != text:
                event = deserialize_value(json.dumps(_masked(json.loads(text))), dg.EventLogEntry)
        store(instance, event, **options)
        if writes_json():
            follow(instance, event)
        trace_end(instance, event)

    record = SerializableErrorInfo.from_traceback.__func__  # type: ignore[attr-defined]

    @classmethod  # type: ignore[misc]
    def from_traceback(cls: type[SerializableErrorInfo], told: Any) -> SerializableErrorInfo:
        found = record(cls, told)
        return SerializableErrorInfo(
            message=redact(found.message),
            stack=[redact(line) for line in found.stack],
            cls_name=found.cls_name,
            cause=found.cause,
            context=found.context,
        )

    dg.DagsterInstance.handle_new_event = guarded  # type: ignore[method-assign,assignment]
    SerializableErrorInfo.from_traceback = from_traceback  # type: ignore[method-assign,assignment]


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: v if k in _NAMES else _masked(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_masked(part) for part in value]
    return redact(value) if isinstance(value, str) else value
