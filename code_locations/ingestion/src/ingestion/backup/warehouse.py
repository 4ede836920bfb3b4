"""The warehouse: DuckDB's file, or a DuckLake's catalog and the data files that it names."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ingestion.backup import postgres, sqlite
from ingestion.backup.archive import File, Writer, require_below
from ingestion.backup.aside import is_in
from ingestion.backup.errors import BackupError, not_empty
from ingestion.backup.manifest import WarehouseKind
from stack.settings import WarehouseSettings
from stack.sql import identifier, literal
from stack.storage import filesystem
from stack.warehouse import connect, count_rows
from stack.warehouse.connection import is_postgres

FOLDER = "warehouse"
_DUCKDB, _WAL = "warehouse.duckdb", "warehouse.duckdb.wal"
_CATALOG, _DATA = "catalog", "data"
# Tables with a few rows that another program wrote, which DuckLake keeps in its catalog.
_INLINED = "ducklake_inlined_data_"
# Nobody waits for a backup, but a run may wait for the file while it is held.
LONGEST_WAIT_S = 3600.0

# A path is below its table's, that below its schema's, and that below the data's folder.
_NAMED = """
select
    f.path_is_relative and t.path_is_relative and s.path_is_relative,
    s.path,
    t.path,
    f.path
from (
    select table_id, path, path_is_relative from {catalog}ducklake_data_file
    union all
    select table_id, path, path_is_relative from {catalog}ducklake_delete_file
) as f
join {catalog}ducklake_table as t on t.table_id = f.table_id
join {catalog}ducklake_schema as s on s.schema_id = t.schema_id
"""


def kind(settings: WarehouseSettings) -> WarehouseKind:
    """The kind of warehouse that a backup of it can be restored into."""
    if settings.dlt_destination == "duckdb":
        return "duckdb"
    return "ducklake-postgresql" if is_postgres(settings) else "ducklake-sqlite"


def save(settings: WarehouseSettings, writer: Writer, scratch: Path) -> None:
    """Add the warehouse as of one moment, even while others write to it.

    Waits for DuckDB's file as every reader does, and holds it while copying. Raises BackupError if
    a data file is gone, which only happens if a backup takes more than a day.
    """
    if settings.dlt_destination == "duckdb":
        _save_file(settings, writer, scratch)
    elif is_postgres(settings):
        with postgres.opened(settings.lake_catalog) as connection, postgres.snapshot(connection):
            schema = settings.database
            postgres.dump(connection, schema, writer, f"{FOLDER}/{_CATALOG}")
            if f"{FOLDER}/{_CATALOG}/ducklake_data_file{postgres.COPY}" in writer.contents.members:
                with connection.cursor() as cursor:
                    cursor.execute(_NAMED.format(catalog=f"{identifier(schema)}."))
                    named = cursor.fetchall()
                _save_data(settings, writer, named)
    elif Path(settings.lake_catalog).exists():
        with sqlite.copied(Path(settings.lake_catalog), scratch) as copy:
            with closing(sqlite3.connect(copy.name)) as connection:
                named = connection.execute(_NAMED.format(catalog="")).fetchall()
            writer.add(f"{FOLDER}/{_CATALOG}", copy)
        _save_data(settings, writer, named)


def _save_file(settings: WarehouseSettings, writer: Writer, scratch: Path) -> None:
    file = settings.duckdb_file
    if not file.exists():
        return
    with TemporaryDirectory(dir=scratch) as folder:
        copies = {_DUCKDB: Path(folder) / _DUCKDB, _WAL: Path(folder) / _WAL}
        with _held(settings):
            # Closing any of these here makes the system drop DuckDB's lock.
            for copy, end in zip(copies.values(), ("", ".wal"), strict=True):
                source = file.with_name(file.name + end)
                if source.exists():
                    shutil.copyfile(source, copy)
        for name, copy in copies.items():
            if copy.exists():
                with copy.open("rb") as content:
                    writer.add(f"{FOLDER}/{name}", content, size=copy.stat().st_size)


@contextmanager
def _held(settings: WarehouseSettings) -> Iterator[None]:
    """Keep DuckDB's file open for reading, so that nobody can open it for writing."""
    patient = settings.model_copy(update={"warehouse_wait_seconds": LONGEST_WAIT_S})
    with connect(patient, read_only=True):
        yield


