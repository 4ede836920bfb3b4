"""The books: exports of accounting and time-tracking tools, at a fsspec URL, into raw tables.

A file belongs to the table that it is named after: `invoices.csv`, `invoices/2025.csv`,
`time_entries/2025/07.parquet`. Which files were loaded or refused is kept in the source's dlt
state, committed with the rows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ingestion.files.conform import Destination
from ingestion.files.errors import UnreadableFileError
from ingestion.files.fetching import FileReader, StillWrittenError
from ingestion.files.listing import Assigned, Changes, Export, assign, changes, find_exports
from ingestion.files.reading import Parsed, facts_of
from ingestion.loaders import WHAT_IS_NEW, Scope, WithoutFacts
from ingestion.loading import TableFile, load, read_state
from ingestion.loading.days import replace_days
from ingestion.loading.removed import gone_rows, require_full
from ingestion.loading.tables import with_all_tables
from ingestion.quarantine import Quarantine
from ingestion.settings import BooksSettings, QuarantineSettings
from stack.load_report import ColumnAdded, InputReport, LoadReport, Outcome, SetAside, TableReport
from stack.outage import is_passing
from stack.partitions import Days
from stack.quarantine import Entry
from stack.raw import RawTable, raw_tables
from stack.settings import WarehouseSettings, load_settings
from stack.storage import filesystem
from stack.warehouse import columns_by_table, connect

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = "books"

_log = logging.getLogger(__name__)


class BooksLoader(WithoutFacts):
    """Loads what is new or changed among the exports; implements `ingestion.loaders.Loader`."""

    name = SOURCE
    asset = "dlt_ingestion_pipeline"
    kind = "dlt"
    required = True

    def tables(self) -> tuple[RawTable, ...]:
        """As declared in stack/raw/books.yml."""
        return raw_tables(SOURCE)

    def load(self, scope: Scope = WHAT_IS_NEW, log: logging.Logger = _log) -> LoadReport:
        """Load new and changed exports; with a full refresh all of them.

        With days, tables with an event date get exactly these days rebuilt from all their exports.
        A file that can't be read is recorded and left until it changes, and the others load. Raises
        OSError if the exports can't be listed or the disk is full.
        """
        if not scope.has({table.table_name for table in self.tables()}):
            return LoadReport(loader=self.name, asset=self.asset)
        return _Run(scope, log).report()

    def forget(self, tables: Collection[str]) -> None:
        """Forget which exports of these raw tables were loaded or refused. Raises LoadError."""
        wanted = {table.name for table in self.tables() if table.table_name in tables}
        _forget(lambda path: _table_of(path) in wanted, wanted)

    def rereads(self, table: str) -> bool:
        """Yes for every table: its exports stay where they are."""
        return table in {known.table_name for known in self.tables()}

    def put_back(self, entry: Entry) -> str:
        """Forget that the export was refused."""
        _forget(lambda path: path == entry.path)
        return f"{entry.path}: the next load reads it again"


@dataclass
class _State:
    """Versions of loaded exports by path; version and reason of those refused.

    `full_exports` says when the newest full export of a table was written.
    """

    files: dict[str, str] = field(default_factory=dict)
    refused: dict[str, dict[str, str]] = field(default_factory=dict)
    full_exports: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls) -> _State:
        saved = read_state(SOURCE)
        return cls(**{name: dict(saved.get(name, {})) for name in cls.__dataclass_fields__})

    @property
    def known(self) -> dict[str, str]:
        return self.files | {path: note["version"] for path, note in self.refused.items()}

    def drop(self, path: str) -> None:
        self.files.pop(path, None)
        self.refused.pop(path, None)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class _Run:
    """One load: what was read, refused and left, by path."""

    def __init__(self, scope: Scope, log: logging.Logger) -> None:
        self._scope, self._log = scope, log
        self._settings = load_settings(BooksSettings)
        self._warehouse = load_settings(WarehouseSettings)
        self._fs, self._root = filesystem(self._settings.books)
        self._tables = {table.name: table for table in raw_tables(SOURCE)}
        self._state = _State.read()
        self._columns: dict[str, dict[str, str]] = {}
        self._left: dict[str, str] = {}
        self._read: list[tuple[Assigned, Parsed]] = []
        self._rebuilt: dict[str, TableReport] = {}
        self._notes: list[str] = []

    def report(self) -> LoadReport:
        before = self._state.as_json()
        if self._scope.full_refresh:
            self._state.full_exports = {}
        exports = find_exports(self._fs, self._root)
        known = self._state.known
        anew = changes(exports, dict.fromkeys(known, ""), self._tables)
        todo = anew if self._scope.full_refresh else changes(exports, known, self._tables)
        days = self._scope.days
        unchanged = 0
        if not self._scope.full_refresh:
            seen = self._state.files
            unchanged = sum(seen.get(export.path) == export.version for export in exports)
        if not exports:
            self._notes.append(f"no exports at {self._settings.books}")
        if days is not None:
            todo = self._without_events(todo)
        for path in todo.vanished:
            self._state.drop(path)
        with FileReader(
            self._fs, self._root, self._settings.stack_home / "scratch", self._warehouse
        ) as reader:
            for item in todo.to_load:
                self._take(reader, item)
            if days is not None:
                self._rebuild(reader, anew, days)
            refused = self._set_aside(todo.not_assigned)
            files = [
                TableFile(
                    self._tables[item.table],
                    parsed.path,
                    parsed.rows,
                    keys_checked=True,
                    types=self._columns[item.table],
                )
                for item, parsed in self._read
            ]
            files += self._gone()
            loaded = None
            if files or self._state.as_json() != before:
                loaded = load(SOURCE, files, self._state.as_json(), progress=self._log.info)
        rows = loaded.rows_by_file if loaded else {}
        done = self._rebuilt | (loaded.tables if loaded else {})
        if not self._read and not self._rebuilt and unchanged:
            self._notes.append(f"nothing new: {unchanged} exports were loaded before")
        return LoadReport(
            loader=SOURCE,
            asset=BooksLoader.asset,
            inputs=(*(self._input(i, p, rows) for i, p in self._read), *refused),
            tables=with_all_tables(self._tables.values(), self._with_origins(done)),
            notes=tuple(self._notes),
            unchanged=unchanged,
        )

    def _take(self, reader: FileReader, item: Assigned) -> None:
        """Read an export to be loaded, or record why it can't be."""
        path = item.export.path
        self._state.drop(path)
        try:
            parsed = self._parse(reader, item)
        except UnreadableFileError as error:
            self._state.refused[path] = {"version": item.export.version, "reason": str(error)}
        except (FileNotFoundError, PermissionError, StillWrittenError) as error:
            # Its content isn't at fault: the next run tries again.
            self._left[path] = f"it can't be read now: {error}"
        else:
            self._state.files[path] = item.export.version
            self._read.append((item, parsed))

    def _parse(self, reader: FileReader, item: Assigned) -> Parsed:
        """The export as Parquet; a table's columns include those that earlier exports brought."""
        self._columns = self._columns or _present_columns(self._warehouse)
        table, columns = self._tables[item.table], self._columns[item.table]
        local = reader.fetch(item.export)
        destination = Destination(table, columns, local.with_suffix(".parquet"))
        parsed = reader.read(local, item.export, destination)
        if wrong := [row for row in parsed.aside if not row.expected]:
            more = f"; {len(wrong):,} rows in all" if len(wrong) > 1 else ""
            raise UnreadableFileError(f"{wrong[0].reason}{more}")
        if table.full_export:
            last = self._state.full_exports.get(item.table)
            before = None if last is None else datetime.fromisoformat(last)
            written_at = item.export.written_at
            require_full(table, parsed.rows, written_at, before, has_rows=bool(columns))
        columns.update(parsed.new_columns | parsed.widened)
        return parsed

    def _gone(self) -> list[TableFile]:
        """The rows that the newest full export of each table no longer has."""
        found = []
        for name in [name for name, table in self._tables.items() if table.full_export]:
            exports = [(item, parsed.path) for item, parsed in self._read if item.table == name]
            if not exports:
                continue
            newest, path = exports[-1]
            older = [earlier for _, earlier in exports[:-1]]
            at = newest.export.written_at
            found.append(gone_rows(self._warehouse, self._tables[name], path, older, at))
            self._state.full_exports[name] = at.isoformat()
        return found

    def _without_events(self, todo: Changes) -> Changes:
        """What to load of the tables without an event date, whose days can't be rebuilt."""
        dated = {name for name, table in self._tables.items() if table.event_date}
        return replace(
            todo,
            to_load=tuple(item for item in todo.to_load if item.table not in dated),
            vanished=tuple(path for path in todo.vanished if _table_of(path) not in dated),
        )

    def _rebuild(self, reader: FileReader, everything: Changes, days: Days) -> None:
        """Rebuild the days of each table with an event date.

        A table is left as it is if one of its exports can't be read or is gone: its rows would be
        deleted and not come back.
        """
        for name, table in self._tables.items():
            if not table.event_date:
                continue
            if table.full_export:
                self._log.warning(f"{table.table_name}: its days are left: its exports are full")
                continue
            items = [item for item in everything.to_load if item.table == name]
            gone = [path for path in everything.vanished if _table_of(path) == name]
            reasons = dict.fromkeys(gone, "it was loaded before and is gone")
            paths: list[Path] = []
            for item in items:
                try:
                    paths.append(self._parse(reader, item).path)
                except (UnreadableFileError, OSError) as error:
                    if is_passing(error):
                        raise
                    reasons[item.export.path] = str(error)
            if reasons or not items:
                why = "; ".join(f"{path}: {reason}" for path, reason in reasons.items())
                why = why or "it has no exports"
                self._log.warning(f"{table.table_name}: its days are left as they are: {why}")
                continue
            done = replace_days(table, paths, days)
            self._log.info(f"{table.table_name}: {days} rebuilt, {done.rows_loaded:,} rows")
            self._rebuilt[table.table_name] = done

    def _set_aside(self, not_assigned: Mapping[str, str]) -> list[InputReport]:
        """Record what isn't loaded, including what earlier loads refused, in the quarantine."""
        refused = {path: note["reason"] for path, note in self._state.refused.items()}
        reasons = dict(sorted({**not_assigned, **refused, **self._left}.items()))
        found = {
            path: (f"{SOURCE}_{table}" if (table := _table_of(path)) else "", reason)
            for path, reason in reasons.items()
        }
        entries = Quarantine(load_settings(QuarantineSettings).quarantine).note_in_place(
            SOURCE, self._settings.books, found
        )
        return [
            InputReport(
                name=path,
                table=entry.table,
                outcome=Outcome.LEFT if path in self._left else Outcome.SET_ASIDE,
                reason=entry.reason,
                set_aside=(entry.told(),),
            )
            for path, entry in entries.items()
        ]

    def _input(self, item: Assigned, parsed: Parsed, rows: Mapping[Path, int]) -> InputReport:
        loaded = rows.get(parsed.path, parsed.rows)
        return InputReport(
            name=item.export.path,
            table=self._tables[item.table].table_name,
            records=parsed.records,
            loaded=loaded,
            merged_away=parsed.duplicates + parsed.rows - loaded,
            set_aside=tuple(SetAside(reason=row.reason, records=1) for row in parsed.aside),
            bytes=item.export.size,
            facts=facts_of(parsed),
            breaks=parsed.breaks,
        )

    def _with_origins(self, done: Mapping[str, TableReport]) -> dict[str, TableReport]:
        """The tables' reports, each added column with the export that brought it."""
        found: dict[str, list[ColumnAdded]] = {}
        for item, parsed in self._read:
            found.setdefault(self._tables[item.table].table_name, []).extend(
                ColumnAdded(name=name, type=type_, input=item.export.path)
                for name, type_ in parsed.new_columns.items()
            )
        return {
            name: report.model_copy(update={"columns_added": tuple(found.get(name, ()))})
            for name, report in done.items()
        }


