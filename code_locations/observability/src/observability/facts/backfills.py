"""Backfills that are requested or under way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from observability.facts.model import BackfillFact
from stack.run_storage import moment, runs_of

if TYPE_CHECKING:
    from dagster._core.execution.backfill import PartitionBackfill

AT_MOST = 50
_FAILED = {"FAILURE", "CANCELED"}


def backfills_of(instance: dg.DagsterInstance) -> tuple[BackfillFact, ...]:
    """Their partitions; a backfill of assets counts those of each asset."""
    from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus

    open_ = [BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING]
    found = instance.run_storage.get_backfills(BulkActionsFilter(statuses=open_), limit=AT_MOST)
    return tuple(_fact(instance, backfill) for backfill in found)


def _fact(instance: dg.DagsterInstance, backfill: PartitionBackfill) -> BackfillFact:
    begun = moment(backfill.backfill_timestamp)
    assert begun is not None  # noqa: S101 - each has one
    data: Any = backfill.asset_backfill_data
    if data is not None:
        wanted = data.target_subset.num_partitions_and_non_partitioned_assets
        done = data.materialized_subset.num_partitions_and_non_partitioned_assets
        failed = data.failed_and_downstream_subset.num_partitions_and_non_partitioned_assets
    else:
        wanted = len(backfill.partition_names or ())
        done, failed = _of_runs(instance, backfill.backfill_id)
    return BackfillFact(
        backfill.backfill_id, backfill.status.value.lower(), wanted, done, failed, begun
    )


def _of_runs(instance: dg.DagsterInstance, backfill_id: str) -> tuple[int, int]:
    """The numbers of its runs that succeeded, and that didn't."""
    import sqlalchemy as sa
    from dagster._core.storage.runs.schema import RunsTable

    runs = RunsTable.c
    query = (
        sa.select(runs.status, sa.func.count())
        .where(runs.backfill_id == backfill_id)
        .group_by(runs.status)
    )
    with runs_of(instance) as connection:
        counts = {row[0]: row[1] for row in connection.execute(query)}
    return counts.get("SUCCESS", 0), sum(counts.get(status, 0) for status in _FAILED)
