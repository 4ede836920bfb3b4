"""Rebuilds days of a raw table: replaces their rows with those of files, in one transaction."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion.loading.files import conform, write_newest_rows
from stack.load_report import TableReport
from stack.partitions import Days
from stack.raw import RawTable
from stack.settings import StackSettings, WarehouseSettings, load_settings
from stack.warehouse import columns_of, connect, count_rows, ensure_raw_tables, row_count

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def replace_days(table: RawTable, paths: Sequence[Path], days: Days) -> TableReport:
    """Replace the table's rows of `days` with the files' newest ones.

    `paths` are Parquet files of the whole table, later ones last; `table` has an event date and a
    primary key. Rows of these days that the files lack are deleted; rows of other days stay, except
    one that moved into `days`. It is all or nothing, and repeating it changes nothing.
    """
    started = time.perf_counter()
    warehouse = load_settings(WarehouseSettings)
    scratch = load_settings(StackSettings).scratch
    scratch.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="days-", dir=scratch) as folder,
        connect(warehouse) as connection,
    ):
        ensure_raw_tables(connection, warehouse, [table])
        schema = warehouse.dlt_dataset_name
        columns = columns_of(connection, warehouse, schema, table.table_name)
        files = [
            conform(connection, path, columns, Path(folder) / f"{n}.parquet")
            for n, path in enumerate(paths)
        ]
        newest = Path(folder) / "newest.parquet"
        write_newest_rows(connection, files, table.primary_key, newest)
        names = ", ".join(f'"{name}"' for name in columns)
        connection.execute(
            f"create temp table rebuilt as select {names} from read_parquet(?) "
            f"where {_day(table)} between ? and ?",
            [str(newest), days.first, days.last],
        )
        _replace(connection, f'"{schema}"."{table.table_name}"', table, days, names)
        rows = count_rows(connection, "rebuilt")
        total = row_count(connection, schema, table.table_name)
    seconds = time.perf_counter() - started
    return TableReport(
        table=table,
        rows_total=total,
        rows_loaded=rows,
        disposition="days",
        seconds=round(seconds, 3),
    )


def _replace(
    connection: DuckDBPyConnection, target: str, table: RawTable, days: Days, names: str
) -> None:
    """Put the rows of the temporary table `rebuilt` into their days of `target`."""
    same_key = " and ".join(f't."{key}" = s."{key}"' for key in table.primary_key)
    connection.execute("begin transaction")
    try:
        connection.execute(
            f"delete from {target} where {_day(table)} between ? and ?", [days.first, days.last]
        )
        connection.execute(
            f"delete from {target} as t where exists (select 1 from rebuilt as s where {same_key})"
        )
        connection.execute(f"insert into {target} ({names}) select {names} from rebuilt")
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise


def _day(table: RawTable) -> str:
    """SQL of a row's day, in UTC."""
    return f'cast("{table.event_date}" as date)'
