"""Tables as described by their last materialisation, and the other assets of the stack.

Dagster keeps each asset's newest materialisation in one row, with samples and lineage; it is parsed
only if it has changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import dagster as dg

from observability.facts.held import HeldReader
from observability.facts.model import TableFact
from observability.facts.rows import events_of, rows_of
from stack.freshness import FreshnessPolicy, Seen, judge
from stack.freshness.newest import newest_of, policy_of
from stack.load_report import LoadReport
from stack.raw import raw_tables
from stack.run_storage import moment

HEALTH = "health"
# Owns what has no owner of its own: the dbt project's and the stages'.
OWNER = "team:analytics"


@dataclass(frozen=True)
class Materialised:
    """An asset's last materialisation: its metadata's plain values, and when it last held."""

    path: tuple[str, ...]
    run_id: str
    at: datetime
    values: Mapping[str, Any]
    held: datetime | None = None
    policy: FreshnessPolicy | None = None
    newest: datetime | None = None


class AssetReader:
    """Reads the last materialisation of each asset."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Any, Materialised]] = {}
        self._held = HeldReader()

    def read(self, instance: dg.DagsterInstance) -> tuple[Materialised, ...]:
        """All assets that were materialised and not wiped since, by path."""
        import sqlalchemy as sa
        from dagster._core.storage.event_log.schema import AssetKeyTable

        assets = AssetKeyTable.c
        touched = assets.last_materialization_timestamp
        versions = sa.select(assets.asset_key, touched, assets.last_run_id).where(
            assets.last_materialization.is_not(None),
            sa.or_(assets.wipe_timestamp.is_(None), touched > assets.wipe_timestamp),
        )
        with events_of(instance) as connection:
            current = {row[0]: (row[1], row[2]) for row in connection.execute(versions)}
            changed = [
                key
                for key, version in current.items()
                if key not in self._known or self._known[key][0] != version
            ]
            query = sa.select(assets.asset_key, assets.last_materialization)
            rows = rows_of(connection, query, assets.asset_key, changed)
            held = self._held.read(connection, current)
        self._known = {key: known for key, known in self._known.items() if key in current}
        for key, body in rows:
            read = _materialised(key, body)
            if read is not None:
                self._known[key] = current[key], read
        return tuple(
            replace(self._known[key][1], held=held.get(key)) for key in sorted(self._known)
        )


def tables_of(
    assets: tuple[Materialised, ...], reports: Mapping[str, LoadReport], at: datetime
) -> tuple[TableFact, ...]:
    """The tables among the assets, with the loaders' latest reports, and how fresh they are."""
    accounted = _accounted(reports)
    owners = owners_of(reports)
    return tuple(
        _fact(asset, accounted.get(asset.path), owners.get(asset.path, (OWNER,)), at)
        for asset in assets
        if len(asset.path) > 1 and asset.path[0] != HEALTH
    )


def _fact(
    asset: Materialised, accounted: bool | None, owners: tuple[str, ...], at: datetime
) -> TableFact:
    verdict = judge(asset.policy, Seen(asset.at, asset.held, asset.newest), at)
    return TableFact(
        path=asset.path,
        run_id=asset.run_id,
        materialised=asset.at,
        rows=_whole(asset.values.get("dagster/row_count")),
        bytes=_whole(asset.values.get("bytes_read")),
        rows_set_aside=_whole(asset.values.get("set_aside")),
        accounted_for=accounted,
        newest_event=asset.newest,
        held_since=asset.held if asset.held and asset.held > asset.at else None,
        freshness=verdict.freshness,
        stale_since=verdict.since,
        policy=asset.policy.in_words if asset.policy else "",
        owners=owners,
        rows_loaded=_whole(asset.values.get("rows_loaded")),
        freshness_reason=verdict.sentence,
    )


def owners_of(reports: Mapping[str, LoadReport]) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Owners of the raw tables, as declared or reported, by the asset's path."""
    tables = [table.table for report in reports.values() for table in report.tables.values()]
    return {tuple(table.asset_path): (table.owner,) for table in (*tables, *raw_tables())}


def _accounted(reports: Mapping[str, LoadReport]) -> dict[tuple[str, ...], bool]:
    found = {}
    for report in reports.values():
        for name, table in report.tables.items():
            inputs = report.of_table(name)
            found[tuple(table.table.asset_path)] = not table.missing and not any(
                one.missing or one.breaks for one in inputs
            )
    return found


def _materialised(key: str, body: str) -> Materialised | None:
    from dagster._serdes import deserialize_value

    path = dg.AssetKey.from_db_string(key)
    record = deserialize_value(body)
    entry = record.event_log_entry if isinstance(record, dg.EventLogRecord) else record
    if path is None or not isinstance(entry, dg.EventLogEntry):
        return None
    told = entry.asset_materialization
    at = moment(entry.timestamp)
    if told is None or at is None:
        return None
    values = {
        name: value.value
        for name, value in told.metadata.items()
        if isinstance(value.value, int | float | str) and len(str(value.value)) < 200
    }
    return Materialised(
        path=tuple(path.path),
        run_id=entry.run_id,
        at=at,
        values=values,
        policy=policy_of(told.metadata),
        newest=newest_of(told.metadata),
    )


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
