"""The shapes of what is known about the stack; times are UTC, durations are in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from stack.freshness import Freshness as Freshness  # noqa: PLC0414 it is one of these shapes


@dataclass(frozen=True)
class Failure:
    """Why a run failed: the step (empty before the first) and a line without secrets."""

    reason: str
    step: str = ""


@dataclass(frozen=True)
class RunFact:
    """One run. `location` is empty if one process holds all locations.

    `pipeline_id` is the pipeline's first run; `will_retry`: the daemon repeats it.
    """

    run_id: str
    pipeline: str
    pipeline_id: str
    status: str  # Dagster's, in lower case: queued, starting, started, success, failure, canceled …
    created: datetime
    stage: str = ""
    location: str = ""
    started: datetime | None = None
    ended: datetime | None = None
    failure: Failure | None = None
    will_retry: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ActiveRuns:
    """A job's runs in one unfinished status: how many, and since when the oldest has been."""

    pipeline: str
    location: str
    status: str
    runs: int
    oldest: datetime


class Outcome(StrEnum):
    """How a pipeline stands, over all its runs."""

    WAITING = "waiting"  # queued, or between two stages
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"  # and no retry is under way
    CANCELED = "canceled"


@dataclass(frozen=True)
class PipelineFact:
    """The runs of one `pipeline_id`, oldest first; on one machine there is only one."""

    pipeline: str
    pipeline_id: str
    outcome: Outcome
    begun: datetime
    runs: tuple[RunFact, ...]
    ended: datetime | None = None


@dataclass(frozen=True)
class PoolFact:
    """A pool's slots (a limit of None is no limit), those taken, and what waits for one.

    `runs` are those under way that need the pool; `oldest_queued` is since when the oldest run that
    needs it has been waiting.
    """

    limit: int | None
    taken: int
    waiting: int
    runs: int = 0
    oldest_queued: datetime | None = None

    @property
    def is_full(self) -> bool:
        """Whether a run that needs it must wait."""
        return self.limit is not None and self.taken >= self.limit


@dataclass(frozen=True)
class QueueFact:
    """Waiting runs and runs under way. A limit of None is no limit.

    `oldest_ready`: since when the oldest run has been waiting that no full pool or tag limit holds
    back. `last_left`: when a run last left the queue; only looked for while any wait.
    """

    queued: int
    in_progress: int
    limit: int | None
    oldest_queued: datetime | None = None
    oldest_ready: datetime | None = None
    pools: Mapping[str, PoolFact] = field(default_factory=dict)
    last_left: datetime | None = None


@dataclass(frozen=True)
class AutomationFact:
    """A schedule or sensor. `last_tick` and a sensor's `next_tick` are None before the first."""

    name: str
    kind: str  # schedule or sensor
    location: str
    running: bool
    last_tick: datetime | None = None
    last_status: str = ""  # Dagster's, in lower case: success, failure, skipped, started
    last_error: str = ""
    next_tick: datetime | None = None


@dataclass(frozen=True)
class DaemonFact:
    """The heartbeat of one of the daemon's parts; `healthy` is Dagster's judgement."""

    name: str
    last_heartbeat: datetime | None
    healthy: bool


@dataclass(frozen=True)
class TableFact:
    """A table as described by its last materialisation. None: not stated.

    `path` is the asset's key, such as ("marts", "cash_in"). `newest_event` is the newest date in
    the column that the table's policy names. `held_since` is when the latest run after that
    materialisation found nothing to do.
    """

    path: tuple[str, ...]
    run_id: str
    materialised: datetime
    rows: int | None = None
    bytes: int | None = None
    rows_set_aside: int | None = None
    accounted_for: bool | None = None
    newest_event: datetime | None = None
    held_since: datetime | None = None
    freshness: Freshness = Freshness.UNKNOWN
    stale_since: datetime | None = None
    policy: str = ""  # in words, such as "by 07:00 UTC each day"
    owners: tuple[str, ...] = ()
    rows_loaded: int | None = None  # by that materialisation
    freshness_reason: str = ""  # why it is fresh, stale or unknown, as a sentence


