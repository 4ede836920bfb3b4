"""One load of a source: reads each table separately, then loads those that could be read."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.files.conform import Remembered
from ingestion.loading import TableFile, load
from ingestion.loading.pipeline import read_states, working_directory
from ingestion.loading.removed import gone_rows, require_full
from ingestion.settings import DltSettings
from ingestion.sources.declarations import RestSource, Source, SqlSource
from ingestion.sources.failures import told
from ingestion.sources.former import as_decimals
from ingestion.sources.reading import Items
from ingestion.sources.rest import rest_list
from ingestion.sources.staging import Goal, Staged, stage_arrow, stage_rows
from stack.declarations import DeclarationError
from stack.errors import StackError
from stack.load_report import TableReport
from stack.outage import is_interruption, is_passing
from stack.raw import RawTable
from stack.settings import WarehouseSettings, load_settings
from stack.sql import identifier
from stack.warehouse import columns_of, connect
from stack.warehouse.connection import in_memory

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class Reading(Enum):
    """How much of a source is read, and what happens to existing rows."""

    NEW = "what is new since the last load, merged"
    AGAIN = "everything, merged"
    REPLACE = "everything, in the place of what is there"


@dataclass(frozen=True)
class TableRead:
    """What was read of one table: `records` as delivered, `passed` already had by an earlier load.

    `rows` were written, and `loaded` are in the table; the others had a later row of their key.
    """

    records: int = 0
    passed: int = 0
    rows: int = 0
    loaded: int = 0
    seconds: float = 0.0


@dataclass
class SourceLoad:
    """What a load did: what was read of each table, or why that failed, and reports of tables."""

    read: dict[str, TableRead] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    tables: dict[str, TableReport] = field(default_factory=dict)


def load_source(
    source: Source, wanted: Collection[RawTable], variables: Mapping[str, str], reading: Reading
) -> SourceLoad:
    """Load these tables of a source. One that can't be read doesn't stop the others.

    Rows, the state from which the next load resumes, and what is remembered of columns are
    committed together: a load that breaks off is repeated in full. Raises StackError if no table
    can be loaded.
    """
    settings = load_settings(DltSettings)
    with working_directory(f"{source.name}_rows", settings) as folder:
        return _Run(source, variables, reading, folder).load(wanted)


class _Run:
    """One load, alone in its working directory."""

    def __init__(
        self, source: Source, variables: Mapping[str, str], reading: Reading, folder: Path
    ) -> None:
        self._source, self._variables, self._reading = source, variables, reading
        self._folder = folder
        self._warehouse = load_settings(WarehouseSettings)
        self._state, self._cursors = read_states(source.name)
        self._before = self._cursors
        self._done = SourceLoad()
        self._now = datetime.now(UTC).replace(tzinfo=None)

    def load(self, wanted: Collection[RawTable]) -> SourceLoad:
        goals = self._goals(wanted)
        self._before = dict(self._cursors)
        staged: dict[str, Staged] = {}
        with in_memory(self._warehouse) as connection:
            for table in wanted:
                started = time.perf_counter()
                try:
                    found = self._stage(connection, goals[table.name])
                except DeclarationError:
                    raise
                except Exception as error:  # whatever a driver or an API's client raises
                    if is_interruption(error):
                        raise
                    self._done.failed[table.name] = told(error)
                    continue
                if found is not None:
                    staged[table.name] = found
                seconds = round(time.perf_counter() - started, 3)
                read = self._done.read[table.name]
                self._done.read[table.name] = TableRead(
                    read.records, read.passed, found.rows if found else 0, 0, seconds
                )
        if self._done.read:
            self._commit(staged, goals)
        return self._done

    def _goals(self, wanted: Collection[RawTable]) -> dict[str, Goal]:
        """What the warehouse has of the tables. A missing one is read from its beginning."""
        schema = self._warehouse.dlt_dataset_name
        remembered = self._state.get("columns", {})
        found = {}
        with connect(self._warehouse) as connection:
            for table in wanted:
                columns = columns_of(connection, self._warehouse, schema, table.table_name)
                memory = remembered.get(table.name, {}) if columns else {}
                name = f"{identifier(schema)}.{identifier(table.table_name)}"
                if columns and not memory and isinstance(self._source, RestSource):
                    columns = as_decimals(connection, name, columns)
                key = self._source.tables[table.name].primary_key
                found[table.name] = Goal(
                    table.model_copy(update={"primary_key": key}),
                    columns,
                    {column: Remembered(*told) for column, told in memory.items()},
                    self._folder,
                    has_rows=bool(
                        table.full_export
                        and columns
                        and connection.execute(f"select 1 from {name} limit 1").fetchone()
                    ),
                )
                if not columns:
                    self._cursors.pop(table.name, None)
        return found

    def _stage(self, connection: DuckDBPyConnection, goal: Goal) -> Staged | None:
        table = goal.table
        only_new = self._reading is Reading.NEW
        if isinstance(self._source, RestSource):
            made, pages = rest_list(
                self._source,
                table.name,
                self._variables,
                only_new=only_new,
                cursors=self._cursors,
            )
            items = Items.of(made, table.name, self._cursors)
            staged: Staged | None = stage_rows(connection, items, goal)
            pages.require_end()
        else:
            items, staged = self._stage_sql(connection, self._source, goal, only_new=only_new)
        if table.full_export and not self._replaces(table.name):
            rows = staged.rows if staged else 0
            require_full(table, rows, self._now, has_rows=goal.has_rows)
        self._cursors = items.state
        self._done.read[table.name] = TableRead(items.read, items.read - items.taken)
        return staged

    def _stage_sql(
        self, connection: DuckDBPyConnection, source: SqlSource, goal: Goal, *, only_new: bool
    ) -> tuple[Items, Staged | None]:
        """Stage a table, once more for columns that turn out to have values beyond their type."""
        from ingestion.sources.rows import unfit_columns
        from ingestion.sources.sql import sql_rows

        name, as_text = goal.table.name, frozenset[str]()
        while True:
            found = sql_rows(source, name, self._variables, only_new=only_new, as_text=as_text)
            if found.loose:
                _drop_times(self._cursors, name)
            items = Items.of(found.source, name, self._cursors)
            stage = stage_rows if found.loose else stage_arrow
            try:
                return items, stage(connection, items, goal, found)
            except Exception as error:
                unfit = unfit_columns(error) - as_text
                if not unfit:
                    raise
                as_text |= unfit

    def _replaces(self, table: str) -> bool:
        return self._reading is Reading.REPLACE or not self._source.tables[table].primary_key

    def _commit(self, staged: Mapping[str, Staged], goals: Mapping[str, Goal]) -> None:
        """Load everything that was read at once; if that fails, table by table."""
        files = {}
        for name, found in staged.items():
            file = replace(found.file, replace=self._replaces(name))
            if file.replace or file.rows or file.types != goals[name].columns:
                files[name] = file
        try:
            self._load(self._done.read, staged, files)
        except StackError as error:
            if len(files) < 2 or is_passing(error):
                raise
            for name in [*self._done.read]:
                try:
                    self._load([name], staged, files)
                except StackError as error:
                    if is_passing(error):
                        raise
                    self._done.failed[name] = str(error)

    def _load(
        self, names: Iterable[str], staged: Mapping[str, Staged], files: Mapping[str, TableFile]
    ) -> None:
        """Load these tables, and commit their state with them."""
        names = [*names]
        columns = dict(self._state.get("columns", {}))
        for name in [name for name in names if name in staged]:
            remembered = staged[name].remembered
            columns[name] = {c: [m.header, m.form] for c, m in remembered.items()}
        state = {**self._state, "columns": columns}
        cursors = self._before | {n: self._cursors[n] for n in names if n in self._cursors}
        chosen = [files[name] for name in names if name in files]
        chosen += [
            gone_rows(self._warehouse, file.table, file.path, [], self._now)
            for file in chosen
            if file.table.full_export and not file.replace
        ]
        done = load(self._source.name, chosen, state, lambda _: None, resources=cursors)
        self._state, self._before = state, cursors
        self._done.tables |= done.tables
        for name in names:
            read = self._done.read[name]
            loaded = done.rows_by_file.get(files[name].path, read.rows) if name in files else 0
            self._done.read[name] = replace(read, loaded=loaded)


def _drop_times(cursors: dict[str, Any], table: str) -> None:
    """Forget a cursor that is a time: SQLite compares times as the text that it stores."""
    found = cursors.get(table, {}).get("incremental", {})
    if any(isinstance(cursor.get("last_value"), datetime) for cursor in found.values()):
        cursors.pop(table)
