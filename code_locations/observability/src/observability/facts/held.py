"""When a run last found that there was nothing to do for an asset.

Runs record that as an observation, which changes nothing about the asset in Dagster.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from observability.facts.rows import batches
from stack.freshness.seen import last_held


class HeldReader:
    """Reads the last observation of each asset; after the first look, only new ones."""

    def __init__(self) -> None:
        self._newest = 0
        self._known: dict[str, datetime] = {}

    def read(self, connection: Any, keys: Collection[str]) -> Mapping[str, datetime]:
        """By asset key as Dagster stores it, without assets that never held."""
        newest = [self._newest]
        for some in batches(list(keys)):
            found, last = last_held(connection, some, newer_than=self._newest)
            self._known |= found
            newest.append(last)
        self._newest = max(newest)
        return self._known
