"""Brings files to this machine one by one, and reads them."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.files.conform import Destination
from ingestion.files.dialect import Known
from ingestion.files.errors import UnreadableFileError
from ingestion.files.listing import Export, describe
from ingestion.files.reading import Parsed, Staged, finish, stage
from ingestion.files.rules import ReadingRules
from stack.settings import WarehouseSettings
from stack.warehouse.connection import in_memory

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_CHUNK_BYTES = 1 << 20


class StillWrittenError(OSError):
    """A file changed while it was being read."""


class FileReader:
    """Reads files below `root` into a folder in `scratch`, which is removed when the block ends.

    The warehouse isn't opened: only its limits are used.
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
        """A local path of the file or a copy; raises what its file system raises.

        It gets a name of our own, because DuckDB takes brackets and stars for patterns.
        """
        self._fetched += 1
        local = self._folder / f"{self._fetched}-file"
        if "file" in self._fs.protocol:
            local.symlink_to(Path(self._root).absolute() / export.name)
        else:
            self._fs.get_file(f"{self._root}/{export.name}", str(local))
        return local

    def stage(
        self, local: Path, export: Export, rules: ReadingRules, known: Known | None = None
    ) -> Staged:
        """A fetched file's records as text; valid within the block. Raises like `read`."""
        with self._named(local, export):
            staged = stage(local, rules, known)
        if describe(self._fs, self._root, export).version != export.version:
            raise StillWrittenError("it changed while it was read")
        return staged

    def finish(self, staged: Staged, export: Export, destination: Destination) -> Parsed:
        """Staged records as Parquet for their destination. Raises like `read`."""
        with self._named(staged.path, export):
            return finish(self.connection(), staged, destination)

    def read(self, local: Path, export: Export, destination: Destination) -> Parsed:
        """A fetched file as Parquet for its destination; valid within the block.

        Raises UnreadableFileError with the reason if its content can't be loaded, and
        StillWrittenError or another OSError if it can't be read now.
        """
        staged = self.stage(local, export, destination.rules)
        return self.finish(staged, export, destination)

    @contextmanager
    def _named(self, local: Path, export: Export) -> Iterator[None]:
        """Make errors name the file as people know it."""
        try:
            yield
        except UnreadableFileError as error:
            raise UnreadableFileError(str(error).replace(local.name, export.path)) from error

    def connection(self) -> DuckDBPyConnection:
        """A DuckDB of the reader's own: the warehouse is opened only while rows are loaded."""
        if self._connection is None:
            self._connection = in_memory(self._warehouse)
        return self._connection


def content_hash(file: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
