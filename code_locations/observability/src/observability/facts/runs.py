"""The newest runs of each job, and how many are waiting or under way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import dagster as dg

from observability.facts.failures import failure_of
from observability.facts.model import ActiveRuns, RunFact
from observability.facts.rows import rows_of
from stack.pipelines import PIPELINES
from stack.run_storage import moment, runs_of
from stack.tags import PIPELINE_ID_TAG, STAGE_TAG

# The last six rounds of a pipeline with four stages.
NEWEST = 24
ACTIVE = (
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
WILL_RETRY_TAG = "dagster/will_retry"
LOCATION_TAG = "dagster/code_location"


@dataclass(frozen=True)
class Read:
    """A run: its fact, and Dagster's own object."""

    fact: RunFact
    run: dg.DagsterRun


class RunReader:
    """Reads the newest runs of each job, but none again that hasn't changed."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Any, Read]] = {}
        self._jobs = {pipeline.name for pipeline in PIPELINES}

    def read(self, instance: dg.DagsterInstance) -> list[Read]:
        """At most `NEWEST` runs of each job, in no order.

        The jobs are the declared pipelines and those of recent runs.
        """
        import sqlalchemy as sa
        from dagster._core.storage.runs.schema import RunsTable

        runs = RunsTable.c
        late = sa.select(runs.pipeline_name).order_by(runs.id.desc()).limit(NEWEST)
        versions: dict[str, Any] = {}
        with runs_of(instance) as connection:
            self._jobs |= {row[0] for row in connection.execute(late)}
            for job in sorted(self._jobs):
                newest = (
                    sa.select(runs.run_id, runs.update_timestamp, runs.status)
                    .where(runs.pipeline_name == job)
                    .order_by(runs.id.desc())
                    .limit(NEWEST)
                )
                versions |= {row[0]: (row[1], row[2]) for row in connection.execute(newest)}
            self._known = {
                run_id: known
                for run_id, known in self._known.items()
                if versions.get(run_id) == known[0]
            }
            changed = [run_id for run_id in versions if run_id not in self._known]
            times = (runs.create_timestamp, runs.start_time, runs.end_time)
            query = sa.select(runs.run_body, runs.status, *times)
            rows = rows_of(connection, query, runs.run_id, changed)
        for row in rows:
            read = _read(instance, row)
            self._known[read.fact.run_id] = versions[read.fact.run_id], read
        return [read for _, read in self._known.values()]


def active_runs(instance: dg.DagsterInstance) -> tuple[ActiveRuns, ...]:
    """The unfinished runs, by job, location and status."""
    import sqlalchemy as sa
    from dagster._core.storage.runs.schema import RunsTable, RunTagsTable

    runs, tags = RunsTable.c, RunTagsTable.c
    with_location = RunsTable.outerjoin(
        RunTagsTable, sa.and_(tags.run_id == runs.run_id, tags.key == LOCATION_TAG)
    )
    query = (
        sa.select(
            runs.pipeline_name,
            tags.value,
            runs.status,
            sa.func.count(),
            sa.func.min(runs.update_timestamp),
        )
        .select_from(with_location)
        .where(runs.status.in_([status.value for status in ACTIVE]))
        .group_by(runs.pipeline_name, tags.value, runs.status)
    )
    with runs_of(instance) as connection:
        found = connection.execute(query).fetchall()
    return tuple(
        ActiveRuns(job, location or "", status.lower(), count, at)
        for job, location, status, count, oldest in found
        if (at := moment(oldest)) is not None
    )


def _read(instance: dg.DagsterInstance, row: Any) -> Read:
    from dagster._serdes import deserialize_value

    body, status, created, started, ended = row
    run = deserialize_value(body, dg.DagsterRun).with_status(dg.DagsterRunStatus(status))
    tags = run.tags
    fact = RunFact(
        run_id=run.run_id,
        pipeline=run.job_name,
        pipeline_id=tags.get(PIPELINE_ID_TAG) or run.run_id,
        status=status.lower(),
        created=moment(created) or moment(0.0),  # type: ignore[arg-type]
        stage=tags.get(STAGE_TAG, ""),
        location=tags.get(LOCATION_TAG, ""),
        started=moment(started),
        ended=moment(ended),
        failure=failure_of(instance, run) if run.status is dg.DagsterRunStatus.FAILURE else None,
        will_retry=tags.get(WILL_RETRY_TAG) == "true",
        tags=tags,
    )
    return Read(fact, run)
