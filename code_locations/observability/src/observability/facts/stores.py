"""What grows: the warehouse, Dagster's run storage, the artifacts, and the disk below them.

With many files, a look takes long. A DuckDB file is never opened, as that would lock it; for a
DuckLake, the catalog is queried, which several processes can do at once.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import dagster as dg

from observability.facts.model import StoreFact
from stack.retention.files import folder_size
from stack.run_storage import runs_of
from stack.settings import StackSettings, WarehouseSettings
from stack.warehouse.connection import is_postgres
from stack.warehouse.size import duckdb_bytes

# Many files this small make a DuckLake slow; retention merges them.
SMALL_FILE_BYTES = 1_000_000
_CONNECT_S = 5


def stores_of(
    instance: dg.DagsterInstance, stack: StackSettings, warehouse: WarehouseSettings
) -> tuple[StoreFact, ...]:
    """Each store that exists. Raises what a store that is away raises."""
    return tuple(_found(instance, stack, warehouse))


def _found(
    instance: dg.DagsterInstance, stack: StackSettings, warehouse: WarehouseSettings
) -> Iterator[StoreFact]:
    if warehouse.dlt_destination == "ducklake":
        yield from _lake(warehouse)
    elif warehouse.duckdb_file.exists():
        file = warehouse.duckdb_file
        yield StoreFact("warehouse", duckdb_bytes(file), _free(file.parent))
    yield _run_storage(instance)
    if "://" not in stack.artifacts and (folder := Path(stack.artifacts)).is_dir():
        yield StoreFact("artifacts", folder_size(folder), _free(folder))
    if stack.stack_home.is_dir():
        usage = shutil.disk_usage(stack.stack_home)
        yield StoreFact("disk", usage.used, usage.free)


def _run_storage(instance: dg.DagsterInstance) -> StoreFact:
    import sqlalchemy as sa

    with runs_of(instance) as connection:
        if connection.dialect.name == "postgresql":
            query = sa.text("select pg_database_size(current_database())")
            return StoreFact("run_storage", int(connection.execute(query).scalar_one()))
    folder = Path(instance.root_directory)
    return StoreFact("run_storage", folder_size(folder), _free(folder))


def _lake(settings: WarehouseSettings) -> Iterator[StoreFact]:
    rows = _lake_on_postgres(settings) if is_postgres(settings) else _lake_on_sqlite(settings)
    if rows is None:
        return
    (size, files, small), (snapshots,) = rows
    local = "://" not in settings.lake_data and Path(settings.lake_data).is_dir()
    yield StoreFact(
        "warehouse",
        int(size or 0),
        _free(Path(settings.lake_data)) if local else None,
        {"files": int(files), "small_files": int(small or 0), "snapshots": int(snapshots)},
    )


def _queries(schema: str) -> tuple[str, str]:
    """Queries for the files of all snapshots, those of the current tables, and the snapshots."""
    return (
        f"select sum(file_size_bytes), count(*), sum(case when file_size_bytes < "
        f"{SMALL_FILE_BYTES} and end_snapshot is null then 1 else 0 end) "
        f"from {schema}ducklake_data_file",
        f"select count(*) from {schema}ducklake_snapshot",
    )


def _lake_on_postgres(settings: WarehouseSettings) -> list[Any] | None:
    import psycopg2

    url = settings.lake_catalog
    with closing(psycopg2.connect(url, connect_timeout=_CONNECT_S)) as connection:
        cursor = connection.cursor()
        cursor.execute("select to_regclass(%s)", (f"{settings.database}.ducklake_data_file",))
        if cursor.fetchone() == (None,):  # nothing was ever loaded
            return None
        found = []
        for query in _queries(f"{settings.database}."):
            cursor.execute(query)
            found.append(cursor.fetchone())
    return found


def _lake_on_sqlite(settings: WarehouseSettings) -> list[Any] | None:
    file = Path(settings.lake_catalog)
    if not file.exists():
        return None
    uri = f"{file.resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=_CONNECT_S)) as connection:
        return [connection.execute(query).fetchone() for query in _queries("")]


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free
