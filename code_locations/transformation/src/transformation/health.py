"""Health of the warehouse."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from stack.monitoring import Health, HealthCheck, State
from stack.pipelines import MONITORING
from stack.settings import WarehouseSettings, load_settings
from stack.sql import identifier
from stack.warehouse import WarehouseBusyError, WarehouseError, connect
from stack.warehouse.connection import is_postgres
from stack.warehouse.pool import WAREHOUSE_POOL

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_USING = [
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def probe_warehouse(instance: dg.DagsterInstance) -> Health:
    """The warehouse's health; never locks a file that a run is using."""
    return warehouse_health(load_settings(WarehouseSettings), runs_using_warehouse(instance))


def warehouse_health(settings: WarehouseSettings, used_by: list[str]) -> Health:
    """Whether the warehouse opens and reads; `used_by` names the runs that use it now.

    A DuckDB file that a run uses is left alone: whoever opens it, even to read, locks it, and
    the run would fail at its next step.
    """
    where = described(settings)
    if (file := _file(settings)) and not file.exists():
        return Health(State.DEGRADED, f"{where} is not there yet: the first load makes it")
    if used_by and settings.dlt_destination == "duckdb":
        return Health(State.OK, f"{where} is in use by {', '.join(used_by)}")
    try:
        with connect(settings, read_only=True, longest_wait_s=0) as connection:
            tables = _read(connection, settings)
    except WarehouseBusyError as error:
        return Health(State.DEGRADED, f"no run of the stack, but: {error}")
    except WarehouseError as error:
        # While a run writes, a lake whose catalog is a file may be locked for some seconds.
        state = State.DEGRADED if used_by and file else State.DOWN
        return Health(state, str(error))
    return Health(State.OK, f"{where} opens, {tables} tables and views")


def described(settings: WarehouseSettings) -> str:
    """The warehouse in words, without the catalog's password."""
    if settings.dlt_destination == "duckdb":
        return str(settings.duckdb_file)
    catalog = "Postgres" if is_postgres(settings) else settings.lake_catalog
    return f"DuckLake (catalog {catalog}, data {settings.lake_data})"


def runs_using_warehouse(instance: dg.DagsterInstance) -> list[str]:
    """Runs in progress that take the warehouse's pool, as `job (run id)`."""
    runs = instance.get_runs(dg.RunsFilter(statuses=_USING))
    return [
        f"{run.job_name} ({run.run_id[:8]})"
        for run in runs
        if run.job_name != MONITORING.name
        and run.run_op_concurrency
        and WAREHOUSE_POOL in (run.run_op_concurrency.all_pools or ())
    ]


def _file(settings: WarehouseSettings) -> Path | None:
    """The local file that the warehouse can't be without; None if it is on a server."""
    if settings.dlt_destination == "duckdb":
        return settings.duckdb_file
    return None if is_postgres(settings) else Path(settings.lake_catalog)


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
    """A row of the smallest table that has data files, or the folder where there are none."""
    smallest = connection.execute(
        "select table_name from ducklake_table_info(?) where file_count > 0 "
        "order by file_size_bytes limit 1",
        [settings.database],
    ).fetchone()
    if smallest is None:
        pattern = f"{settings.lake_data.rstrip('/')}/*"
        connection.execute("select count(*) from glob(?)", [pattern]).fetchall()
        return
    # The lake tells the table's name only; one of another schema may have it too.
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
