"""Hands a pipeline from one code location to the next.

In open-source Dagster a run lives in one location. Each location has one sensor, made here,
that looks for finished runs of the stage before its own and requests its own slice with the
finished run's id as run key. A plain sensor, because a run-status sensor loses the event when
its function raises and handles one run a tick: docs/decisions/0004.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from stack.idle import Idle, launches_pods, may_be_idle
from stack.options import TAG_PREFIX, skips_validations
from stack.patience import impatient
from stack.pipelines import Pipeline, Stage
from stack.sensors import Moment, SensorCursor
from stack.settings import StackSettings, load_settings
from stack.tags import PIPELINE_ID_TAG, PIPELINE_TAG, PRIORITY_TAG, STAGE_TAG, pipeline_id

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )
    from dagster._core.storage.dagster_run import RunRecord

LOAD_ONLY_TAG = "option/load_only"
# Copied from stage to stage: options, what started the pipeline, and its days. Not a backfill's id:
# Dagster would count the later stages among the backfill's own runs.
CARRIED_PREFIXES = (
    TAG_PREFIX,
    "release/",
    "alert/",
    "dagster/partition",
    "dagster/asset_partition",
)
# Not copied: a stage's ops and its executor, which another location may not have.
OWN_CONFIG = {"ops", "execution"}
# A run's timestamp is its worker's clock, and its record may become visible later than that.
OVERLAP = timedelta(minutes=10)
RUNS_A_TICK = 200
SENSOR_SUFFIX = "_continuation_sensor"  # `pods.held` uses it too


class Cursor(SensorCursor):
    """Where the last tick ended, and which runs after `since` are already handled."""

    since: Moment
    seen: dict[str, float] = Field(default_factory=dict)

    @classmethod
    def parse(cls, text: str | None, now: datetime) -> Cursor:
        """The sensor's cursor; one overlap ago at the first tick, or where it is unreadable.

        Run keys keep a run that is found twice from being continued twice.
        """
        found = cls.load(text, cls(since=now - OVERLAP))
        # A time in the future would hide every run until then.
        seen = {run_id: min(at, now.timestamp()) for run_id, at in found.seen.items()}
        return cls(since=min(found.since, now), seen=seen)

    def advance(self, records: Iterable[RunRecord]) -> Cursor:
        """The cursor after handling `records`, without runs older than the overlap."""
        seen = dict(self.seen)
        for record in records:
            seen[record.dagster_run.run_id] = record.update_timestamp.timestamp()
        latest = max([self.since.timestamp(), *seen.values()])
        oldest = latest - OVERLAP.total_seconds()
        kept = {run_id: at for run_id, at in seen.items() if at >= oldest}
        return Cursor(since=datetime.fromtimestamp(latest, UTC), seen=kept)


def continuation_sensor(
    stage: Stage,
    jobs: Sequence[tuple[Pipeline, UnresolvedAssetJobDefinition]],
    assets: Collection[str] = (),
    ask: Callable[[], Idle | None] = lambda: None,
) -> dg.SensorDefinition | None:
    """The sensor that starts this location's slices; None where it continues no pipeline.

    `ask` says whether its `assets` have nothing to do, which on Kubernetes saves the pod.
    """
    continued = [(pipeline, job) for pipeline, job in jobs if not pipeline.begins_at(stage)]
    if not continued:
        return None

    def evaluate(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        with impatient():  # the next tick comes soon
            return look(context)

    def look(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        cursor = Cursor.parse(context.cursor, datetime.now(UTC))
        records = finished_runs(context.instance, cursor)
        requests, observed = [], []
        idle = cache(ask if launches_pods(context.instance) else lambda: None)
        for record in records:
            for pipeline, _ in continued:
                request = continue_run(pipeline, stage, record.dagster_run)
                if request is not None:
                    pipeline_id(context.instance, record.dagster_run)
                    if may_be_idle(pipeline, assets, record.dagster_run) and (found := idle()):
                        observed = found.observations()
                        request = _without_pod(request, found)
                    requests.append(request)
        return dg.SensorResult(
            run_requests=requests,
            asset_events=observed,
            skip_reason=None if requests else f"no pipeline waits for {stage}",
            cursor=cursor.advance(records).dump(),
        )

    return dg.SensorDefinition(
        name=f"{stage}{SENSOR_SUFFIX}",
        evaluation_fn=evaluate,
        jobs=[job for _, job in continued],
        minimum_interval_seconds=load_settings(StackSettings).continuation_interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Starts the {stage} stage of each pipeline whose stage before has succeeded.",
    )


def _without_pod(request: dg.RunRequest, idle: Idle) -> dg.RunRequest:
    from pods.held import HELD_TAG

    return request.with_replaced_attrs(tags={**request.tags, HELD_TAG: idle.told})


def finished_runs(instance: dg.DagsterInstance, cursor: Cursor) -> list[RunRecord]:
    """Successful runs of any pipeline since the cursor, not yet handled, oldest first."""
    records = instance.get_run_records(
        dg.RunsFilter(
            statuses=[dg.DagsterRunStatus.SUCCESS],
            tags={STAGE_TAG: [str(stage) for stage in Stage]},
            updated_after=cursor.since - OVERLAP,
        ),
        order_by="update_timestamp",
        ascending=True,
        limit=RUNS_A_TICK + len(cursor.seen),
    )
    fresh = [record for record in records if record.dagster_run.run_id not in cursor.seen]
    return fresh[:RUNS_A_TICK]


def continue_run(pipeline: Pipeline, stage: Stage, upstream: dg.DagsterRun) -> dg.RunRequest | None:
    """The request for `stage` after `upstream`; None if another stage comes next."""
    tags = upstream.tags
    if tags.get(PIPELINE_TAG) != pipeline.name:
        return None
    if pipeline.stage_after(Stage(tags[STAGE_TAG]), skip=skipped_stages(upstream)) != stage:
        return None
    carried = {k: v for k, v in tags.items() if k.startswith(CARRIED_PREFIXES)}
    return dg.RunRequest(
        run_key=upstream.run_id,
        job_name=pipeline.name,
        run_config={k: v for k, v in upstream.run_config.items() if k not in OWN_CONFIG},
        tags=carried
        | {
            PIPELINE_ID_TAG: tags.get(PIPELINE_ID_TAG, upstream.run_id),
            # Finish a started pipeline before another starts.
            PRIORITY_TAG: str(pipeline.priority + pipeline.stages.index(stage)),
        },
    )


def skipped_stages(run: dg.DagsterRun) -> frozenset[Stage]:
    """Stages that a run's options skip."""
    if run.tags.get(LOAD_ONLY_TAG, "").lower() == "true":
        return frozenset(Stage) - {Stage.INGESTION}
    skip = skips_validations(run.run_config, run.tags)
    return frozenset({Stage.QUALITY}) if skip else frozenset()
