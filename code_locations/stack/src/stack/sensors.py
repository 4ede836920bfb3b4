"""Sensors that start pipelines, and what they remember between two ticks."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Annotated, Any, Self

import dagster as dg
from pydantic import AwareDatetime, BaseModel, ConfigDict, PlainSerializer

from stack.errors import reason
from stack.patience import impatient
from stack.pipelines import Pipeline
from stack.settings import SettingsError, StackSettings, load_settings

logger = logging.getLogger(__name__)

Moment = Annotated[AwareDatetime, PlainSerializer(lambda moment: moment.timestamp())]
"""A time, serialised as seconds since the epoch."""


class SensorCursor(BaseModel):
    """A position in what a sensor watches; `source` says what that is."""

    model_config = ConfigDict(frozen=True)

    source: str = ""

    @classmethod
    def load(cls, text: str | None, fresh: Self) -> Self:
        """Parse what `dump` wrote; `fresh` if it is missing, unreadable or of another source.

        Anybody may set a cursor in the UI, so an unreadable one is only logged.
        """
        if not text:
            return fresh
        try:
            found = cls.model_validate(json.loads(text))
        except (ValueError, RecursionError) as error:
            logger.warning("the cursor can't be read, so it begins anew: %s", reason(error))
            return fresh
        return found if found.source == fresh.source else fresh

    def dump(self) -> str:
        """Text for the sensor's cursor."""
        return json.dumps(self.model_dump(), separators=(",", ":"))


def pipeline_sensor(
    pipeline: Pipeline,
    evaluate: Callable[[dg.SensorEvaluationContext], dg.SensorResult | dg.SkipReason],
    *,
    running: bool,
    **options: Any,
) -> dg.SensorDefinition:
    """A sensor that starts `pipeline`; `running`: it is on by default.

    A wrong setting skips the tick. `options` are Dagster's.
    """

    def tick(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        try:
            with impatient():  # the next tick comes soon
                return evaluate(context)
        except SettingsError as error:
            return dg.SkipReason(str(error))

    states = dg.DefaultSensorStatus
    return dg.SensorDefinition(
        evaluation_fn=tick,
        job_name=pipeline.name,
        default_status=states.RUNNING if running else states.STOPPED,
        **options,
    )


def in_production() -> bool:
    """Whether sensors are on by default."""
    return load_settings(StackSettings).dagster_env == "prod"
