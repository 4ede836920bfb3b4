"""A run's events as lines: what people want to know, without Dagster's internals."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import dagster as dg

from stack.errors import one_line
from stack.held import HELD_AT
from stack.raised import raised

if TYPE_CHECKING:
    from dagster_shared.error import SerializableErrorInfo

Type = dg.DagsterEventType
LONGEST = 1000
CAUSES = 4


@dataclass(frozen=True)
class Line:
    """What an event says; `about` is its step or asset.

    `causes` of an error, outermost first.
    """

    at: datetime
    level: int
    about: str
    message: str
    step: str = ""
    causes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Time, level, what it is about and the message; then a line for each cause."""
        name = logging.getLevelName(self.level).lower()
        head = f"{self.at:%H:%M:%S} {name:<7} {self.about}{': ' if self.about else ''}"
        return "\n".join([f"{head}{self.message}", *(f"         {cause}" for cause in self.causes)])


def line_of(entry: dg.EventLogEntry) -> Line | None:
    """The line of an event; None for one that means nothing to people."""
    at, event = datetime.fromtimestamp(entry.timestamp, UTC), entry.dagster_event
    step = entry.step_key or ""
    if event is None:
        message, error = entry.user_message, entry.error_info
        told = one_line(message, LONGEST)
        return Line(at, int(entry.level), step, told, step, tuple(_causes(error)))
    tell = _TOLD.get(event.event_type)
    if tell is None:
        return None
    level, about, message, error = tell(event)
    causes = tuple(_causes(error))
    return Line(at, level, about or step, one_line(message, LONGEST), step, causes)


Told = tuple[int, str, str, "SerializableErrorInfo | None"]


def _run(level: int, message: str) -> Callable[[Any], Told]:
    def tell(event: Any) -> Told:
        data = event.event_specific_data
        error = getattr(data, "error", None)
        return level, "", f"{message}{_because(event) if level >= logging.ERROR else ''}", error

    return tell


def _because(event: Any) -> str:
    return f": {event.message}" if event.message else ""


def _step_ended(event: Any) -> Told:
    return logging.INFO, "", f"done in {event.step_success_data.duration_ms / 1000:.1f} s", None


def _step_failed(event: Any) -> Told:
    data = event.step_failure_data
    told = data.user_failure_data.description if data.user_failure_data else None
    # If a step explains its own failure, the place in the code adds nothing.
    return logging.ERROR, "", f"failed{f': {told}' if told else ''}", None if told else data.error


def _retried(event: Any) -> Told:
    return logging.WARNING, "", "failed, and is tried again", event.step_retry_data.error


def _materialised(event: Any) -> Told:
    made = event.step_materialization_data.materialization
    values = _values(made.metadata)
    rows, loaded = values.get("dagster/row_count"), values.get("rows_loaded")
    parts = [f"{rows:,} rows"] if isinstance(rows, int) else []
    parts += [f"{loaded:,} loaded"] if isinstance(loaded, int) else []
    told = f"made: {', '.join(parts)}" if parts else "made"
    return logging.INFO, _name(made.asset_key), told, None


def _observed(event: Any) -> Told:
    seen = event.asset_observation_data.asset_observation
    held = _values(seen.metadata).get(HELD_AT)
    if isinstance(held, int | float):
        told = f"holds since {datetime.fromtimestamp(held, UTC):%Y-%m-%d %H:%M} UTC"
    else:
        told = seen.description or "observed"
    return logging.INFO, _name(seen.asset_key), told, None


def _checked(event: Any) -> Told:
    found = event.asset_check_evaluation_data
    about = f"{_name(found.asset_key)} {found.check_name}"
    if found.passed:
        return logging.DEBUG, about, "passed", None
    warns = found.severity is dg.AssetCheckSeverity.WARN
    told = f"failed: {found.description}" if found.description else "failed"
    return logging.WARNING if warns else logging.ERROR, about, told, None


def _engine(event: Any) -> Told:
    error = getattr(event.event_specific_data, "error", None)
    return logging.ERROR if error else logging.DEBUG, "", event.message or "", error


_TOLD: Mapping[Type, Callable[[Any], Told]] = {
    Type.RUN_ENQUEUED: _run(logging.INFO, "queued"),
    Type.RUN_STARTING: _run(logging.DEBUG, "launched"),
    Type.RUN_START: _run(logging.INFO, "began"),
    Type.RUN_SUCCESS: _run(logging.INFO, "succeeded"),
    Type.RUN_FAILURE: _run(logging.ERROR, "failed"),
    Type.RUN_CANCELING: _run(logging.WARNING, "is being canceled"),
    Type.RUN_CANCELED: _run(logging.WARNING, "canceled"),
    Type.STEP_START: lambda _: (logging.INFO, "", "began", None),
    Type.STEP_SUCCESS: _step_ended,
    Type.STEP_FAILURE: _step_failed,
    Type.STEP_SKIPPED: lambda _: (logging.WARNING, "", "skipped", None),
    Type.STEP_UP_FOR_RETRY: _retried,
    Type.RESOURCE_INIT_FAILURE: _engine,
    Type.ENGINE_EVENT: _engine,
    Type.ASSET_MATERIALIZATION: _materialised,
    Type.ASSET_OBSERVATION: _observed,
    Type.ASSET_CHECK_EVALUATION: _checked,
}


def _causes(error: SerializableErrorInfo | None) -> Iterator[str]:
    """What was raised, outermost first; then where."""
    found = raised(error)
    for one in found[-CAUSES:]:
        yield one_line(one.message, LONGEST // 2)
    if found and (frame := _frame(found[-1].stack)):
        yield f"at {frame}"


def _frame(stack: list[str] | Any) -> str:
    """`file:line in function` of the last frame outside libraries, or else of the last one."""
    frames = [frame.strip() for frame in stack if frame.strip().startswith("File ")]
    ours = [frame for frame in frames if "site-packages" not in frame]
    for frame in (ours or frames)[-1:]:
        place = frame.splitlines()[0].removeprefix("File ").split(", ")
        if len(place) == 3:
            file, line, function = place
            name = PurePath(file.strip('"')).name
            return f"{name}:{line.removeprefix('line ')} {function}"
    return ""


def _name(key: dg.AssetKey) -> str:
    return "/".join(key.path)


def _values(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.value for name, value in metadata.items()}
