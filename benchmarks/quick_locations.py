"""The four code locations with one empty asset each, and a sensor that starts pipelines.

benchmarks/continuation.py runs them, so that all of a stage's time is Dagster's and the
continuation's.
"""

from __future__ import annotations

import os

import dagster as dg

from stack.locations import Location, location_definitions
from stack.pipelines import DAILY, Stage
from stack.tags import STAGE_TAG

PIPELINES_VARIABLE = "BENCHMARK_PIPELINES"


@dg.sensor(
    job_name=DAILY.name,
    minimum_interval_seconds=1,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def beginning(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Start the next pipeline when the previous one has ended."""
    begun = _runs(context.instance, Stage.INGESTION)
    ended = _runs(context.instance, Stage.CATALOG, dg.DagsterRunStatus.SUCCESS)
    if begun > ended or ended == int(os.environ[PIPELINES_VARIABLE]):
        return dg.SkipReason(f"{begun} begun, {ended} ended")
    return dg.RunRequest(run_key=str(begun))


def _runs(instance: dg.DagsterInstance, stage: Stage, *statuses: dg.DagsterRunStatus) -> int:
    tags = {STAGE_TAG: str(stage)}
    return instance.get_runs_count(dg.RunsFilter(tags=tags, statuses=statuses or None))


def _location(stage: Stage) -> dg.Definitions:
    @dg.asset(name=f"{stage}_asset")
    def empty() -> None:
        """Take no time."""

    sensors = [beginning] if stage is Stage.INGESTION else []
    return location_definitions(Location(stage, settings=[], assets=[empty], sensors=sensors))


ingestion, transformation, quality, catalog = map(_location, Stage)
