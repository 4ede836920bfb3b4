"""Airbyte's jobs as the API describes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ingestion.airbyte.server.errors import NoAnswerError, brief

# https://reference.airbyte.com/reference/getjob: incomplete means between two attempts.
ACTIVE = frozenset({"pending", "running", "incomplete"})
SUCCEEDED = "succeeded"
ENDED = frozenset({SUCCEEDED, "failed", "cancelled"})
SYNC = "sync"


@dataclass(frozen=True)
class Job:
    """A job of a connection; ids grow. `rows` and `bytes` are what it has moved so far."""

    id: int
    status: str
    type: str
    rows: int | None = None
    bytes: int | None = None

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Job:
        """Parse a JobResponse. Raises NoAnswerError for anything else."""
        try:
            found = cls(
                id=int(body["jobId"]),
                status=str(body["status"]).lower(),
                type=str(body.get("jobType", SYNC)).lower(),
                rows=_count(body.get("rowsSynced")),
                bytes=_count(body.get("bytesSynced")),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise NoAnswerError(f"it answered with a job without {brief(str(error))}") from None
        if found.status not in ACTIVE | ENDED:
            raise NoAnswerError(
                f"job {found.id} is {brief(found.status)}, expected one of "
                f"{', '.join(sorted(ACTIVE | ENDED))}"
            )
        return found

    @property
    def active(self) -> bool:
        """Whether it is still going on."""
        return self.status in ACTIVE


@dataclass(frozen=True)
class StreamCounts:
    """What a job moved of one stream; `committed` is confirmed by the destination."""

    rows_emitted: int | None = None
    rows_committed: int | None = None
    bytes_emitted: int | None = None


@dataclass(frozen=True)
class Statistics:
    """Counts by stream, and why attempts failed."""

    streams: Mapping[str, StreamCounts] = field(default_factory=dict)
    failures: tuple[str, ...] = ()

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Statistics:
        """Parse a JobInfoRead of the configuration API; missing parts are left out."""
        attempts = [
            item.get("attempt", item)
            for item in _list(body.get("attempts"))
            if isinstance(item.get("attempt", item), dict)
        ]
        job = body.get("job")
        totals = _list(job.get("streamAggregatedStats")) if isinstance(job, dict) else []
        counts = {str(t.get("streamName")): _counts(t) for t in totals}
        if not counts and attempts:  # older servers count by attempt only
            last = _list(attempts[-1].get("streamStats"))
            counts = {str(s.get("streamName")): _counts(s.get("stats")) for s in last}
        return cls(counts, tuple(_reasons(attempts[-1:])))


def _counts(found: Any) -> StreamCounts:
    stats = found if isinstance(found, dict) else {}
    return StreamCounts(
        rows_emitted=_count(stats.get("recordsEmitted")),
        rows_committed=_count(stats.get("recordsCommitted")),
        bytes_emitted=_count(stats.get("bytesEmitted")),
    )


def _reasons(attempts: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    """Reasons of the attempts, each once, from the most informative text."""
    seen = set()
    for attempt in attempts:
        summary = attempt.get("failureSummary")
        for failure in _list(summary.get("failures")) if isinstance(summary, dict) else []:
            text = failure.get("externalMessage") or failure.get("internalMessage")
            origin = failure.get("failureOrigin") or "airbyte"
            reason = brief(f"{origin}: {text or failure.get('failureType') or 'no reason'}")
            if reason not in seen:
                seen.add(reason)
                yield reason


def _list(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
