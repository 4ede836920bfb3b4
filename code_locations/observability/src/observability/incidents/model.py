"""The shapes of incidents. Times are UTC."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Kind(StrEnum):
    """What is wrong."""

    PIPELINE = "pipeline_failed"
    SCHEDULE = "schedule_missed"
    SENSOR = "sensor_failed"
    DAEMON = "daemon_dead"
    OUTAGE = "outage"
    CHECK = "check_failed"
    STALE = "table_stale"
    UNACCOUNTED = "rows_unaccounted"
    SET_ASIDE = "set_aside"
    ALERT = "alert_waits"
    CATALOG = "catalog_failed"
    CHANNEL = "channel_failed"
    QUEUE = "queue_stuck"
    STORE = "store_away"
    DISK = "disk_full"
    UNREAD = "files_unread"
    BACKUP = "backup_overdue"
    CERTIFICATE = "certificate_ends"


class Severity(StrEnum):
    """How bad it is; `rank` orders them."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        """The rank; 0 is info."""
        return list(Severity).index(self)


class Finding(BaseModel):
    """Something wrong at a moment. `key` stays the same as long as the problem does.

    `cause` is one sentence; `next_step` is what to do. `items` are its parts, such as the failed
    steps: a new one is news. `follows` is the key of its cause. With `settle_s`, it is reported
    only once it has lasted that long. If it doesn't `open`, it only keeps an incident that is open
    from closing: things are better, but not yet well.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    kind: Kind
    severity: Severity
    subject: str
    cause: str
    next_step: str
    since: datetime
    pipeline: str = ""
    step: str = ""
    asset: tuple[str, ...] = ()
    check: str = ""
    rows: int | None = None
    run_id: str = ""
    owners: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    follows: str = ""
    settle_s: float = 0
    opens: bool = True


class Incident(BaseModel):
    """A known finding. `told`: it had a message of its own; `seen`: all items so far."""

    model_config = ConfigDict(frozen=True)

    finding: Finding
    first_seen: datetime
    told: bool = False
    seen: tuple[str, ...] = ()


class Change(StrEnum):
    """What happened to an incident."""

    OPENED = "opened"
    CHANGED = "changed"
    CLOSED = "closed"


class News(BaseModel):
    """Something to report. `folded`: the findings that follow from it."""

    model_config = ConfigDict(frozen=True)

    change: Change
    incident: Incident
    at: datetime
    folded: tuple[Finding, ...] = ()

    @property
    def owners(self) -> tuple[str, ...]:
        """The owners of the tables concerned."""
        own = (self.incident.finding, *self.folded)
        return tuple(dict.fromkeys(owner for finding in own for owner in finding.owners))
