"""Pipelines, declared once as data; the only place that knows job names."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """The code locations, in the order that data flows through them."""

    INGESTION = "ingestion"
    TRANSFORMATION = "transformation"
    QUALITY = "quality"
    CATALOG = "catalog"


@dataclass(frozen=True)
class Schedule:
    """When a pipeline starts by itself; cron in UTC."""

    name: str
    cron: str


@dataclass(frozen=True)
class Pipeline:
    """A job over one or more stages.

    In a process that holds all stages it is one job; in a location it is the job of the same
    name with that location's slice. `only` limits it to some of the six assets. A higher
    `priority` leaves the queue first; later stages add their position to it. One that
    `monitors` runs the locations' health checks instead of their assets, and its slices don't
    wait for each other: each location begins its own.
    """

    name: str
    description: str
    stages: tuple[Stage, ...]
    schedule: Schedule | None = None
    only: frozenset[str] | None = None
    priority: int = 0
    monitors: bool = False

    def begins_at(self, stage: Stage) -> bool:
        """Whether the location of `stage` begins it, rather than continues it."""
        return stage in self.stages and (self.monitors or stage == self.stages[0])

    def stage_after(self, stage: Stage, skip: Collection[Stage] = ()) -> Stage | None:
        """The stage that follows `stage`, stepping over `skip`; None after the last."""
        if stage not in self.stages or self.monitors:
            return None
        following = self.stages[self.stages.index(stage) + 1 :]
        return next((s for s in following if s not in skip), None)


DAILY = Pipeline(
    name="daily_data_pipeline",
    description="Everything: load what is new, model it, test it, validate it, catalogue it.",
    stages=tuple(Stage),
    schedule=Schedule("daily_pipeline_schedule", "0 2 * * *"),
)
INCREMENTAL_SYNC = Pipeline(
    name="incremental_sync_pipeline",
    description="Fresh data between two nights: load what is new and model it.",
    stages=(Stage.INGESTION, Stage.TRANSFORMATION),
    schedule=Schedule("incremental_sync_schedule", "0 */6 * * *"),
)
TRANSFORMATION = Pipeline(
    name="transformation_pipeline",
    description="Model and test what is loaded already.",
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
    description="Everything, for a release on GitHub; its tag and URL are on every run.",
    stages=tuple(Stage),
)
EMERGENCY = Pipeline(
    name="emergency_data_refresh",
    description="Everything, now, before what waits; options leave out validation, read all "
    "anew, or build only some models.",
    stages=tuple(Stage),
    priority=20,
)
BACKFILL = Pipeline(
    name="backfill_pipeline",
    description="Rebuilds the days of the run's partitions from their sources, then everything "
    "that hangs on them.",
    stages=tuple(Stage),
    priority=-10,  # the nightly run doesn't wait for a year of days
)
MONITORING = Pipeline(
    name="pipeline_monitoring",
    description="Looks at what the stack depends on; fails when something configured is down.",
    stages=tuple(Stage),
    schedule=Schedule("monitoring_schedule", "*/15 * * * *"),
    priority=100,  # seconds long, and of use only if it doesn't wait in the queue
    monitors=True,
)
REMEDIATION = Pipeline(
    name="data_quality_remediation_pipeline",
    description="For one alert: keeps the failing rows, loads, models and validates anew.",
    stages=(Stage.INGESTION, Stage.TRANSFORMATION, Stage.QUALITY),
    only=frozenset({"remediation_reingestion", "remediation_rebuild", "remediation_validation"}),
)
FILES = Pipeline(
    name="file_processing_pipeline",
    description="Arrived files into raw tables; models and tests them where a model uses them.",
    stages=(Stage.INGESTION, Stage.TRANSFORMATION),
    only=frozenset({"file_processing", "dbt_run", "dbt_test"}),
)
RETENTION = Pipeline(
    name="retention_pipeline",
    description="Deletes what is older than its policy: runs, results, temporary files, former "
    "states of a DuckLake.",
    stages=(Stage.INGESTION,),
    schedule=Schedule("retention_schedule", "30 4 * * *"),
    only=frozenset({"retention"}),
    priority=-20,  # whatever else waits for the warehouse goes first
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
