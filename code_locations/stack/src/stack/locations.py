"""Builds Dagster definitions from a location's parts and the declared pipelines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import dagster as dg

from stack.compute import RESOURCE, Compute
from stack.continuation import continuation_sensor
from stack.execution import choose_executor
from stack.freshness import FreshnessPolicy
from stack.freshness.watch import freshness_checks, freshness_sensor
from stack.garbage import spare_what_is_loaded
from stack.idle import Idle, ask
from stack.logs.work import begin_location
from stack.monitoring.health import HealthCheck
from stack.monitoring.monitor import health_assets, health_check_keys, health_monitor
from stack.options import FULL_TAG
from stack.peaks import note_peaks
from stack.pipelines import MONITORING, PIPELINES, Pipeline, Schedule, Stage
from stack.retry import retry_when_away
from stack.run_storage import wait_for_run_storage
from stack.settings import (
    ExecutionSettings,
    Settings,
    StackSettings,
    TracingSettings,
    load_settings,
)
from stack.tags import PIPELINE_TAG, PRIORITY_TAG, STAGE_TAG

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )


@dataclass(frozen=True)
class Location:
    """What one stage brings: its assets, checks, sensors, and the settings that they read.

    `health`: checks of its dependencies, which use only its own credentials. `special_assets` run
    only in a pipeline that names them in `only`. `idle` is the module that says whether its assets
    have nothing to do (see `stack.idle`). `freshness`: how new its tables have to be.
    """

    stage: Stage
    settings: Sequence[type[Settings]]
    assets: Sequence[dg.AssetsDefinition]
    checks: Sequence[dg.AssetChecksDefinition] = ()
    sensors: Sequence[dg.SensorDefinition] = ()
    health: Sequence[HealthCheck] = ()
    special_assets: Sequence[dg.AssetsDefinition] = ()
    idle: str | None = None
    freshness: Mapping[dg.AssetKey, FreshnessPolicy] = field(default_factory=dict)


def location_definitions(location: Location) -> dg.Definitions:
    """Definitions of one code location: its slice of each pipeline, and its continuation sensor."""
    begin_location(str(location.stage))
    executor = _executor([location])
    jobs = [
        (pipeline, _job(pipeline, [location], executor, {STAGE_TAG: str(location.stage)}))
        for pipeline in PIPELINES
        if location.stage in pipeline.stages
    ]
    continuation = continuation_sensor(
        location.stage, jobs, [asset.op.name for asset in location.assets], _asking(location)
    )
    begun_here = [(p, job) for p, job in jobs if p.begins_at(location.stage)]
    sensors = [continuation] if continuation else []
    return _definitions([location], executor, jobs, begun_here, sensors)


def _asking(location: Location) -> Callable[[], Idle | None]:
    module = location.idle
    return lambda: ask(module) if module else None


def merged_definitions(*locations: Location) -> dg.Definitions:
    """Definitions of a process that holds all stages, where each pipeline is one job."""
    by_stage = {location.stage: location for location in locations}
    executor = _executor(locations)
    jobs = [(p, _job(p, [by_stage[stage] for stage in p.stages], executor, {})) for p in PIPELINES]
    return _definitions(locations, executor, jobs, jobs, [])


def _executor(locations: Sequence[Location]) -> dg.ExecutorDefinition:
    assets = [a for location in locations for a in (*location.assets, *location.special_assets)]
    return choose_executor(load_settings(ExecutionSettings), assets)


def _definitions(
    locations: Sequence[Location],
    executor: dg.ExecutorDefinition,
    jobs: Sequence[tuple[Pipeline, UnresolvedAssetJobDefinition]],
    scheduled: Sequence[tuple[Pipeline, UnresolvedAssetJobDefinition]],
    sensors: Sequence[dg.SensorDefinition],
) -> dg.Definitions:
    own: tuple[type[Settings], ...] = (StackSettings, TracingSettings)
    for cls in dict.fromkeys((*own, *(cls for x in locations for cls in x.settings))):
        load_settings(cls)  # a wrong value fails here, when the location loads
    # Every process of a location gets here once, after loading it.
    spare_what_is_loaded()
    wait_for_run_storage()
    note_peaks()
    policies = {k: policy for location in locations for k, policy in location.freshness.items()}
    return dg.Definitions(
        assets=[
            *(asset for location in locations for asset in location.assets),
            *(asset for location in locations for asset in location.special_assets),
            *(asset for location in locations for asset in health_assets(location.health)),
        ],
        asset_checks=[
            *(check for location in locations for check in location.checks),
            *(
                health_monitor(f"{location.stage}_health", location.health, MONITORING.name)
                for location in locations
                if location.health
            ),
            *(
                freshness_checks(f"{location.stage}_freshness", location.freshness)
                for location in locations
                if location.freshness
            ),
        ],
        sensors=[
            *sensors,
            *([freshness_sensor(policies)] if policies else []),
            *(sensor for location in locations for sensor in location.sensors),
        ],
        resources={RESOURCE: Compute()},
        jobs=[job for _, job in jobs],
        schedules=[_schedule(p, p.schedule, job) for p, job in scheduled if p.schedule],
        executor=executor,
    )


def _job(
    pipeline: Pipeline,
    held: Sequence[Location],
    executor: dg.ExecutorDefinition,
    tags: dict[str, str],
) -> UnresolvedAssetJobDefinition:
    if pipeline.priority:
        tags = tags | {PRIORITY_TAG: str(pipeline.priority)}
    return dg.define_asset_job(
        pipeline.name,
        selection=_selection(pipeline, held),
        description=pipeline.description,
        tags={PIPELINE_TAG: pipeline.name, **tags},
        hooks=None if pipeline.monitors else {retry_when_away},  # monitoring reports outages itself
        # Looking at a few services every quarter of an hour isn't worth pods of its own.
        executor_def=dg.in_process_executor if pipeline.monitors else executor,
    )


def _selection(pipeline: Pipeline, held: Sequence[Location]) -> dg.AssetSelection:
    if pipeline.monitors:
        return dg.AssetSelection.checks(
            *(key for location in held for key in health_check_keys(location.health))
        )
    assets = [asset for location in held for asset in location.assets]
    if pipeline.only is not None:
        assets += [asset for location in held for asset in location.special_assets]
        assets = [asset for asset in assets if asset.op.name in pipeline.only]
    # The assets' own runs log the outcomes of other checks, whose ops are for running them alone.
    own = dg.AssetSelection.checks(*(key for asset in assets for key in asset.check_keys))
    return dg.AssetSelection.assets(*assets).without_checks() | own


def _none_is_queued(
    job: UnresolvedAssetJobDefinition,
) -> Callable[[dg.ScheduleEvaluationContext], bool]:
    """Skip a tick while an earlier run is still queued: both would do the same work.

    A slice has its location's tags, so one location's run never holds up another's.
    """
    tags = {name: value for name, value in (job.tags or {}).items() if name == STAGE_TAG}
    queued = dg.RunsFilter(job_name=job.name, tags=tags, statuses=[dg.DagsterRunStatus.QUEUED])
    return lambda context: context.instance.get_runs_count(queued) == 0


def _tags_of_full_runs(
    pipeline: Pipeline, job: UnresolvedAssetJobDefinition, after: timedelta
) -> Callable[[dg.ScheduleEvaluationContext], dict[str, str]]:
    """Make a run ignore everything that holds, if no successful run has done so for that long."""
    full = {FULL_TAG: "true"}
    last = {STAGE_TAG: str(pipeline.stages[-1])} if STAGE_TAG in (job.tags or {}) else {}

    def tags(context: dg.ScheduleEvaluationContext) -> dict[str, str]:
        done = dg.RunsFilter(
            job_name=pipeline.name,
            tags=full | last,
            statuses=[dg.DagsterRunStatus.SUCCESS],
            # Later stages begin some time after the tick that started the pipeline.
            created_after=context.scheduled_execution_time - after + timedelta(hours=12),
        )
        return {} if context.instance.get_runs_count(done) else full

    return tags


def _schedule(
    pipeline: Pipeline, schedule: Schedule, job: UnresolvedAssetJobDefinition
) -> dg.ScheduleDefinition:
    after = schedule.full_after
    running = load_settings(StackSettings).dagster_env == "prod"
    return dg.ScheduleDefinition(
        name=schedule.name,
        cron_schedule=schedule.cron,
        execution_timezone="UTC",
        job=job,
        should_execute=_none_is_queued(job) if pipeline.monitors else None,
        tags_fn=_tags_of_full_runs(pipeline, job, after) if after else None,
        default_status=(
            dg.DefaultScheduleStatus.RUNNING if running else dg.DefaultScheduleStatus.STOPPED
        ),
    )
