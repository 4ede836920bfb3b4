"""How new raw tables have to be, and what a load records about how new they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from ingestion.loaders import Loader
from stack.freshness import FreshnessPolicy
from stack.freshness.newest import column_of, freshness_metadata, newest_event, newest_of
from stack.load_report import LoadReport, TableReport
from stack.settings import WarehouseSettings

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def freshness_of(loaders: Iterable[Loader]) -> dict[dg.AssetKey, FreshnessPolicy]:
    """The policies of the tables that declare one."""
    return {
        dg.AssetKey(table.asset_path): table.freshness
        for loader in loaders
        for table in loader.tables()
        if table.freshness
    }


@dataclass(frozen=True)
class Newest:
    """The newest event of each table, read again only where the load may have changed it.

    `before`: what the previous load recorded about the others.
    """

    before: Mapping[dg.AssetKey, Mapping[str, Any]]

    @classmethod
    def since(cls, instance: dg.DagsterInstance, reports: Sequence[LoadReport]) -> Newest:
        """Makes one query, or none if no table has a policy on its newest event."""
        keys = [
            dg.AssetKey(done.table.asset_path)
            for report in reports
            for done in report.tables.values()
            if done.table.freshness and done.table.freshness.newest and not _is_changed(done)
        ]
        events = instance.get_latest_materialization_events(keys) if keys else {}
        return cls(
            {
                key: event.asset_materialization.metadata
                for key, event in events.items()
                if event and event.asset_materialization
            }
        )

    def metadata(
        self, connection: DuckDBPyConnection, settings: WarehouseSettings, done: TableReport
    ) -> dict[str, dg.MetadataValue[Any]]:
        """The table's policy and newest event, for its materialisation."""
        table, policy = done.table, done.table.freshness
        known = self.before.get(dg.AssetKey(table.asset_path), {})
        newest = newest_of(known)
        if policy and policy.newest and (newest is None or column_of(known) != policy.newest):
            schema = settings.dlt_dataset_name
            newest = newest_event(connection, settings, schema, table.table_name, policy.newest)
        return freshness_metadata(policy, newest)


def _is_changed(done: TableReport) -> bool:
    return bool(done.rows_loaded or done.rows_removed)
