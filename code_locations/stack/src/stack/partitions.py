"""Days as partitions of what is ingested; see docs/backfill.md.

Only ingestion's assets have them. In Dagster 1.13 a partitioned op that depends on another
partitioned one can't run without a partition, and the daily run has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache

import dagster as dg

from stack.settings import StackSettings, load_settings

PARTITION_TAG = "dagster/partition"
FIRST_TAG = "dagster/asset_partition_range_start"
LAST_TAG = "dagster/asset_partition_range_end"
# A backfill of 365 days is 13 runs, queued like others; a run whose tags name a range is one run
# however long the range is.
BACKFILL_POLICY = dg.BackfillPolicy.multi_run(max_partitions_per_run=30)


@dataclass(frozen=True)
class Days:
    """Days from `first` to `last`, both included."""

    first: date
    last: date

    def __str__(self) -> str:
        return f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"


@cache
def daily_partitions() -> dg.DailyPartitionsDefinition:
    """A partition a day in UTC, from PARTITIONS_START to today."""
    start = load_settings(StackSettings).partitions_start
    return dg.DailyPartitionsDefinition(start.isoformat(), timezone="UTC", end_offset=1)


def days_of(tags: Mapping[str, str]) -> Days | None:
    """The days that a run rebuilds; None if it has no partition and loads whatever is new."""
    first = tags.get(PARTITION_TAG) or tags.get(FIRST_TAG)
    last = tags.get(PARTITION_TAG) or tags.get(LAST_TAG)
    if not first or not last:
        return None
    days = Days(date.fromisoformat(first), date.fromisoformat(last))
    if days.first > days.last:
        raise ValueError(f"a backfill from {first} to {last}: the first day is after the last")
    return days


def range_tags(days: Days) -> dict[str, str]:
    """Tags of one run over these days."""
    return {FIRST_TAG: days.first.isoformat(), LAST_TAG: days.last.isoformat()}
