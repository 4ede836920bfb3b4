"""Adds up runs, their steps and failed ticks as they end.

The sums depend on the run storage alone: starting from the same sums, each run is counted once, no
matter how often counting is interrupted. What ended before counting began isn't counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
from pydantic import BaseModel, Field

from observability.facts.automation import AUTOMATION_TYPES
from observability.facts.rows import ticks_of
from observability.facts.runs import LOCATION_TAG
from observability.metrics.declared_runs import (
    COMPLETED_RUNS,
    RUN_DURATION,
    RUN_WAIT,
    STAGE_DURATION,
    STEP_DURATION,
    TICK_FAILURES,
)
from observability.metrics.metric import Metric
from observability.metrics.samples import SERIES, UNKNOWN_LOCATION
from stack.run_storage import moment, runs_of
from stack.tags import STAGE_TAG

# A run's end is by its worker's clock, and may become visible later.
OVERLAP = timedelta(minutes=10)
RUNS_AT_ONCE = 200
OTHER = "other"
_FINISHED = ("SUCCESS", "FAILURE", "CANCELED")
_SEPARATOR = "\x1f"


class Histogram(BaseModel):
    """The number of observations in each bucket, the infinite one last, and their sum."""

    counts: list[int]
    sum: float = 0.0

    def observe(self, value: float, bounds: Iterable[float]) -> None:
        """Count one observation."""
        limits = list(bounds)
        place = next((n for n, bound in enumerate(limits) if value <= bound), len(limits))
        self.counts[place] += 1
        self.sum += value


class Sums(BaseModel):
    """What was added up since `began`, by metric and label values.

    `since`: the latest end of a counted run. `seen`: the runs that ended within an overlap before
    it, and when. `failed_ticks`: by schedule or sensor, the last failed tick that was counted.
    `succeeded`: by pipeline, when it last succeeded, in seconds.
    """

    began: datetime
    since: datetime
    seen: dict[str, float] = Field(default_factory=dict)
    failed_ticks: dict[str, float] = Field(default_factory=dict)
    counters: dict[str, dict[str, int]] = Field(default_factory=dict)
    histograms: dict[str, dict[str, Histogram]] = Field(default_factory=dict)
    succeeded: dict[str, float] = Field(default_factory=dict)

    @classmethod
    def begin(cls, now: datetime | None = None) -> Sums:
        """Empty sums."""
        at = now or datetime.now(UTC)
        return cls(began=at, since=at)

    def add(self, metric: Metric, labels: tuple[str, ...], count: int = 1) -> None:
        """Add to a counter."""
        series = self.counters.setdefault(metric.name, {})
        key = _key(series, labels)
        series[key] = series.get(key, 0) + count

    def observe(self, metric: Metric, labels: tuple[str, ...], value: float) -> None:
        """Add to a histogram."""
        series = self.histograms.setdefault(metric.name, {})
        empty = Histogram(counts=[0] * (len(metric.buckets) + 1))
        found = series.setdefault(_key(series, labels), empty)
        if len(found.counts) == len(empty.counts):  # else from a version with other buckets
            found.observe(value, metric.buckets)

    def counted(self, metric: Metric) -> Iterator[tuple[tuple[str, ...], int]]:
        """Label values and value of each series of a counter."""
        for key, value in self.counters.get(metric.name, {}).items():
            yield tuple(key.split(_SEPARATOR)), value

    def observed(self, metric: Metric) -> Iterator[tuple[tuple[str, ...], Histogram]]:
        """Label values and histogram of each series."""
        for key, value in self.histograms.get(metric.name, {}).items():
            if len(value.counts) == len(metric.buckets) + 1:
                yield tuple(key.split(_SEPARATOR)), value


def count(instance: dg.DagsterInstance, sums: Sums) -> Sums:
    """The sums including what ended since; those passed in aren't changed."""
    counted = sums.model_copy(deep=True)
    while rows := _ended_runs(instance, counted):
        for row in rows:
            _add_run(counted, row)
        _add_steps(instance, counted, rows)
    _add_failed_ticks(instance, counted)
    return counted


def _key(series: dict[str, Any], labels: tuple[str, ...]) -> str:
    key = _SEPARATOR.join(labels)
    return key if key in series or len(series) < SERIES else _SEPARATOR.join([OTHER] * len(labels))


