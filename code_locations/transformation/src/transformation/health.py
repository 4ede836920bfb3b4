"""Health of the warehouse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from shutil import disk_usage
from typing import TYPE_CHECKING

import dagster as dg

from stack.monitoring import Health, HealthCheck, State
from stack.pipelines import MONITORING
from stack.settings import WarehouseSettings, load_settings
from stack.sql import identifier
from stack.warehouse import WarehouseBusyError, WarehouseError, connect
from stack.warehouse.connection import is_postgres
from stack.warehouse.pool import WAREHOUSE_POOL
from stack.warehouse.size import duckdb_bytes

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_USING = [
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def probe_warehouse(instance: dg.DagsterInstance) -> Health:
    """The warehouse's health; never locks a file that a run is using."""
    settings = load_settings(WarehouseSettings)
    found = warehouse_health(settings, runs_using_warehouse(instance))
    return replace(found, numbers={**_file_numbers(settings), **found.numbers})


def warehouse_health(settings: WarehouseSettings, used_by: list[str]) -> Health:
    """Whether the warehouse opens and reads; `used_by` names the runs that use it now.

    A DuckDB file in use by a run is left alone: opening it, even to read, locks it, and the run
    would fail at its next step.
    """
    where = described(settings)
    if (file := _file(settings)) and not file.exists():
        return Health(State.DEGRADED, f"{where} is not there yet: the first load makes it")
    if used_by and settings.dlt_destination == "duckdb":
        return Health(State.OK, f"{where} is in use by {', '.join(used_by)}")
    try:
        with connect(settings, read_only=True, longest_wait_s=0) as connection:
            tables = _read(connection, settings)
            numbers = {"tables": tables, **_lake_numbers(connection, settings)}
    except WarehouseBusyError as error:
        return Health(State.DEGRADED, f"no run of the stack, but: {error}")
    except WarehouseError as error:
        # While a run writes, a lake whose catalog is a file may be locked for some seconds.
        state = State.DEGRADED if used_by and file else State.DOWN
        return Health(state, str(error))
    return Health(State.OK, f"{where} opens, {tables} tables and views", numbers=numbers)


def described(settings: WarehouseSettings) -> str:
    """The warehouse in words, without the catalog's password."""
    if settings.dlt_destination == "duckdb":
        return str(settings.duckdb_file)
    catalog = "Postgres" if is_postgres(settings) else settings.lake_catalog
    return f"DuckLake (catalog {catalog}, data {settings.lake_data})"


def runs_using_warehouse(instance: dg.DagsterInstance) -> list[str]:
    """Runs in progress that occupy the warehouse's pool, as `job (run id)`."""
    runs = instance.get_runs(dg.RunsFilter(statuses=_USING))
    return [
        f"{run.job_name} ({run.run_id[:8]})"
        for run in runs
        if run.job_name != MONITORING.name
        and run.run_op_concurrency
        and WAREHOUSE_POOL in (run.run_op_concurrency.all_pools or ())
    ]


def _file(settings: WarehouseSettings) -> Path | None:
    """The local file that the warehouse depends on; None if it is on a server."""
    if settings.dlt_destination == "duckdb":
        return settings.duckdb_file
    return None if is_postgres(settings) else Path(settings.lake_catalog)


def _file_numbers(settings: WarehouseSettings) -> dict[str, float]:
    """Disk space of a local warehouse, without opening it."""
    numbers: dict[str, float] = {}
    file = _file(settings)
    if file and file.exists():
        numbers["disk_free_bytes"] = disk_usage(file.parent).free
        if settings.dlt_destination == "duckdb":
            numbers["size_bytes"] = duckdb_bytes(file)
    return numbers


def _lake_numbers(connection: DuckDBPyConnection, settings: WarehouseSettings) -> dict[str, float]:
    """Files and bytes of a DuckLake's current tables, according to its catalog."""
    if settings.dlt_destination != "ducklake":
        return {}
    files, size = connection.execute(
        "select coalesce(sum(file_count), 0), coalesce(sum(file_size_bytes), 0) "
        "from ducklake_table_info(?)",
        [settings.database],
    ).fetchall()[0]
    return {"files": float(files), "size_bytes": float(size)}


def _read(connection: DuckDBPyConnection, settings: WarehouseSettings) -> int:
    """Number of tables and views. Raises WarehouseError if the lake's data can't be read."""
    import duckdb

    tables = connection.execute(
        "select count(*) from information_schema.tables where table_catalog = ?",
        [settings.database],
    ).fetchall()[0][0]
    if settings.dlt_destination == "ducklake":
        try:
            _read_data(connection, settings)
        except duckdb.Error as error:
            raise WarehouseError(
                f"the DuckLake's catalog answers, but its data at {settings.lake_data} can't be "
                f"read ({type(error).__name__}); check the folder or bucket, and AWS_* for S3"
            ) from None
    return int(tables)


def _read_data(connection: DuckDBPyConnection, settings: WarehouseSettings) -> None:
    """Read a row of the smallest table with data files, or list the folder if there are none."""
    smallest = connection.execute(
        "select table_name from ducklake_table_info(?) where file_count > 0 "
        "order by file_size_bytes limit 1",
        [settings.database],
    ).fetchone()
    if smallest is None:
        pattern = f"{settings.lake_data.rstrip('/')}/*"
        connection.execute("select count(*) from glob(?)", [pattern]).fetchall()
        return
    # The lake returns only the table's name, which may exist in several schemas.
    schemas = connection.execute(
        "select schema_name from duckdb_tables() where database_name = ? and table_name = ?",
        [settings.database, smallest[0]],
    ).fetchall()
    for (schema,) in schemas:
        connection.execute(
            f"select * from {identifier(schema)}.{identifier(smallest[0])} limit 1"
        ).fetchall()


HEALTH = [
    HealthCheck(
        name="warehouse",
        description="The warehouse opens for reading; of a DuckLake, its catalog and its data.",
        probe=probe_warehouse,
        kinds=frozenset({"duckdb"}),
    )
]
