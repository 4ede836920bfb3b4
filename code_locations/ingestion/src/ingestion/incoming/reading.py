"""One arrived file into one Parquet file that its raw table takes, each row with its origin."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion.books.reading import Destination, UnreadableExportError, parse
from ingestion.incoming.arrivals import SOURCE, Inbox, Target
from stack.raw import RawTable
from stack.settings import WarehouseSettings

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FILE, FILE_ID = "_file", "_file_id"
ORIGIN = {FILE: "VARCHAR", FILE_ID: "VARCHAR"}
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Fetched:
    """An arrived file at hand: `local` is it or a copy, `file_id` the hash of its content."""

    path: str
    version: str
    target: Target
    local: Path
    file_id: str

    @property
    def table(self) -> str:
        """Its table, without the prefix."""
        return self.target.table

    @property
    def table_name(self) -> str:
        """Name of its raw table."""
        return f"{SOURCE}_{self.table}"

    @property
    def content(self) -> tuple[str, str]:
        """What a table has at most once."""
        return self.table, self.file_id


@dataclass(frozen=True)
class Read:
    """A file as Parquet, of `rows` rows; `new_columns` are those that its table lacked."""

    file: Fetched
    parquet: Path
    rows: int
    new_columns: dict[str, str]


class Reader:
    """Reads files one by one into a scratch folder, which is gone when the block ends."""

    def __init__(self, inbox: Inbox, scratch: Path, warehouse: WarehouseSettings) -> None:
        self._inbox, self._scratch, self._warehouse = inbox, scratch, warehouse
        self._connection: DuckDBPyConnection | None = None

    def __enter__(self) -> Reader:
        self._scratch.mkdir(parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(prefix="incoming-", dir=self._scratch))
        return self

    def __exit__(self, *error: object) -> None:
        if self._connection is not None:
            self._connection.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def fetch(self, path: str, version: str, target: Target) -> Fetched:
        """Have the file at hand. Raises what the file system raises if it can't be had."""
        # A name of its own: DuckDB would take brackets and stars for patterns.
        suffix = ".gz" if path.lower().endswith(".gz") else ""
        local = self._folder / f"{len(list(self._folder.iterdir()))}-arrived{suffix}"
        if "file" in self._inbox.fs.protocol:
            local.symlink_to(Path(self._inbox.root).absolute() / path)
        else:
            self._inbox.fs.get_file(f"{self._inbox.root}/{path}", str(local))
        return Fetched(path, version, target, local, content_hash(local))

    def read(self, file: Fetched, table: RawTable, columns: Mapping[str, str]) -> Read:
        """The file for `table`, which has `columns` now (none, if there is no such table yet).

        Raises UnreadableExportError with the reason if the content can't be loaded.
        """
        connection = self._open()
        present = {name: type_ for name, type_ in columns.items() if name not in ORIGIN}
        target = file.local.with_suffix(".parquet")
        destination = Destination(table, present, target)
        try:
            parsed = parse(connection, file.local, file.target.format, destination)
        except UnreadableExportError as error:
            raise UnreadableExportError(str(error).replace(file.local.name, file.path)) from error
        if taken := sorted(ORIGIN.keys() & parsed.new_columns.keys()):
            raise UnreadableExportError(
                f"its column {taken[0]} has the name that the stack gives to a row's origin; "
                "rename it"
            )
        with_origin = target.with_suffix(".origin.parquet")
        connection.execute(
            f"copy (select *, {_text(file.path)} as {FILE}, {_text(file.file_id)} as {FILE_ID} "
            f"from read_parquet({_text(parsed.path)})) to {_text(with_origin)} (format parquet)"
        )
        new = {k: v for k, v in (parsed.new_columns | ORIGIN).items() if k not in columns}
        return Read(file, with_origin, parsed.rows, new)

    def _open(self) -> DuckDBPyConnection:
        """A DuckDB of its own: the warehouse's file is open only while rows go in."""
        import duckdb

        from stack.warehouse.connection import duckdb_config

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


def _text(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"
