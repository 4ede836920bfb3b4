"""Turns facts and sums into the metrics of one scrape."""

from __future__ import annotations

from collections import Counter as Numbers
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client.registry import Collector

from observability.facts.costs import cost_of, used
from observability.facts.looking import Looked, Watch
from observability.facts.model import Facts, Freshness, RunFact
from observability.facts.reach import run_storage_away
from observability.facts.unread import PARTS
from observability.metrics import declared as d
from observability.metrics import declared_runs as r
from observability.metrics.kept import Counter
from observability.metrics.messages import told
from observability.metrics.samples import UNKNOWN_LOCATION, Samples
from stack.monitoring.health import State
from stack.peaks import CPU_LIMIT_TAG, CPU_TAG, MEMORY_LIMIT_TAG, MEMORY_PEAK_TAG

if TYPE_CHECKING:
    from prometheus_client.core import Metric as Family

# Two simultaneous scrapes, or a scrape and a person, cost one look.
FRESH_S = 5.0
_ACTIVE = ("queued", "starting", "started", "canceling")
_ENDED = ("success", "failure", "canceled")


class StackCollector(Collector):
    """The metrics of a stack at the time of the request."""

    def __init__(self, watch: Watch, counter: Counter) -> None:
        self._watch, self._counter = watch, counter

    def collect(self) -> Iterator[Family]:
        """All declared metrics that have a value."""
        facts = self._watch.facts(FRESH_S)
        self._counter.note(facts)
        sums = self._counter.sums
        samples = Samples()
        for fill in _FILL:
            fill(samples, facts)
        for pipeline, at in (sums.succeeded if sums else {}).items():
            samples.set(r.PIPELINE_SUCCEEDED, at, pipeline)
        if not run_storage_away(facts.reach):
            told(samples, self._watch.instance)
        _exporter(samples, dict(self._watch.looked))
        return samples.families(sums)


def _runs(samples: Samples, facts: Facts) -> None:
    last = _last_ended(facts)
    jobs = {(run.pipeline, run.location or UNKNOWN_LOCATION) for run in _all_runs(facts)}
    jobs |= {(found.pipeline, found.location or UNKNOWN_LOCATION) for found in facts.active}
    for job in sorted(jobs):
        for status in _ACTIVE:
            samples.set(r.ACTIVE_RUNS, 0, *job, status)
            samples.set(r.ACTIVE_RUN_DURATION, 0, *job, status)
        for status in _ENDED:
            samples.set(r.COMPLETED_RUNS, 0, *job, status)
    for found in facts.active:
        labels = (found.pipeline, found.location or UNKNOWN_LOCATION, found.status)
        samples.set(r.ACTIVE_RUNS, found.runs, *labels)
        age = (facts.at - found.oldest).total_seconds()
        samples.set(r.ACTIVE_RUN_DURATION, max(0.0, age), *labels)
    for job, run in last.items():
        samples.set(r.LAST_RUN, 1, *job, run.status)
        took = (run.ended - run.created).total_seconds() if run.ended else None
        samples.set(r.LAST_RUN_DURATION, took, *job, run.status)
        for metric, tag in (
            (r.RUN_MEMORY, MEMORY_PEAK_TAG),
            (r.RUN_MEMORY_LIMIT, MEMORY_LIMIT_TAG),
            (r.RUN_CPU, CPU_TAG),
            (r.RUN_CPU_LIMIT, CPU_LIMIT_TAG),
        ):
            samples.set(metric, used(run, tag), *job)


def _pipelines(samples: Samples, facts: Facts) -> None:
    begun: set[str] = set()
    ended: set[str] = set()
    for found in facts.pipelines:  # newest first
        if found.pipeline not in begun:
            begun.add(found.pipeline)
            samples.set(r.PIPELINE_LAST, 1, found.pipeline, found.outcome)
            samples.set(r.PIPELINE_BEGUN, found.begun, found.pipeline)
        if found.ended is not None and found.pipeline not in ended:
            ended.add(found.pipeline)
            took = (found.ended - found.begun).total_seconds()
            samples.set(r.PIPELINE_DURATION, took, found.pipeline)
            samples.set(r.PIPELINE_CPU, cost_of(found).cpu_seconds, found.pipeline)


