"""A folder that tests drop files into, and the warehouse that they are loaded into."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from stack.settings import WarehouseSettings, load_settings
from stack.warehouse import connect, ensure_raw_tables


class Dropped:
    """Files in `folder`, and queries of the raw schema."""

    folder: Path

    def write(self, name: str, content: str | bytes) -> Path:
        file = self._path(name)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def parquet(self, name: str, query: str) -> Path:
        file = self._path(name)
        duckdb.execute(f"copy ({query}) to '{file}' (format parquet)")
        return file

    def _path(self, name: str) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        return file

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.opened() as connection:
            return connection.execute(query).fetchall()

    @contextmanager
    def opened(self) -> Iterator[duckdb.DuckDBPyConnection]:
        settings = load_settings(WarehouseSettings)
        with connect(settings) as connection:
            ensure_raw_tables(connection, settings, ())
            connection.execute(f"use {settings.database}.{settings.dlt_dataset_name}")
            yield connection