@dataclass(frozen=True)
class CheckFact:
    """The last outcome of an asset check. `since`: when it began to fail; None while it passes."""

    path: tuple[str, ...]
    name: str
    passed: bool
    severity: str  # error or warn
    at: datetime
    run_id: str
    since: datetime | None = None
    description: str = ""
    owners: tuple[str, ...] = ()


@dataclass(frozen=True)
class OutageFact:
    """A dependency, as the health checks found it; `since`: when it went down."""

    name: str
    state: str
    at: datetime
    sentence: str = ""
    since: datetime | None = None


@dataclass(frozen=True)
class AlertFact:
    """A waiting alert file; see `stack.alerts`."""

    file: str
    type: str
    severity: str
    description: str
    created: datetime
    run_id: str = ""


@dataclass(frozen=True)
class SetAsideFact:
    """Files or rows that couldn't be loaded and wait in the quarantine."""

    entry: str
    name: str
    reason: str
    table: str = ""
    records: int | None = None
    at: datetime | None = None


@dataclass(frozen=True)
class BackfillFact:
    """A backfill: partitions wanted, done and failed."""

    backfill_id: str
    status: str
    wanted: int
    done: int
    failed: int
    begun: datetime


@dataclass(frozen=True)
class StoreFact:
    """Something that grows: a warehouse, the run storage, a disk. None: unknown."""

    name: str  # warehouse, run_storage, artifacts, disk
    bytes: int | None
    free: int | None = None
    facts: Mapping[str, int] = field(default_factory=dict)  # snapshots, small_files …


@dataclass(frozen=True)
class ReachFact:
    """Whether a store could be used at `at`, in a sentence.

    `since`: when it went away; `back`: when it came back, as far as this process knows.
    """

    name: str  # run_storage, warehouse, object_store, disk
    up: bool
    at: datetime
    sentence: str = ""
    since: datetime | None = None
    back: datetime | None = None


@dataclass(frozen=True)
class UnreadFact:
    """A file that can't be read: another version of the stack wrote it, or it is broken."""

    part: str  # load_reports, quarantine, alerts
    file: str
    reason: str


@dataclass(frozen=True)
class BackupFact:
    """The last backup that was made, and the last that was read whole or restored.

    `wanted_every` is in seconds; None: no place for backups is set.
    """

    wanted_every: float | None = None
    made: datetime | None = None
    size: int | None = None
    tested: datetime | None = None


@dataclass(frozen=True)
class CertificateFact:
    """A certificate and when it expires."""

    name: str
    ends: datetime


@dataclass(frozen=True)
class CatalogFact:
    """The last emission to DataHub: aspects sent, unchanged, and refused."""

    at: datetime
    run_id: str
    sink: str
    emitted: int
    unchanged: int
    failed: int


@dataclass(frozen=True)
class Facts:
    """All that is known at `at`. `unknown`: what couldn't be looked at, and why, in one line.

    `pipelines` are the recent ones, newest first; `automation`, `tables`, `checks` are complete.
    """

    at: datetime
    pipelines: tuple[PipelineFact, ...] = ()
    active: tuple[ActiveRuns, ...] = ()
    queue: QueueFact | None = None
    automation: tuple[AutomationFact, ...] = ()
    daemons: tuple[DaemonFact, ...] = ()
    tables: tuple[TableFact, ...] = ()
    checks: tuple[CheckFact, ...] = ()
    outages: tuple[OutageFact, ...] = ()
    alerts: tuple[AlertFact, ...] = ()
    set_aside: tuple[SetAsideFact, ...] = ()
    backfills: tuple[BackfillFact, ...] = ()
    stores: tuple[StoreFact, ...] = ()
    reach: tuple[ReachFact, ...] = ()
    unread: tuple[UnreadFact, ...] = ()
    catalog: CatalogFact | None = None
    backup: BackupFact | None = None
    certificates: tuple[CertificateFact, ...] = ()
    unknown: Mapping[str, str] = field(default_factory=dict)
