"""Loads what is new or changed among the books' exports."""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.books.exports import Assigned, changes, describe, find_exports
from ingestion.books.quarantine import write_notes
from ingestion.books.reading import Destination, Parsed, UnreadableExportError, parse
from ingestion.loading import LoadReport, TableFile, load, read_state
from ingestion.settings import BooksSettings
from stack.raw import raw_table, raw_tables
from stack.settings import WarehouseSettings, load_settings
from stack.storage import filesystem

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SOURCE = "books"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SchemaChange:
    """A column that a raw table got because an export has it."""

    table: str
    column: str
    type: str
    file: str


@dataclass
class BooksReport:
    """What a run found and loaded.

    `quarantined` gives the reason by path for every export that isn't loaded, also those
    found in earlier runs; `files` the paths loaded now by table, and `duplicates` the rows
    left out of them.
    """

    load: LoadReport = field(default_factory=LoadReport)
    files: dict[str, list[str]] = field(default_factory=dict)
    duplicates: dict[str, int] = field(default_factory=dict)
    quarantined: dict[str, str] = field(default_factory=dict)
    schema_changes: list[SchemaChange] = field(default_factory=list)
    unchanged: int = 0
    duration_s: float = 0.0


def load_books(
    progress: Callable[[str], None] = _log.info, *, full_refresh: bool = False
) -> BooksReport:
    """Load new and changed exports, with `full_refresh` all of them; return what happened.

    Which files were loaded or refused is kept in the source's dlt state, committed with the
    rows; with nothing new nothing is loaded. A file that can't be read is noted and left
    until it changes, and the others load. Raises OSError if the exports can't be listed, or
    the disk is full.
    """
    started = time.perf_counter()
    settings = load_settings(BooksSettings)
    report = BooksReport()
    state = read_state(SOURCE)
    seen: dict[str, str] = state.get("files", {})
    refused: dict[str, dict[str, str]] = state.get("refused", {})
    fs, root = filesystem(settings.books)
    names = [table.name for table in raw_tables(SOURCE)]
    known = seen | {path: note["version"] for path, note in refused.items()}
    exports = find_exports(fs, root)
    todo = changes(exports, dict.fromkeys(known, "") if full_refresh else known, names)
    if not full_refresh:
        report.unchanged = sum(seen.get(export.path) == export.version for export in exports)
    if not exports:
        progress(f"no exports at {settings.books}")

    seen = {path: version for path, version in seen.items() if path not in todo.vanished}
    refused = {path: note for path, note in refused.items() if path not in todo.vanished}
    passing: dict[str, str] = {}
    files: list[TableFile] = []
    with _Reader(fs, root, settings) as reader:
        for item in todo.to_load:
            path = item.export.path
            seen.pop(path, None)
            refused.pop(path, None)
            try:
                parsed = reader.read(item)
            except UnreadableExportError as error:
                refused[path] = {"version": item.export.version, "reason": str(error)}
            except (FileNotFoundError, PermissionError, _StillWrittenError) as error:
                # Not a matter of its content: the next run tries again.
                passing[path] = f"it can't be read now: {error}"
            else:
                seen[path] = item.export.version
                table = raw_table(SOURCE, item.table)
                files.append(TableFile(table, parsed.path, parsed.rows, keys_checked=True))
                _add(report, item, parsed)
        reasons = {path: note["reason"] for path, note in refused.items()}
        report.quarantined = dict(sorted((todo.not_assigned | reasons | passing).items()))
        write_notes(
            settings.quarantine,
            {
                path: {"file": path, "exports": settings.books, "reason": reason}
                for path, reason in report.quarantined.items()
            },
        )
        new_state: dict[str, Any] = {"files": seen, "refused": refused}
        if files or new_state != {"files": {}, "refused": {}} | state:
            report.load = load(SOURCE, files, new_state, progress=progress)
    report.duration_s = time.perf_counter() - started
    return report


def quarantined_files() -> dict[str, str]:
    """Reason by path of each export that isn't loaded: refused by the last load, or no table's."""
    refused = read_state(SOURCE).get("refused", {})
    fs, root = filesystem(load_settings(BooksSettings).books)
    names = [table.name for table in raw_tables(SOURCE)]
    not_assigned = changes(find_exports(fs, root), {}, names).not_assigned
    reasons = not_assigned | {path: note["reason"] for path, note in refused.items()}
    return dict(sorted(reasons.items()))


def _add(report: BooksReport, item: Assigned, parsed: Parsed) -> None:
    table = raw_table(SOURCE, item.table).table_name
    report.files.setdefault(table, []).append(item.export.path)
    report.duplicates[table] = report.duplicates.get(table, 0) + parsed.duplicates
    report.schema_changes.extend(
        SchemaChange(table, column, type_, item.export.path)
        for column, type_ in parsed.new_columns.items()
    )


class _StillWrittenError(OSError):
    """An export changed while it was read."""


class _Reader:
    """Reads exports one by one; a table's columns grow with what the files before have."""

    def __init__(self, fs: Any, root: str, settings: BooksSettings) -> None:
        self._fs, self._root = fs, root
        self._local = "file" in fs.protocol
        self._scratch = settings.stack_home / "scratch"
        self._columns: dict[str, dict[str, str]] = {}
        self._connection: DuckDBPyConnection | None = None

    def __enter__(self) -> _Reader:
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
            raise _StillWrittenError("it changed while it was read")
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
