"""The kept state of messages and incidents, one document in the run storage. Times are UTC."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Literal

from pydantic import BaseModel, Field

from observability.incidents.model import Incident, Severity


class Message(BaseModel):
    """What people are told. All messages about one incident share a `thread`.

    `queued_for`: every channel that it was queued for, including those that took it.
    """

    id: str
    at: datetime
    severity: Severity
    title: str
    text: str
    html: str = ""
    thread: str = ""
    owners: tuple[str, ...] = ()
    queued_for: list[str] = []


class Batch(BaseModel):
    """Messages that are sent as one. Until `until`, only `by` sends it; after that, anyone may.

    It stays the same, with the same id, over all attempts.
    """

    id: str
    messages: list[str]
    by: str
    until: datetime


class ChannelState(BaseModel):
    """A channel: the ids of queued messages, and its health.

    `sent`: recent times. `failures`: in a row.
    """

    queue: list[str] = []
    batch: Batch | None = None
    sent: list[datetime] = []
    sent_total: int = 0
    failed_total: int = 0
    failures: int = 0
    failing_since: datetime | None = None
    retry_at: datetime | None = None
    error: str = ""


class PingState(BaseModel):
    """The outside service: the end of the last night reported to it, and when to try again."""

    told_until: datetime
    failures: int = 0
    retry_at: datetime | None = None


class Day(BaseModel):
    """What later digests show of a day: rows of the raw tables, and the night's seconds."""

    day: date
    rows: int
    seconds: float | None = None


class State(BaseModel):
    """All that is kept. `looked_at` is the moment of the facts that it reflects.

    `longest_wait`: before a failing channel is tried again; not kept.
    """

    version: Literal[1] = 1
    looked_at: datetime
    releases_until: datetime
    incidents: dict[str, Incident] = {}
    running_since: dict[str, datetime] = {}
    messages: dict[str, Message] = {}
    channels: dict[str, ChannelState] = {}
    ping: PingState
    digest_day: date | None = None
    days: list[Day] = []
    longest_wait: timedelta = Field(default=timedelta(hours=1), exclude=True)


def new_state(now: datetime) -> State:
    """The initial state: what is wrong now will be reported; what ended over an hour ago won't."""
    before = now - timedelta(hours=1)
    return State(looked_at=_EPOCH, releases_until=before, ping=PingState(told_until=before))


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
