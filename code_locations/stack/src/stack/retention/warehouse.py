"""Clears the warehouse: a DuckLake's old snapshots and small files, or the DuckDB file's log.

A DuckLake only adds: each commit is a snapshot with its own files. Snapshots older than some days
are expired (DuckLake always keeps the newest), small files are merged, and files that no snapshot
refers to are deleted once nobody can still be reading them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from stack.retention.files import found_below
from stack.retention.policy import before
from stack.retention.report import Cleared, Clock
from stack.settings import WarehouseSettings
from stack.sql import literal
from stack.storage import filesystem
from stack.warehouse import connect
from stack.warehouse.connection import is_postgres
from stack.warehouse.size import duckdb_bytes

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# A query that began before its files expired may read them for this long, whoever runs it.
READERS = timedelta(days=1)

Alone = Callable[[], bool]


def clear_warehouse(
    settings: WarehouseSettings, days: int, clock: Clock, alone: Alone, *, dry_run: bool
) -> Cleared:
    """Expire snapshots that are `days` old and compact the warehouse, without changing any row.

    `alone`: whether no other run is in progress now. Waits for a DuckDB file as any writer does.
    """
    cleared = Cleared("warehouse", dry_run, before=_size(settings))
    with cleared.each(settings.database):
        if settings.dlt_destination == "ducklake":
            _clear_lake(settings, days, clock, alone, cleared)
        elif settings.duckdb_file.exists() and not dry_run:
            with connect(settings) as connection:
                connection.execute("checkpoint")
    with cleared.each(f"size of {settings.database}"):
        cleared.after = _size(settings)
    return cleared


def _size(settings: WarehouseSettings) -> int:
    if settings.dlt_destination == "ducklake":
        return sum(file.size for file in found_below(*filesystem(settings.lake_data)))
    return duckdb_bytes(settings.duckdb_file)


def _clear_lake(
    settings: WarehouseSettings, days: int, clock: Clock, alone: Alone, cleared: Cleared
) -> None:
    # A catalog in SQLite takes only one writer at a time: a run's commit would fail beside ours.
    if not is_postgres(settings) and not cleared.is_dry and not alone():
        cleared.note = "left for the next time: another run is in progress"
        return
    with connect(settings, read_only=cleared.is_dry) as lake:
        expired = _old_snapshots(lake, clock, days)
        if not cleared.is_dry and expired:
            versions = ", ".join(map(str, expired))
            lake.execute(f"call ducklake_expire_snapshots('warehouse', versions => [{versions}])")
        unread = clock.at_most(clock.now - READERS)
        cleared.deleted = _clean_up(lake, unread, dry_run=cleared.is_dry)
        merged, left = (0, 0) if cleared.is_dry else _merge(lake, alone, cleared)
    told = "would be forgotten" if cleared.is_dry else "forgotten"
    cleared.note = f"{len(expired):,} snapshots {told}, {merged:,} files made from smaller ones"
    if left:
        cleared.note += f"; {left:,} tables left for the next time: another run is in progress"


def _old_snapshots(lake: DuckDBPyConnection, clock: Clock, days: int) -> list[int]:
    days_ago = before(clock.now, days)
    if days_ago is None:
        return []
    found = lake.execute(
        "with s as (from ducklake_snapshots('warehouse')) select snapshot_id from s "
        "where snapshot_time < ? and snapshot_id < (select max(snapshot_id) from s) order by 1",
        [clock.at_most(days_ago)],
    ).fetchall()
    return [row[0] for row in found]


def _clean_up(lake: DuckDBPyConnection, unread: datetime, *, dry_run: bool) -> int:
    options = f"older_than => {literal(unread.isoformat())}::timestamptz, dry_run => {dry_run}"
    return len(lake.execute(f"call ducklake_cleanup_old_files('warehouse', {options})").fetchall())


def _merge(lake: DuckDBPyConnection, alone: Alone, cleared: Cleared) -> tuple[int, int]:
    """Merge adjacent small files, table by table; return files made and tables left out.

    A transaction that deletes from a table fails if the table was merged since it began. So
    nothing is merged beside a run, and a merge is committed only if no run started meanwhile: one
    that starts after that check opens the warehouse after the commit.
    """
    tables = lake.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = 'warehouse' "
        "order by all"
    ).fetchall()
    made = left = 0
    for schema, name in tables:
        of_table = f"'warehouse', {literal(name)}, schema => {literal(schema)}"
        if len(lake.execute(f"from ducklake_list_files({of_table})").fetchmany(2)) < 2:
            continue
        if not alone():
            left += 1
            continue
        with cleared.each(f"{schema}.{name}"):
            lake.execute("begin")
            try:
                files = lake.execute(f"call ducklake_merge_adjacent_files({of_table})").fetchall()
                is_alone = alone()
                lake.execute("commit" if is_alone else "rollback")
            except Exception:
                lake.execute("rollback")
                raise
            made, left = (made + len(files), left) if is_alone else (made, left + 1)
    return made, left