def _queue(samples: Samples, facts: Facts) -> None:
    if facts.queue is None:
        return
    samples.set(r.QUEUED, facts.queue.queued)
    samples.set(r.QUEUE_OLDEST, facts.queue.oldest_queued)
    samples.set(r.IN_PROGRESS, facts.queue.in_progress)
    samples.set(r.QUEUE_LIMIT, facts.queue.limit)
    samples.set(r.QUEUE_READY, facts.queue.oldest_ready)
    samples.set(r.QUEUE_LEFT, facts.queue.last_left)
    for name, pool in facts.queue.pools.items():
        samples.set(r.POOL_LIMIT, pool.limit, name)
        samples.set(r.POOL_ACTIVE, pool.taken, name)
        samples.set(r.POOL_PENDING, pool.waiting, name)
        samples.set(r.POOL_RUNS, pool.runs, name)
        samples.set(r.POOL_OLDEST, pool.oldest_queued, name)


def _automation(samples: Samples, facts: Facts) -> None:
    metrics = {
        "schedule": (
            *(r.SCHEDULE_STATUS, r.SCHEDULE_TICK_STATUS, r.SCHEDULE_TICK, r.SCHEDULE_NEXT),
        ),
        "sensor": (r.SENSOR_STATUS, r.SENSOR_TICK_STATUS, r.SENSOR_TICK, r.SENSOR_NEXT),
    }
    for found in facts.automation:
        status, tick_status, tick, next_tick = metrics[found.kind]
        labels = (found.name, found.location)
        samples.set(status, 1, *labels, "running" if found.running else "stopped")
        if found.last_tick is not None:
            samples.set(tick_status, 1, *labels, found.last_status)
            samples.set(tick, found.last_tick, *labels)
        samples.set(next_tick, found.next_tick, *labels)
    for daemon in facts.daemons:
        samples.set(r.DAEMON_HEALTHY, daemon.healthy, daemon.name, "true")
        samples.set(r.DAEMON_HEARTBEAT, daemon.last_heartbeat, daemon.name)


def _tables(samples: Samples, facts: Facts) -> None:
    for table in facts.tables:
        key = "/".join(table.path)
        samples.set(
            d.TABLE_MATERIALISED,
            max(table.materialised, table.held_since or table.materialised),
            key,
        )
        samples.set(d.TABLE_ROWS, table.rows, key)
        samples.set(d.TABLE_BYTES, table.bytes, key)
        samples.set(d.TABLE_SET_ASIDE, table.rows_set_aside, key)
        samples.set(d.TABLE_ACCOUNTED, table.accounted_for, key)
        samples.set(d.TABLE_NEWEST, table.newest_event, key)
        if table.freshness is not Freshness.UNKNOWN:
            samples.set(d.TABLE_STALE, table.freshness is Freshness.STALE, key)
            samples.set(d.TABLE_STALE_SINCE, table.stale_since, key)


def _checks(samples: Samples, facts: Facts) -> None:
    numbers = Numbers[tuple[str, str]]()
    for check in facts.checks:
        key = "/".join(check.path)
        samples.set(d.CHECK_PASSED, check.passed, key, check.name, check.severity)
        samples.set(d.CHECK_AT, check.at, key, check.name)
        numbers["passed" if check.passed else "failed", check.severity] += 1
    for state in ("passed", "failed") if facts.checks else ():
        for severity in ("error", "warn"):
            samples.set(d.CHECKS, numbers[state, severity], state, severity)


def _dependencies(samples: Samples, facts: Facts) -> None:
    for found in facts.outages:
        for state in State:
            samples.set(d.DEPENDENCY_STATE, found.state == state, found.name, state)
        samples.set(d.DEPENDENCY_AT, found.at, found.name)
        samples.set(d.DEPENDENCY_DOWN, found.since, found.name)


