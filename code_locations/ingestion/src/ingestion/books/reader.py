"""Reads the exports one by one, wherever they are."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.books.exports import Assigned, describe
from ingestion.books.reading import Destination, Parsed, parse
from ingestion.books.report import SOURCE
from ingestion.settings import BooksSettings
from stack.raw import raw_table, raw_tables
from stack.settings import WarehouseSettings, load_settings

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class StillWrittenError(OSError):
    """An export changed while it was read."""


class ExportReader:
    """Reads exports one by one; a table's columns grow with what the files before have."""

    def __init__(self, fs: Any, root: str, settings: BooksSettings) -> None:
        self._fs, self._root = fs, root
        self._local = "file" in fs.protocol
        self._scratch = settings.stack_home / "scratch"
        self._columns: dict[str, dict[str, str]] = {}
        self._connection: DuckDBPyConnection | None = None

    def __enter__(self) -> ExportReader:
        self._scratch.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix="books-", dir=self._scratch))
        return self

    def __exit__(self, *error: object) -> None:
        if self._connection is not None:
            self._connection.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def read(self, item: Assigned) -> Parsed:
        """The export as Parquet, valid until the reader closes."""
        path = item.export.path
        columns = self._columns_of(item.table)
        name = path.replace("/", "__")
        table = raw_table(SOURCE, item.table)
        destination = Destination(table, columns, self._folder / f"{name}.parquet")
        with self._local_copy(path, name) as file:
            parsed = parse(self._open(), file, item.format, destination)
        if describe(self._fs, self._root, path).version != item.export.version:
            raise StillWrittenError("it changed while it was read")
        columns.update(parsed.new_columns)
        return parsed

    def _open(self) -> DuckDBPyConnection:
        """A DuckDB of its own: the warehouse's file is open only while rows go in."""
        import duckdb

        from stack.warehouse.connection import duckdb_config

        if self._connection is None:
            config = duckdb_config(load_settings(WarehouseSettings))
            self._connection = duckdb.connect(":memory:", config=config)
            self._connection.execute("set TimeZone = 'UTC'")
        return self._connection

    def _columns_of(self, name: str) -> dict[str, str]:
        """Columns of the raw table: as it is in the warehouse, else as declared."""
        if not self._columns:
            self._columns = raw_columns()
        return self._columns[name]

    @contextmanager
    def _local_copy(self, path: str, name: str) -> Iterator[Path]:
        if self._local:
            yield Path(self._root) / path
            return
        copy = self._folder / f"download-{name}"
        self._fs.get_file(f"{self._root.rstrip('/')}/{path}", str(copy))
        yield copy


def raw_columns() -> dict[str, dict[str, str]]:
    """Columns of the source's raw tables, with DuckDB's types, by the table's name.

    A table that doesn't exist yet has the declared ones.
    """
    from stack.warehouse import connect

    settings = load_settings(WarehouseSettings)
    with connect(settings) as connection:
        rows = connection.execute(
            "select table_name, column_name, data_type from duckdb_columns() "
            "where database_name = ? and schema_name = ? order by column_index",
            [settings.database, settings.dlt_dataset_name],
        ).fetchall()
    present: dict[str, dict[str, str]] = {}
    for table_name, column, type_ in rows:
        present.setdefault(table_name, {})[column] = type_
    return {
        table.name: present.get(
            table.table_name, {column.name: _canonical(column.type) for column in table.columns}
        )
        for table in raw_tables(SOURCE)
    }


def _canonical(declared: str) -> str:
    """A declared type as DuckDB names it."""
    return {"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}.get(declared.upper(), declared.upper())
