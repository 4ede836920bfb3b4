"""Takes a file's bytes through the reader, into rows that a test can look at."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from ingestion.files.conform import Destination, Remembered
from ingestion.files.reading import Parsed, parse
from ingestion.files.rules import ReadingRules
from stack.raw import RawTable
from stack.sql import identifier


class Table(NamedTuple):
    """What a file became: its rows, their types, and how it was read."""

    rows: list[tuple[Any, ...]]
    types: list[str]
    parsed: Parsed


def connected() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("set TimeZone = 'UTC'")
    return connection


def read(
    connection: duckdb.DuckDBPyConnection, folder: Path, content: bytes, **rules: Any
) -> Table:
    """The table that a file with this content becomes. Raises UnreadableFileError."""
    # DuckDB may use its cache for a path that is rewritten quickly.
    folder = Path(tempfile.mkdtemp(dir=folder))
    file = folder / "file.csv"
    file.write_bytes(content)
    table = RawTable(source="files", name="file")
    destination = Destination(table, {}, folder / "out.parquet", rules=ReadingRules(**rules))
    parsed = parse(connection, file, destination)
    found = connection.execute(f"select * from read_parquet('{parsed.path}')")
    types = [str(column[1]) for column in found.description or ()]
    return Table(found.fetchall(), types, parsed)


def read_in_turn(
    connection: duckdb.DuckDBPyConnection, folder: Path, contents: Sequence[bytes]
) -> list[tuple[Any, ...]]:
    """The rows of a table after files come to it one by one, in its final types.

    Raises UnreadableFileError.
    """
    table = RawTable(source="files", name="file")
    columns, remembered, paths = dict[str, str](), dict[str, Remembered](), []
    for content in contents:
        place = Path(tempfile.mkdtemp(dir=folder))
        (place / "file.csv").write_bytes(content)
        destination = Destination(table, columns, place / "out.parquet", remembered)
        parsed = parse(connection, place / "file.csv", destination)
        columns |= {**parsed.new_columns, **parsed.widened}
        remembered |= parsed.remembered
        paths.append(str(parsed.path))
    connection.execute("create or replace temp table turn as select 0 as file")
    for name, type_ in columns.items():
        connection.execute(f"alter table turn add column {identifier(name)} {type_}")
    for number, path in enumerate(paths):
        connection.execute(
            f"insert into turn by name select {number + 1} as file, * from read_parquet('{path}')"
        )
    names = ", ".join(map(identifier, columns))
    return connection.execute(f"select {names} from turn where file > 0 order by file").fetchall()


def accounted(parsed: Parsed) -> bool:
    """Whether all records are loaded, merged away or set aside."""
    return parsed.records == parsed.rows + parsed.duplicates + len(parsed.aside)
