"""Pipelines, declared once as data; the only place that knows job names."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """The four code locations, in the order that data flows through them."""

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

    In a process that holds several stages it is one job; in a location it is the job of the
    same name with that location's slice.
    """

    name: str
    description: str
    stages: tuple[Stage, ...]
    schedule: Schedule | None = None


DAILY = Pipeline(
    name="daily_data_pipeline",
    description="Everything: load what is new, model it, test it, validate it, catalogue it.",
    stages=tuple(Stage),
    schedule=Schedule("daily_pipeline_schedule", "0 2 * * *"),
)

PIPELINES: tuple[Pipeline, ...] = (DAILY,)
