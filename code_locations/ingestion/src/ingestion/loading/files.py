"""Parquet files on their way into a raw table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stack.raw import RawTable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class TableFile:
    """A local Parquet file of `rows` rows whose columns are among the table's, or extend them.

    Files of one table are loaded in the order given; it only matters for rows with the same
    key and the same `updated_at`. Rows of a table without a primary key are appended. Where
    a file says `replace`, the table holds the files' rows and no others afterwards.
    """

    table: RawTable
    path: Path
    rows: int
    replace: bool = False


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
    """`path` if dlt can import it untouched as a file of these columns, else a copy that it can.

    dlt imports a Parquet file as it is only when names, order, types and nullability are
    those of its schema, and rewrites it row group by row group in Python otherwise: 3 to 8
    times slower than this copy. Columns that the file lacks become null.
    """
    import pyarrow.parquet as pq

    found = parquet_columns(connection, path)
    nullable = all(field.nullable for field in pq.read_schema(path))
    columns = {name: _in_file(type_) for name, type_ in columns.items()}
    if list(found.items()) == list(columns.items()) and nullable:
        return path
    selected = ", ".join(
        f"cast({_quoted(name) if name in found else 'null'} as {type_}) as {_quoted(name)}"
        for name, type_ in columns.items()
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    source = str(path).replace("'", "''")
    destination = str(target).replace("'", "''")
    connection.execute(
        f"copy (select {selected} from read_parquet('{source}')) "
        f"to '{destination}' (format parquet)"
    )
    return target


def _in_file(column_type: str) -> str:
    """JSON travels as text: dlt doesn't know the type that DuckDB gives it in Parquet."""
    return "VARCHAR" if column_type == "JSON" else column_type


def keys_unique(
    connection: DuckDBPyConnection, paths: Sequence[Path], primary_key: Sequence[str]
) -> bool:
    """Whether no key is null or occurs twice in the files together.

    Exports are mostly sorted by their key, and a streaming pass proves those in a fifth of
    the time of a hash table.
    """
    files = [str(path) for path in paths]
    row = "(" + ", ".join(_quoted(name) for name in primary_key) + ")"
    null = " or ".join(f"{_quoted(name)} is null" for name in primary_key)
    key = _quoted(primary_key[0]) if len(primary_key) == 1 else row
    unordered = connection.execute(
        f"select 1 from (select {null} as missing, {key} > lag({key}) over () as after "
        "from read_parquet(?)) where missing or not after limit 1",
        [files],
    ).fetchone()
    if unordered is None:
        return True
    double = connection.execute(
        f"select 1 from read_parquet(?) group by {key} having count(*) > 1 or bool_or({null}) "
        "limit 1",
        [files],
    ).fetchone()
    return double is None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
