"""Builds Dagster definitions from a location's parts and the declared pipelines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg

from stack.compute import RESOURCE, Compute
from stack.continuation import continuation_sensor
from stack.execution import choose_executor
from stack.garbage import spare_what_is_loaded
from stack.monitoring.health import HealthCheck
from stack.monitoring.monitor import health_assets, health_check_keys, health_monitor
from stack.pipelines import MONITORING, PIPELINES, Pipeline, Schedule, Stage
from stack.retry import retry_when_away
from stack.run_storage import wait_for_run_storage
from stack.settings import ExecutionSettings, Settings, StackSettings, load_settings
from stack.tags import PIPELINE_TAG, PRIORITY_TAG, STAGE_TAG

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import (
        UnresolvedAssetJobDefinition,
    )


@dataclass(frozen=True)
class Location:
    """What one stage brings: its assets, checks, sensors, and the settings that they read.

    `health`: what it depends on, looked at with its own credentials only. `special_assets` run
    only in a pipeline that names them in `only`.
    """

    stage: Stage
    settings: Sequence[type[Settings]]
    assets: Sequence[dg.AssetsDefinition]
    checks: Sequence[dg.AssetChecksDefinition] = ()
    sensors: Sequence[dg.SensorDefinition] = ()
    health: Sequence[HealthCheck] = ()
    special_assets: Sequence[dg.AssetsDefinition] = ()


def location_definitions(location: Location) -> dg.Definitions:
    """Definitions of one code location: its slice of each pipeline, and what continues them."""
    executor = _executor([location])
    jobs = [
        (pipeline, _job(pipeline, [location], executor, {STAGE_TAG: str(location.stage)}))
        for pipeline in PIPELINES
        if location.stage in pipeline.stages
    ]
    continuation = continuation_sensor(location.stage, jobs)
    begun_here = [(p, job) for p, job in jobs if p.begins_at(location.stage)]
    sensors = [continuation] if continuation else []
    return _definitions([location], executor, jobs, begun_here, sensors)


def merged_definitions(*locations: Location) -> dg.Definitions:
    """Definitions of a process that holds all stages: each pipeline is one job."""
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
    for cls in {StackSettings: None} | {c: None for x in locations for c in x.settings}:
        load_settings(cls)  # a wrong value fails here, when the location loads
    # Each process of a location comes here once it has loaded it.
    spare_what_is_loaded()
    wait_for_run_storage()
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
        ],
        sensors=[*sensors, *(sensor for location in locations for sensor in location.sensors)],
        resources={RESOURCE: Compute()},
        jobs=[job for _, job in jobs],
        schedules=[
            _schedule(p.schedule, job, _none_is_queued(job) if p.monitors else None)
            for p, job in scheduled
            if p.schedule
        ],
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
        hooks=None if pipeline.monitors else {retry_when_away},  # that a store is away is its find
        # Looking at a few services isn't worth pods of its own, every quarter of an hour.
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
    # The assets' own runs log what other checks find; the ops of those are for running them alone.
    own = dg.AssetSelection.checks(*(key for asset in assets for key in asset.check_keys))
    return dg.AssetSelection.assets(*assets).without_checks() | own


def _none_is_queued(
    job: UnresolvedAssetJobDefinition,
) -> Callable[[dg.ScheduleEvaluationContext], bool]:
    """Skip a tick while an earlier run still waits in the queue: both would do the same work.

    A slice has its location's tags, so one location's run holds up none of another's.
    """
    tags = {name: value for name, value in (job.tags or {}).items() if name == STAGE_TAG}
    queued = dg.RunsFilter(job_name=job.name, tags=tags, statuses=[dg.DagsterRunStatus.QUEUED])
    return lambda context: context.instance.get_runs_count(queued) == 0


def _schedule(
    schedule: Schedule,
    job: UnresolvedAssetJobDefinition,
    should_execute: Callable[[dg.ScheduleEvaluationContext], bool] | None = None,
) -> dg.ScheduleDefinition:
    running = load_settings(StackSettings).dagster_env == "prod"
    return dg.ScheduleDefinition(
        name=schedule.name,
        cron_schedule=schedule.cron,
        execution_timezone="UTC",
        job=job,
        should_execute=should_execute,
        default_status=(
            dg.DefaultScheduleStatus.RUNNING if running else dg.DefaultScheduleStatus.STOPPED
        ),
    )
