"""The spans of a run, from what Dagster and dbt record about it.

Ids are derived from names, so that processes that know nothing of each other agree: the trace's
from the pipeline's id, a span's from its run and step. The first run's span is the root; the runs
of later stages are its children.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from stack.errors import one_line
from stack.raised import raised
from stack.tags import PIPELINE_ID_TAG, PIPELINE_TAG, STAGE_TAG

if TYPE_CHECKING:
    import dagster as dg

PARENT_RUN_TAG = "dagster/parent_run_id"
_STEP_BEGINS = ("STEP_START", "STEP_RESTARTED")
_STEP_ENDS = ("STEP_SUCCESS", "STEP_FAILURE", "STEP_UP_FOR_RETRY")
NAMES = frozenset({"PIPELINE_FAILURE", *_STEP_BEGINS, *_STEP_ENDS, "ASSET_MATERIALIZATION"})
Value = str | int | float | bool


@dataclass(frozen=True)
class Moment:
    """An event within a span; `at` in seconds since 1970."""

    name: str
    at: float
    attributes: Mapping[str, Value]


@dataclass(frozen=True)
class Span:
    """Work from `begun` to `ended`, in seconds since 1970. `error` is one line, or None on success.

    `parent` is 0 for a root. `follows`: trace and span of the attempt that this one repeats.
    """

    name: str
    trace: int
    id: int
    parent: int
    begun: float
    ended: float
    attributes: Mapping[str, Value]
    error: str | None = None
    moments: Sequence[Moment] = ()
    follows: tuple[int, int] | None = None


@dataclass
class _Step:
    begun: float
    ended: float = 0.0
    error: str | None = None
    moments: list[Moment] = field(default_factory=list)


def trace_id(pipeline_id: str) -> int:
    """The trace id of a pipeline's id: the same digits without the hyphens."""
    try:
        return UUID(pipeline_id).int
    except ValueError:
        return _number(pipeline_id, 16)


def span_id(run_id: str, *part: str) -> int:
    """The span id of a run, or of a part of it."""
    return _number("/".join((run_id, *part)), 8)


def spans_of(
    record: dg.RunRecord, events: Iterable[dg.EventLogEntry], dbt: Iterable[Mapping[str, Any]] = ()
) -> list[Span]:
    """Spans of an ended run: the run, its wait in the queue, its steps, and dbt's nodes in them.

    `dbt`: entries of `run_results.json`; those of other runs are ignored.
    """
    run = record.dagster_run
    pipeline_id = run.tags.get(PIPELINE_ID_TAG, run.run_id)
    trace, own = trace_id(pipeline_id), span_id(run.run_id)
    created, started, ended, failure, steps = _read(record, events)
    about: dict[str, Value] = {
        "pipeline.id": pipeline_id,
        "pipeline.name": run.tags.get(PIPELINE_TAG, run.job_name),
        "dagster.run.id": run.run_id,
        "dagster.job.name": run.job_name,
        "dagster.run.status": run.status.value.lower(),
    }
    if stage := run.tags.get(STAGE_TAG):
        about["pipeline.stage"] = stage
    again = run.tags.get(PARENT_RUN_TAG)
    whole = Span(
        name=f"{run.job_name} {stage}" if stage else run.job_name,
        trace=trace,
        id=own,
        parent=0 if pipeline_id == run.run_id else span_id(pipeline_id),
        begun=created,
        ended=ended,
        attributes=about,
        error=failure if run.status.value != "SUCCESS" else None,
        follows=(trace if pipeline_id != run.run_id else trace_id(again), span_id(again))
        if again
        else None,
    )
    found = [whole]
    if started > created:
        waited = span_id(run.run_id, "waits")
        found.append(Span("waits and starts", trace, waited, own, created, started, {}))
    for (key, attempt), step in steps.items():
        step_id = span_id(run.run_id, key, str(attempt))
        told: dict[str, Value] = {"dagster.step.key": key, "dagster.step.attempt": attempt}
        end = step.ended or ended
        found.append(
            Span(key, trace, step_id, own, step.begun, end, told, step.error, step.moments)
        )
    return [*found, *_of_dbt(dbt, [s for s in found if "dagster.step.key" in s.attributes])]


def _read(
    record: dg.RunRecord, events: Iterable[dg.EventLogEntry]
) -> tuple[float, float, float, str, dict[tuple[str, int], _Step]]:
    """When the run was created, started and ended; why it failed; its steps by key and attempt."""
    started = record.start_time or 0.0
    failure = record.dagster_run.status.value.lower()
    steps: dict[tuple[str, int], _Step] = {}
    last: dict[str, int] = {}
    latest = started
    for event in events:
        kind = event.dagster_event.event_type_value if event.dagster_event else ""
        latest = max(latest, event.timestamp)
        key = event.step_key or ""
        if kind == "PIPELINE_FAILURE":
            failure = _said(event) or failure
        elif kind in _STEP_BEGINS:
            last[key] = last.get(key, 0) + 1
            steps[key, last[key]] = _Step(event.timestamp)
        elif key in last:
            step = steps[key, last[key]]
            if kind in _STEP_ENDS:
                step.ended = event.timestamp
                step.error = None if kind == "STEP_SUCCESS" else _said(event) or "failed"
            elif kind == "ASSET_MATERIALIZATION" and (moment := _materialised(event)):
                step.moments.append(moment)
    ended = record.end_time or latest
    # A run started by hand has no queue: its record may be older than its process.
    created = min(record.create_timestamp.timestamp(), started or ended)
    return created, started or created, max(ended, created), failure, steps


def _said(event: dg.EventLogEntry) -> str:
    data = event.dagster_event.event_specific_data if event.dagster_event else None
    found = raised(getattr(data, "error", None))
    return one_line(found[-1].message if found else event.user_message, 500)


def _materialised(event: dg.EventLogEntry) -> Moment | None:
    done = event.asset_materialization
    if done is None:
        return None
    told: dict[str, Value] = {"dagster.asset.key": "/".join(done.asset_key.path)}
    for name, value in done.metadata.items():
        if isinstance(value.value, int | float):
            told[f"dagster.metadata.{name.replace('/', '.')}"] = value.value
    return Moment("materialised", event.timestamp, told)


def _of_dbt(results: Iterable[Mapping[str, Any]], steps: Sequence[Span]) -> Iterator[Span]:
    """Nodes that dbt ran within one of the steps, as children of that step."""
    for result in results:
        times = [part for part in result.get("timing", ()) if part.get("started_at")]
        if not times:
            continue
        begun = min(_seconds(part["started_at"]) for part in times)
        ended = max(_seconds(part["completed_at"]) for part in times)
        for step in steps:
            if step.begun <= begun and ended <= step.ended:
                uid = str(result["unique_id"])
                bad = result["status"] not in ("success", "pass", "warn")
                yield Span(
                    name=uid,
                    trace=step.trace,
                    id=_number(f"{step.id:x}/{uid}", 8),
                    parent=step.id,
                    begun=begun,
                    ended=ended,
                    attributes={"dbt.node": uid, "dbt.status": str(result["status"])},
                    error=one_line(result.get("message") or result["status"]) if bad else None,
                )
                break


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _number(text: str, size: int) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:size]) or 1
