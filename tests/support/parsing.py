"""A file's bytes through the reader, into rows that a test can look at."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from ingestion.files.conform import Destination
from ingestion.files.reading import Parsed, parse
from ingestion.files.rules import ReadingRules
from stack.raw import RawTable


class Table(NamedTuple):
    """What became of a file: its rows, their types, and how it was read."""

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
    """The table that a file of this content becomes. Raises UnreadableFileError."""
    # Of a path that is written anew at once DuckDB may read what it has in its cache.
    folder = Path(tempfile.mkdtemp(dir=folder))
    file = folder / "file.csv"
    file.write_bytes(content)
    table = RawTable(source="files", name="file")
    destination = Destination(table, {}, folder / "out.parquet", rules=ReadingRules(**rules))
    parsed = parse(connection, file, destination)
    found = connection.execute(f"select * from read_parquet('{parsed.path}')")
    types = [str(column[1]) for column in found.description or ()]
    return Table(found.fetchall(), types, parsed)


def accounted(parsed: Parsed) -> bool:
    """Records in = rows loaded, merged away, and set aside."""
    return parsed.records == parsed.rows + parsed.duplicates + len(parsed.aside)
