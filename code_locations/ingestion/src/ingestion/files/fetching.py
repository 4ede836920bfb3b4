"""Brings files to this machine one by one, and reads them."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.files.listing import Export, Format, describe
from ingestion.files.reading import Destination, Parsed, UnreadableFileError, parse
from stack.raw import RawTable
from stack.settings import WarehouseSettings
from stack.warehouse.connection import duckdb_config

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_CHUNK_BYTES = 1 << 20


class StillWrittenError(OSError):
    """A file changed while it was read."""


class FileReader:
    """Reads files below `root` into a scratch folder, which is gone when the block ends.

    `scratch` is its parent. The warehouse is not opened: only its limits are taken.
    """

    def __init__(self, fs: Any, root: str, scratch: Path, warehouse: WarehouseSettings) -> None:
        self._fs, self._root = fs, root.rstrip("/")
        self._scratch, self._warehouse = scratch, warehouse
        self._fetched = 0
        self._connection: DuckDBPyConnection | None = None

    def __enter__(self) -> FileReader:
        self._scratch.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix="files-", dir=self._scratch))
        return self

    def __exit__(self, *error: object) -> None:
        if self._connection is not None:
            self._connection.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def fetch(self, export: Export) -> Path:
        """The file, or a copy, at a path of this machine; raises what its file system raises.

        It gets a name of our own: DuckDB would take brackets and stars for patterns.
        """
        self._fetched += 1
        suffix = ".gz" if export.path.lower().endswith(".gz") else ""
        local = self._folder / f"{self._fetched}-file{suffix}"
        if "file" in self._fs.protocol:
            local.symlink_to(Path(self._root).absolute() / export.name)
        else:
            self._fs.get_file(f"{self._root}/{export.name}", str(local))
        return local

    def read(
        self,
        local: Path,
        export: Export,
        format_: Format,
        table: RawTable,
        columns: Mapping[str, str],
    ) -> Parsed:
        """A fetched file as Parquet for `table`, which has `columns` now; valid within the block.

        Raises UnreadableFileError with the reason if its content can't be loaded, and
        StillWrittenError or another OSError if it can't be read now.
        """
        destination = Destination(table, columns, local.with_suffix(".parquet"))
        try:
            parsed = parse(self.connection(), local, format_, destination)
        except UnreadableFileError as error:
            raise UnreadableFileError(str(error).replace(local.name, export.path)) from error
        if describe(self._fs, self._root, export).version != export.version:
            raise StillWrittenError("it changed while it was read")
        return parsed

    def connection(self) -> DuckDBPyConnection:
        """A DuckDB of its own: the warehouse's file is open only while rows go in."""
        import duckdb

        if self._connection is None:
            self._connection = duckdb.connect(":memory:", config=duckdb_config(self._warehouse))
            self._connection.execute("set TimeZone = 'UTC'")
        return self._connection


def content_hash(file: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
