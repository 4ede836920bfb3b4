"""Parquet files on their way into a raw table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from stack.raw import RawTable
from stack.sql import identifier, identifiers, literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


NEWEST_BY = "updated_at"
"""The column that says which of two versions of a row is the later one."""


# Columns that dlt adds to rows that it creates itself.
ROW_ID, LOAD_ID = "_dlt_id", "_dlt_load_id"


@dataclass(frozen=True)
class TableFile:
    """A local Parquet file of `rows` rows whose columns are among the table's, or extend them.

    Files of one table are loaded in the given order; it only matters for rows with the same key and
    the same `updated_at`. Rows of a table without a primary key are appended. With `replace`, the
    table has only the files' rows afterwards. `keys_checked`: the caller knows that no key is empty
    or repeated in the file. `types` are those that columns are to get, where the table or the file
    has another. Rows of a `marked` file are gone from the source: they count as removed, not
    loaded.
    """

    table: RawTable
    path: Path
    rows: int
    replace: bool = False
    keys_checked: bool = False
    types: Mapping[str, str] = field(default_factory=dict)
    marked: bool = False


def parquet_columns(connection: DuckDBPyConnection, path: Path) -> dict[str, str]:
    """Columns of a Parquet file in their order, with DuckDB's types in upper case."""
    rows = connection.execute("describe from read_parquet(?)", [str(path)]).fetchall()
    return {name: data_type for name, data_type, *_ in rows}


def conform(
    connection: DuckDBPyConnection,
    path: Path,
    columns: Mapping[str, str],
    target: Path,
) -> Path:
    """`path` if dlt can import it as is as a file of these columns, else a copy that it can.

    dlt imports a Parquet file as is only if names, order, types and nullability match its schema;
    otherwise it rewrites each row group in Python, 3 to 8 times slower than this copy. Columns that
    the file lacks become null.
    """
    import pyarrow.parquet as pq

    found = parquet_columns(connection, path)
    nullable = all(field.nullable for field in pq.read_schema(path))
    columns = {name: _in_file(type_) for name, type_ in columns.items()}
    if list(found.items()) == list(columns.items()) and nullable:
        return path
    selected = ", ".join(
        f"cast({identifier(name) if name in found else 'null'} as {type_}) as {identifier(name)}"
        for name, type_ in columns.items()
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    connection.execute(
        f"copy (select {selected} from read_parquet({literal(path)})) "
        f"to {literal(target)} (format parquet)"
    )
    return target


def _in_file(column_type: str) -> str:
    """JSON travels as text: dlt doesn't know the type that DuckDB gives it in Parquet."""
    return "VARCHAR" if column_type == "JSON" else column_type


def keys_unique(
    connection: DuckDBPyConnection, paths: Sequence[Path], primary_key: Sequence[str]
) -> bool:
    """Whether no key is null or repeated in the files together.

    Exports are mostly sorted by their key; a streaming pass proves that in a fifth of the time that
    a hash table takes.
    """
    files = [str(path) for path in paths]
    null = " or ".join(f"{identifier(name)} is null" for name in primary_key)
    keys = identifiers(primary_key)
    key = keys if len(primary_key) == 1 else f"({keys})"
    unordered = connection.execute(
        f"select 1 from (select {null} as missing, {key} > lag({key}) over () as after "
        "from read_parquet(?)) where missing or not after limit 1",
        [files],
    ).fetchone()
    if unordered is None:
        return True
    double = connection.execute(
        f"select 1 from read_parquet(?) group by {keys} having count(*) > 1 or bool_or({null}) "
        "limit 1",
        [files],
    ).fetchone()
    return double is None


def write_newest_rows(
    connection: DuckDBPyConnection, paths: Sequence[Path], primary_key: Sequence[str], target: Path
) -> dict[Path, int]:
    """Write one row per key to `target`, not one of `paths`; return the rows kept of each.

    The row with the latest `updated_at` is kept; if there are several, the last one of the last
    file.
    """
    keys = identifiers(primary_key)
    newest = f"{identifier(NEWEST_BY)} desc nulls last, "
    if any(NEWEST_BY not in parquet_columns(connection, path) for path in paths):
        newest = ""
    files = ", ".join(literal(path) for path in paths)
    target.parent.mkdir(parents=True, exist_ok=True)
    connection.execute(
        "create or replace temp table newest_rows as select * exclude (file_row_number) "
        f"from read_parquet([{files}], filename = '_source', file_row_number = true) "
        f"qualify row_number() over (partition by {keys} order by {newest}"
        f"list_position([{files}], _source) desc, file_row_number desc) = 1"
    )
    counts = connection.execute("select _source, count(*) from newest_rows group by all").fetchall()
    connection.execute(
        f"copy (select * exclude (_source) from newest_rows order by {keys}) "
        f"to {literal(target)} (format parquet)"
    )
    connection.execute("drop table newest_rows")
    kept = {str(name): int(rows) for name, rows in counts}
    return {path: kept.get(str(path), 0) for path in paths}
