"""Turns what was read of a table into one Parquet file that fits its raw table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.files.conform import Conformed, Destination, Remembered, conform, names_for
from ingestion.files.errors import UnreadableFileError
from ingestion.files.names import column_name
from ingestion.files.parquet import conform_parquet
from ingestion.files.records import write_rows
from ingestion.loading import TableFile
from ingestion.loading.files import LOAD_ID, ROW_ID
from ingestion.loading.widening import decimal_type
from ingestion.sources.reading import Items
from stack.raw import Column, RawTable
from stack.sql import identifier, literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from ingestion.sources.sql import SqlTableFound

# A number as databases write it, of the kind that a decimal can hold.
_NUMERAL = r"-?\d+(\.\d+)?"


@dataclass(frozen=True)
class Goal:
    """The raw table and what it has: columns with their types, and the field of each.

    The primary key names fields, as declared. Files are written to `folder`. `has_rows` is used
    only for full exports.
    """

    table: RawTable
    columns: Mapping[str, str]
    remembered: Mapping[str, Remembered]
    folder: Path
    has_rows: bool = False

    def path(self, kind: str) -> Path:
        """The path of a file of this table."""
        return self.folder / f"{self.table.name}.{kind}.parquet"

    def destination(self, announced: Mapping[str, str] | None = None) -> Destination:
        """The destination of rows in which each field has its own column."""
        return Destination(
            self.table.model_copy(update={"primary_key": ()}),
            _without_ids(self.columns),
            self.path("table"),
            self.remembered,
            apart=True,
            announced=announced or {},
        )


@dataclass(frozen=True)
class Staged:
    """Rows ready to be loaded, and what to remember about their columns."""

    file: TableFile
    remembered: dict[str, Remembered]

    @property
    def rows(self) -> int:
        """Rows in the file."""
        return self.file.rows


def stage_rows(
    connection: DuckDBPyConnection, items: Items, goal: Goal, found: SqlTableFound | None = None
) -> Staged:
    """Stage rows that come as dicts: each column gets the type that all its values prove.

    Raises UnreadableFileError.
    """
    names = found.names if found else ()
    rows = ((n, _as_row(item, found)) for n, item in enumerate(items, 1))
    records = write_rows(rows, goal.path("rows"), unit="row", names=names)
    if not records.names:
        known = [memory.header for memory in goal.remembered.values()] or [*goal.columns]
        known = known or [*goal.table.primary_key] or [LOAD_ID]
        records = write_rows((), goal.path("none"), unit="row", names=known)
    records = replace(records, blank_is_null=False)
    destination = goal.destination(found.types if found else None)
    columns = _names(records.names, destination)
    conformed = conform(connection, records, destination)
    return _staged(connection, conformed, goal, columns, conformed.remembered)


def stage_arrow(
    connection: DuckDBPyConnection, items: Items, goal: Goal, found: SqlTableFound
) -> Staged | None:
    """Stage Arrow tables, which have the database's types; None if all was there before."""
    path = _write_arrow(items, goal.path("arrow"))
    if path is None:
        return None
    path = _with_numbers(connection, path, found.numerals, goal.path("numbers"))
    destination = goal.destination()
    names = _names(found.names, destination)
    remembered = {name: Remembered(header, "typed") for header, name in names.items()}
    conformed, _ = conform_parquet(connection, path, replace(destination, remembered=remembered))
    for header in found.json:
        name = names[header]
        if destination.columns.get(name, "JSON") == "JSON":
            conformed.widened.pop(name, None)
        if name in conformed.new_columns:
            conformed.new_columns[name] = "JSON"
    return _staged(connection, conformed, goal, names, remembered)


def _names(headers: Sequence[str], destination: Destination) -> dict[str, str]:
    """The column of each header."""
    places = names_for(headers, destination)
    return {header: places[n] for n, header in enumerate(headers)}


def _as_row(item: Any, found: SqlTableFound | None) -> dict[str, Any]:
    if found is not None:
        return {name: found.value(name, value) for name, value in item.items()}
    row = item if isinstance(item, dict) else {"value": item}
    return {_name(name): value for name, value in row.items()}


