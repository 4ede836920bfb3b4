"""A log record as one line of JSON."""

from __future__ import annotations

import logging
import math
from datetime import UTC, datetime
from typing import Any

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from stack.logs import work
from stack.redaction import redact

BEGIN = '{"time": "'
# Added by Dagster and uvicorn: objects, and the message once more in colour.
_LEFT_OUT = ("dagster_event", "dagster_event_batch_metadata", "dagster_meta", "color_message")
_IDS = frozenset({"run_id", "job", "pipeline_id", "step", "location", "asset", "time"})


class LogLine(JsonFormatter):
    """time, level, logger and message; run, job, pipeline, step, asset and location where known.

    `exception` is a traceback, `event` the type of a Dagster event; fields that a library adds to
    its record keep the library's names. Secrets are masked in all of them.
    """

    def __init__(self) -> None:
        super().__init__(["message"], reserved_attrs=[*RESERVED_ATTRS, *_LEFT_OUT])

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        """Put the fields that every line has first."""
        at = datetime.fromtimestamp(record.created, UTC)
        log_data |= {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        super().add_fields(log_data, record, message_dict)
        if isinstance(record.msg, dict):  # structured data without a message
            log_data["message"] = " ".join(map(str, next(iter(record.msg.items()), ())))
        if "exc_info" in log_data:
            log_data["exception"] = log_data.pop("exc_info")
        log_data |= work.known()
        if (told := getattr(record, "dagster_meta", None)) is not None:
            log_data |= _of_dagster(told)

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        """Mask secrets, and drop numbers that JSON can't represent."""
        return {k: v if k in _IDS else _clean(v) for k, v in log_data.items() if v is not None}


def _of_dagster(told: dict[str, Any]) -> dict[str, Any]:
    """Fields from the metadata of Dagster's own log records."""
    found: dict[str, Any] = {"message": told["orig_message"]}
    if told["run_id"]:
        found |= work.of_run(told["run_id"], told["job_name"], told["job_tags"])
    if told["step_key"]:
        found["step"] = told["step_key"]
    if (event := told["dagster_event"]) is not None:
        found["event"] = event.event_type_value
        if event.asset_key is not None:
            found["asset"] = event.asset_key.to_user_string()
        error = getattr(event.event_specific_data, "error", None)
        if error is not None:
            found["exception"] = error.to_string()
    return found


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {str(k): _clean(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(part) for part in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact(str(value))