def _waiting(samples: Samples, facts: Facts) -> None:
    alerts = Numbers((alert.type, alert.severity) for alert in facts.alerts)
    for (type_, severity), count in alerts.items():
        samples.set(d.ALERTS, count, type_, severity)
    for alert in reversed(facts.alerts):  # so that the oldest one is set last
        samples.set(d.ALERTS_OLDEST, alert.created, alert.severity)
    entries = Numbers(entry.table for entry in facts.set_aside)
    for table, count in entries.items():
        samples.set(d.SET_ASIDE, count, table)
        rows = [entry.records for entry in facts.set_aside if entry.table == table]
        samples.set(d.SET_ASIDE_ROWS, sum(known for known in rows if known is not None), table)
    unread = Numbers(file.part for file in facts.unread)
    for part in PARTS:
        samples.set(d.UNREAD, unread[part], part)
    moments = [entry.at for entry in facts.set_aside if entry.at is not None]
    samples.set(d.SET_ASIDE_OLDEST, min(moments, default=None))
    for status, count in Numbers(found.status for found in facts.backfills).items():
        samples.set(d.BACKFILLS, count, status)
    for state in ("wanted", "done", "failed") if facts.backfills else ():
        total = sum(getattr(found, state) for found in facts.backfills)
        samples.set(d.BACKFILL_PARTITIONS, total, state)


def _stores(samples: Samples, facts: Facts) -> None:
    for store in facts.stores:
        samples.set(d.STORE_BYTES, store.bytes, store.name)
        samples.set(d.STORE_FREE, store.free, store.name)
        for kind, count in store.facts.items():
            samples.set(d.STORE_OBJECTS, count, store.name, kind)
    for found in facts.reach:
        samples.set(d.STORE_UP, found.up, found.name)
        samples.set(d.STORE_AWAY, found.since, found.name)
    if facts.catalog is not None:
        sink = facts.catalog.sink
        samples.set(d.CATALOG_AT, facts.catalog.at, sink)
        for result in ("emitted", "unchanged", "failed"):
            samples.set(d.CATALOG_ASPECTS, getattr(facts.catalog, result), sink, result)


def _safety(samples: Samples, facts: Facts) -> None:
    if (backup := facts.backup) is not None:
        samples.set(d.BACKUP_EVERY, backup.wanted_every)
        samples.set(d.BACKUP_AT, backup.made)
        samples.set(d.BACKUP_BYTES, backup.size)
        samples.set(d.RESTORE_TESTED, backup.tested)
    for certificate in facts.certificates:
        samples.set(d.CERTIFICATE_ENDS, certificate.ends, certificate.name)


def _exporter(samples: Samples, looked: Mapping[str, Looked]) -> None:
    for part, found in looked.items():
        samples.set(d.LOOK_DURATION, found.seconds, part)
        samples.set(d.LOOK_SUCCESS, found.succeeded, part)
        samples.set(d.LOOK_ERRORS, found.failures, part)
    samples.set(d.BUILD, 1, *_versions())


_FILL: tuple[Callable[[Samples, Facts], None], ...] = (
    _runs,
    _pipelines,
    _queue,
    _automation,
    _tables,
    _checks,
    _dependencies,
    _waiting,
    _stores,
    _safety,
)


def _all_runs(facts: Facts) -> Iterable[RunFact]:
    return (run for found in facts.pipelines for run in found.runs)


def _last_ended(facts: Facts) -> dict[tuple[str, str], RunFact]:
    """The run that ended last, for each job in each location."""
    last: dict[tuple[str, str], RunFact] = {}
    for run in _all_runs(facts):
        if run.ended is None or run.status not in _ENDED:
            continue
        job = (run.pipeline, run.location or UNKNOWN_LOCATION)
        before = last.get(job)
        if before is None or before.ended is None or run.ended > before.ended:
            last[job] = run
    return last


def _versions() -> tuple[str, str, str]:
    import platform
    from importlib.metadata import version

    return version("freelancer-stack"), version("dagster"), platform.python_version()
