"""Pipelines, declared once as data; the only place that knows job names."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Stage(StrEnum):
    """The code locations, in the order that data flows through them."""

    INGESTION = "ingestion"
    TRANSFORMATION = "transformation"
    QUALITY = "quality"
    CATALOG = "catalog"


@dataclass(frozen=True)
class Schedule:
    """When a pipeline starts by itself; cron in UTC.

    `full_after`: a run skips nothing if the last successful one that did so began that long ago.
    """

    name: str
    cron: str
    full_after: timedelta | None = None


@dataclass(frozen=True)
class Pipeline:
    """A job over one or more stages.

    In a process that holds all stages it is one job; a location has a job of the same name with its
    own slice. `only` limits it to some of the six assets. A higher `priority` leaves the queue
    first; later stages add their position to it. If it `monitors`, it runs the locations' health
    checks instead of their assets, and its slices don't wait for each other: each location starts
    its own.
    """

    name: str
    description: str
    stages: tuple[Stage, ...]
    schedule: Schedule | None = None
    only: frozenset[str] | None = None
    priority: int = 0
    monitors: bool = False

    def begins_at(self, stage: Stage) -> bool:
        """Whether the location of `stage` starts it, rather than continues it."""
        return stage in self.stages and (self.monitors or stage == self.stages[0])

    def stage_after(self, stage: Stage, skip: Collection[Stage] = ()) -> Stage | None:
        """The stage that follows `stage`, skipping `skip`; None after the last."""
        if stage not in self.stages or self.monitors:
            return None
        following = self.stages[self.stages.index(stage) + 1 :]
        return next((s for s in following if s not in skip), None)


DAILY = Pipeline(
    name="daily_data_pipeline",
    description="Everything: load what is new, then model, test, validate and catalogue it.",
    stages=tuple(Stage),
    schedule=Schedule("daily_pipeline_schedule", "0 2 * * *", full_after=timedelta(days=7)),
)
INCREMENTAL_SYNC = Pipeline(
    name="incremental_sync_pipeline",
    description="Fresh data between nightly runs: load what is new and model it.",
    stages=(Stage.INGESTION, Stage.TRANSFORMATION),
    schedule=Schedule("incremental_sync_schedule", "0 */6 * * *"),
)
TRANSFORMATION = Pipeline(
    name="transformation_pipeline",
    description="Model and test what has already been loaded.",
    stages=(Stage.TRANSFORMATION,),
)
DATA_QUALITY = Pipeline(
    name="data_quality_pipeline",
    description="Test and validate the tables as they are.",
    stages=(Stage.TRANSFORMATION, Stage.QUALITY),
    only=frozenset({"dbt_test", "great_expectations_validation"}),
)

RELEASE = Pipeline(
    name="release_triggered_pipeline",
    description="Everything, for a GitHub release; every run has its tag and URL.",
    stages=tuple(Stage),
)
EMERGENCY = Pipeline(
    name="emergency_data_refresh",
    description="Everything, ahead of all queued runs; options skip validation, reload "
    "everything, or build only some models.",
    stages=tuple(Stage),
    priority=20,
)
BACKFILL = Pipeline(
    name="backfill_pipeline",
    description="Rebuilds the days of the run's partitions from their sources, then everything "
    "downstream of them.",
    stages=tuple(Stage),
    priority=-10,  # the nightly run mustn't wait for a year of days
)
MONITORING = Pipeline(
    name="pipeline_monitoring",
    description="Checks what the stack depends on; fails when something configured is down.",
    stages=tuple(Stage),
    schedule=Schedule("monitoring_schedule", "*/15 * * * *"),
    priority=100,  # takes seconds, and is useless if it waits in the queue
    monitors=True,
)
REMEDIATION = Pipeline(
    name="data_quality_remediation_pipeline",
    description="For one alert: keeps the failing rows, then reloads, remodels and revalidates.",
    stages=(Stage.INGESTION, Stage.TRANSFORMATION, Stage.QUALITY),
    only=frozenset({"remediation_reingestion", "remediation_rebuild", "remediation_validation"}),
)
FILES = Pipeline(
    name="file_processing_pipeline",
    description="Loads arrived files into raw tables; models and tests them if a model uses them.",
    stages=(Stage.INGESTION, Stage.TRANSFORMATION),
    only=frozenset({"file_processing", "dbt_run", "dbt_test"}),
)
RETENTION = Pipeline(
    name="retention_pipeline",
    description="Deletes what is older than its policy allows: runs, results, temporary files, "
    "snapshots of a DuckLake.",
    stages=(Stage.INGESTION,),
    schedule=Schedule("retention_schedule", "30 4 * * *"),
    only=frozenset({"retention"}),
    priority=-20,  # anything else that needs the warehouse goes first
)

PIPELINES: tuple[Pipeline, ...] = (
    DAILY,
    INCREMENTAL_SYNC,
    TRANSFORMATION,
    DATA_QUALITY,
    RELEASE,
    EMERGENCY,
    BACKFILL,
    MONITORING,
    REMEDIATION,
    FILES,
    RETENTION,
)