def _ended_runs(instance: dg.DagsterInstance, sums: Sums) -> list[Any]:
    """Runs that ended since and aren't counted yet, the earliest first.

    Adding a tag to a run updates it long after its end, so the time of the update isn't enough.
    """
    import sqlalchemy as sa
    from dagster._core.storage.runs.schema import RunsTable, RunTagsTable

    runs, location, stage = RunsTable.c, RunTagsTable.alias(), RunTagsTable.alias()
    touched = (sums.since - OVERLAP).replace(tzinfo=None)
    tagged = RunsTable.outerjoin(
        location, sa.and_(location.c.run_id == runs.run_id, location.c.key == LOCATION_TAG)
    ).outerjoin(stage, sa.and_(stage.c.run_id == runs.run_id, stage.c.key == STAGE_TAG))
    query = (
        sa.select(
            runs.run_id,
            runs.pipeline_name.label("job"),
            runs.status,
            runs.create_timestamp.label("created"),
            runs.start_time.label("started"),
            runs.end_time.label("ended"),
            location.c.value.label("location"),
            stage.c.value.label("stage"),
        )
        .select_from(tagged)
        .where(
            runs.status.in_(_FINISHED),
            runs.update_timestamp > touched,
            runs.end_time > max(sums.since - OVERLAP, sums.began).timestamp(),
        )
        .order_by(runs.end_time, runs.id)
        .limit(RUNS_AT_ONCE + len(sums.seen))
    )
    with runs_of(instance) as connection:
        found = connection.execute(query).fetchall()
    return [row for row in found if row.run_id not in sums.seen][:RUNS_AT_ONCE]


def _add_run(sums: Sums, row: Any) -> None:
    now = datetime.now(UTC).timestamp()
    sums.seen[row.run_id] = row.ended
    # A time in the future would hide every run that ends before it.
    sums.since = max(sums.since, datetime.fromtimestamp(min(row.ended, now), UTC))
    oldest = (sums.since - OVERLAP).timestamp()
    sums.seen = {run_id: at for run_id, at in sums.seen.items() if at > oldest}
    location, status = row.location or UNKNOWN_LOCATION, row.status.lower()
    sums.add(COMPLETED_RUNS, (row.job, location, status))
    if row.started is None:
        return
    created = moment(row.created)
    if created is not None:
        waited = max(0.0, row.started - created.timestamp())
        sums.observe(RUN_WAIT, (row.job, location), waited)
    took = max(0.0, row.ended - row.started)
    sums.observe(RUN_DURATION, (row.job, location, status), took)
    if row.stage and status == "success":
        sums.observe(STAGE_DURATION, (row.job, row.stage), took)


def _add_steps(instance: dg.DagsterInstance, sums: Sums, rows: Iterable[Any]) -> None:
    for row in rows:
        for step in instance.get_run_step_stats(row.run_id):
            if step.start_time is not None and step.end_time is not None:
                took = max(0.0, step.end_time - step.start_time)
                sums.observe(STEP_DURATION, (row.job, step.step_key), took)


def _add_failed_ticks(instance: dg.DagsterInstance, sums: Sums) -> None:
    import sqlalchemy as sa
    from dagster._core.storage.schedules.schema import JobTickTable

    if instance.schedule_storage is None:  # an instance in memory
        return
    ticks = JobTickTable.c
    states = [
        state
        for state in instance.all_instigator_state()
        if state.instigator_type.value in AUTOMATION_TYPES
    ]
    known = {state.instigator_origin_id for state in states}
    sums.failed_ticks = {id_: at for id_, at in sums.failed_ticks.items() if id_ in known}
    with ticks_of(instance) as connection:
        for state in states:
            origin = state.instigator_origin_id
            last = sums.failed_ticks.get(origin, sums.began.timestamp())
            query = sa.select(sa.func.count(), sa.func.max(ticks.timestamp)).where(
                ticks.job_origin_id == origin,
                ticks.status == "FAILURE",
                ticks.timestamp > datetime.fromtimestamp(last, UTC).replace(tzinfo=None),
            )
            failed, newest = connection.execute(query).one()
            location = state.origin.repository_origin.code_location_origin.location_name
            labels = (state.instigator_type.value.lower(), state.name, location)
            sums.add(TICK_FAILURES, labels, failed)
            if at := moment(newest):
                sums.failed_ticks[origin] = at.timestamp()