def _forget(chosen: Callable[[str], bool], tables: Collection[str] = ()) -> None:
    """Forget the exports whose path is chosen, and the newest full export of tables."""
    state = _State.read()
    before = state.as_json()
    for path in state.known:
        if chosen(path):
            state.drop(path)
    for table in tables:
        state.full_exports.pop(table, None)
    if state.as_json() != before:
        load(SOURCE, [], state.as_json())


def _table_of(path: str) -> str | None:
    """Name of the table that an export of this path belongs to."""
    item = assign(Export("", path), [table.name for table in raw_tables(SOURCE)])
    return item.table if isinstance(item, Assigned) else None


def _present_columns(warehouse: WarehouseSettings) -> dict[str, dict[str, str]]:
    """Columns of the raw tables, with DuckDB's types, by the table's name.

    A table that doesn't exist yet has the declared ones.
    """
    with connect(warehouse) as connection:
        present = columns_by_table(connection, warehouse.database)
    return {
        table.name: present.get(
            (warehouse.dlt_dataset_name, table.table_name),
            {column.name: _canonical(column.type) for column in table.columns},
        )
        for table in raw_tables(SOURCE)
    }


def _canonical(declared: str) -> str:
    """A declared type in DuckDB's spelling."""
    return {"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}.get(declared.upper(), declared.upper())