def _save_data(
    settings: WarehouseSettings, writer: Writer, named: list[tuple[Any, str, str, str]]
) -> None:
    fs, root = filesystem(settings.lake_data)
    paths = set()
    for is_below, *path in named:
        if not is_below:
            raise BackupError(
                f"the data file {path[-1]}",
                found="one that lies outside of DUCKLAKE_DATA_URL",
                next_step="copy its rows into a table of the lake's own, and drop the one that "
                "names it",
            )
        paths.add("".join(path))
    for name in sorted(paths):
        try:
            size = int(fs.info(f"{root}/{name}")["size"])
            with fs.open(f"{root}/{name}", "rb") as source:
                writer.add(f"{FOLDER}/{_DATA}/{name}", source, size=size)
        except FileNotFoundError:
            raise BackupError(
                f"the data file {settings.lake_data}/{name}",
                found="nothing there",
                next_step="if the lake can be read, make the backup again",
            ) from None


def require_empty(settings: WarehouseSettings, aside: Path | None) -> None:
    """Raise BackupError if there are tables, unless they are files in `aside`."""
    files = {"duckdb": settings.duckdb_file, "ducklake-sqlite": Path(settings.lake_catalog)}
    file = files.get(kind(settings))
    if file is not None and (not file.exists() or (aside and is_in(file, aside))):
        return
    with connect(settings, read_only=True, longest_wait_s=0) as connection:
        mine = "duckdb_tables() where database_name = ?"
        found = count_rows(connection, mine, [settings.database])
    if found:
        raise not_empty("the warehouse", f"{found} tables")


class Restoring(ExitStack):
    """Puts a saved warehouse where the settings say; nothing is visible until `finish`."""

    def __init__(self, settings: WarehouseSettings) -> None:
        super().__init__()
        self._settings = settings
        self._loading: postgres.Loading | None = None
        self._staged: dict[Path, Path] = {}

    def put(self, file: File) -> None:
        """Take a file of the backup; its name is without the part's."""
        folder, _, path = file.name.partition("/")
        if folder == _DATA:
            require_below(file)
            fs, root = self._data
            file.put(fs, f"{root}/{path}")
        elif folder == _CATALOG and path:
            self._load(path, file)
        elif folder == _CATALOG:
            self._stage(Path(self._settings.lake_catalog), file)
        else:
            target = self._settings.duckdb_file
            end = ".wal" if file.name == _WAL else ""
            self._stage(target.with_name(target.name + end), file)

    @cached_property
    def _data(self) -> tuple[Any, str]:
        return filesystem(self._settings.lake_data)

    def _load(self, path: str, file: File) -> None:
        if self._loading is None:
            with connect(self._settings):  # which creates the tables
                pass
            connection = self.enter_context(postgres.opened(self._settings.lake_catalog))
            self._loading = postgres.Loading(connection, self._settings.database, _INLINED)
        self._loading.take(path, file.content)

    def _stage(self, target: Path, file: File) -> None:
        staged = target.with_name(f"{target.name}.restoring")
        file.write_to(staged)
        self._staged[target] = staged

    def finish(self) -> None:
        """Make it visible, pointing to its new place; files pending deletion aren't there."""
        root = literal(self._settings.lake_data.rstrip("/") + "/")
        moved = "update {}ducklake_metadata set value = {} where key = 'data_path'"
        forget = "delete from {}ducklake_files_scheduled_for_deletion"
        if self._loading is not None:
            schema = f"{identifier(self._settings.database)}."
            self._loading.execute(moved.format(schema, root))
            self._loading.execute(forget.format(schema))
            self._loading.commit()
        catalog = Path(self._settings.lake_catalog)
        if catalog in self._staged:
            with closing(sqlite3.connect(self._staged[catalog])) as connection, connection:
                connection.execute(moved.format("", root))
                connection.execute(forget.format(""))
            sqlite.remove(catalog)
        for target, staged in self._staged.items():
            staged.replace(target)
