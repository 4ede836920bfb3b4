"""No event of a run carries a secret: neither into Dagster's event log, nor to who listens.

Dagster makes its record of an exception itself, and takes messages and metadata from any library.
"""

from __future__ import annotations

import json
from functools import wraps
from typing import Any

import dagster as dg
from dagster._serdes import deserialize_value, serialize_value
from dagster_shared.error import SerializableErrorInfo

from stack.redaction import knows_secrets, redact

# What Dagster finds an event's subject by: never a secret, though one may look like a part of it.
_NAMES = frozenset(
    {"__class__", "__enum__", "asset_key", "check_name", "event_type_value", "job_name",
     "logging_tags", "node_handle", "pipeline_name", "run_id", "step_handle", "step_key", "tags"}
)  # fmt: skip


def guard_events() -> None:
    """Mask secrets in all events that this process stores, and in all errors that it tells of."""
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
