"""What sensors remember between two ticks."""

from __future__ import annotations

import json
import logging
from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, PlainSerializer

from stack.errors import reason

logger = logging.getLogger(__name__)

Moment = Annotated[AwareDatetime, PlainSerializer(lambda moment: moment.timestamp())]
"""A time, in the text as seconds since the epoch."""


class SensorCursor(BaseModel):
    """A place in what a sensor watches; `source` says what that is."""

    model_config = ConfigDict(frozen=True)

    source: str = ""

    @classmethod
    def load(cls, text: str | None, fresh: Self) -> Self:
        """What `dump` wrote; `fresh` if there is none, none that is readable, or of another source.

        Anybody may set a cursor in the UI: what is unreadable is told in the log.
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