def _name(field: str) -> str:
    """A field's name as text, with lone surrogates escaped."""
    return field if field.isascii() else field.encode(errors="backslashreplace").decode()


def _without_ids(columns: Mapping[str, str]) -> dict[str, str]:
    """Without the columns that dlt added to tables it once created itself."""
    return {name: type_ for name, type_ in columns.items() if name not in (ROW_ID, LOAD_ID)}


def _write_arrow(items: Items, path: Path) -> Path | None:
    import pyarrow.parquet as pq

    writer = None
    try:
        for item in items:
            writer = writer or pq.ParquetWriter(path, item.schema, compression="lz4")
            writer.write_table(item)
    finally:
        if writer is not None:
            writer.close()
    return path if writer else None


def _with_numbers(
    connection: DuckDBPyConnection, path: Path, numerals: frozenset[str], target: Path
) -> Path:
    """Convert columns of numbers that came as text to decimals that have room for all of them."""
    casts = []
    for name in sorted(numerals):
        text = identifier(name)
        plain = f"ltrim({text}, '-')"
        counted = connection.execute(
            f"select coalesce(bool_and(regexp_full_match({text}, {literal(_NUMERAL)})), false), "
            f"max(length(split_part({plain}, '.', 1))), max(length(split_part({plain}, '.', 2))) "
            f"from read_parquet({literal(path)})"
        ).fetchone()
        numbers, whole, scale = counted or (False, 0, 0)
        type_ = decimal_type(whole, scale) if numbers else "VARCHAR"
        if type_ != "VARCHAR":
            casts.append(f"cast({text} as {type_}) as {text}")
    if not casts:
        return path
    connection.execute(
        f"copy (select * replace ({', '.join(casts)}) from read_parquet({literal(path)})) "
        f"to {literal(target)} (format parquet)"
    )
    return target


def _staged(
    connection: DuckDBPyConnection,
    conformed: Conformed,
    goal: Goal,
    names: Mapping[str, str],
    remembered: dict[str, Remembered],
) -> Staged:
    key = tuple(names.get(field, column_name(field)) for field in goal.table.primary_key)
    path = _with_ids(connection, conformed.path, goal.columns)
    _require_keys(connection, path, key)
    types = {**goal.columns, **conformed.new_columns, **conformed.widened}
    columns = tuple(Column(name=name, type=type_.lower()) for name, type_ in types.items())
    raw = goal.table.model_copy(update={"columns": columns, "primary_key": key})
    file = TableFile(raw, path, _rows_of(path), types=types)
    return Staged(file, {**goal.remembered, **remembered})


def _with_ids(connection: DuckDBPyConnection, path: Path, present: Mapping[str, str]) -> Path:
    """Fill the columns that dlt added to tables it once created, which may not be null."""
    ids = [name for name in (ROW_ID, LOAD_ID) if name in present]
    if ROW_ID not in ids:
        return path
    target = path.with_suffix(".ids.parquet")
    made = ", ".join(f"cast(uuid() as varchar) as {identifier(name)}" for name in ids)
    connection.execute(
        f"copy (select *, {made} from read_parquet({literal(path)})) "
        f"to {literal(target)} (format parquet)"
    )
    return target


def _require_keys(connection: DuckDBPyConnection, path: Path, key: tuple[str, ...]) -> None:
    if not key:
        return
    found = {
        name
        for name, *_ in connection.execute("describe from read_parquet(?)", [str(path)]).fetchall()
    }
    if absent := [name for name in key if name not in found]:
        raise UnreadableFileError(
            f"its rows have no {', '.join(absent)}, the primary key; found are "
            f"{', '.join(sorted(found))}"
        )
    missing = " or ".join(f"{identifier(name)} is null" for name in key)
    empty, rows = connection.execute(
        f"select count(*) filter (where {missing}), count(*) from read_parquet({literal(path)})"
    ).fetchone() or (0, 0)
    if empty:
        raise UnreadableFileError(
            f"{empty:,} of {rows:,} rows have no {', '.join(key)}, the primary key; correct them "
            "at the source, or declare another key"
        )


def _rows_of(path: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(path).num_rows)
