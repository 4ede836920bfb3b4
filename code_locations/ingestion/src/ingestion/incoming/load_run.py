"""Loads a batch of arrived files, each row exactly once, and clears them out of the inbox.

A table has all of a file's rows or none (one insert a file), and its `_file_id` says which file
they are from. The table is checked before a file is loaded, so the next run completes one that was
killed at any point. Batches of the same table must not run at the same time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from ingestion.files.conform import Destination
from ingestion.files.errors import UnreadableFileError
from ingestion.files.fetching import FileReader
from ingestion.files.listing import Export, find_exports
from ingestion.incoming.declared import Declared
from ingestion.incoming.full import gone_files, refuse_as_full
from ingestion.incoming.inbox import SOURCE, Inbox, Target, table_of, target_of
from ingestion.incoming.outcomes import Outcomes
from ingestion.incoming.reading import Fetched, Read, fetch_one, read_one
from ingestion.incoming.tables import (
    Tables,
    columns_and_files,
    found_tables,
    key_of,
    raw_table_of,
)
from ingestion.layouts import layouts
from ingestion.loading import Loaded, LoadError, TableFile, load
from ingestion.quarantine import Quarantine
from ingestion.settings import IncomingSettings, QuarantineSettings
from stack.errors import one_line
from stack.load_report import InputReport, LoadReport, Outcome
from stack.raw import RawTable, raw_tables
from stack.settings import WarehouseSettings, load_settings
from stack.storage import filesystem


class LoadRun:
    """One load, of a batch or of processed files again."""

    def __init__(self, log: logging.Logger) -> None:
        self.log = log
        self.warehouse = load_settings(WarehouseSettings)
        self.settings = load_settings(IncomingSettings)
        self.inbox = Inbox.open(self.settings)
        self.declared = Declared.load(self.settings.declared_files)
        self.quarantine = Quarantine(load_settings(QuarantineSettings).quarantine)
        self.outcomes = Outcomes(log, self.quarantine)

    def load(self, batch: Mapping[str, str]) -> LoadReport:
        """See `FilesLoader.load_batch`."""
        there = {file.path: file for file in self.inbox.files()} if batch else {}
        with self._reader(self.inbox.fs, self.inbox.root) as reader:
            fetched = list(self._fetch(reader, batch, there))
            tables = Tables.look(self.warehouse, fetched)
            if fetched:
                tables.remember()
            reads = self._read(reader, fetched, tables)
            self._load(reader, reads, tables)
        for file, reason in self.outcomes.refused:
            self._move(file, partial(self._set_aside, reason=reason))
        for item in fetched:
            done = self.outcomes.inputs.get(item.file.path)
            if done is not None and done.outcome in (Outcome.LOADED, Outcome.AGAIN):
                self._move(item.file, self.inbox.to_processed)
        return self._report()

    def reread(self, tables: Collection[str]) -> LoadReport:
        """Replace a table's rows by those of its processed files, if all the files are still there.

        A table with rows from another file, or from none, is left as it is.
        """
        self.outcomes.again = True
        fs, root = filesystem(self.settings.processed)
        exports = find_exports(fs, root)
        for name in sorted(t for t in tables if t.startswith(f"{SOURCE}_")):
            with self._reader(fs, root) as reader:
                files = list(self._processed(reader, exports, name))
                by_content = {item.file_id: item for item in files}
                columns, wanted = columns_and_files(self.warehouse, name)
                if None in wanted or not wanted <= by_content.keys():
                    self.log.warning(
                        f"{name} is left as it is: it has rows of files that are not in "
                        f"{self.settings.processed}"
                    )
                    continue
                chosen = [item for item in by_content.values() if item.file_id in wanted]
                state = Tables({name: columns})
                state.remember()
                state.newest.pop(name, None)
                reads = self._read(reader, chosen, state)
                if len(reads) == len(chosen) and reads:
                    self._insert(reader, reads, state, replace=True)
        return self._report()

    def _processed(
        self, reader: FileReader, exports: Iterable[Export], table: str
    ) -> Iterator[Fetched]:
        """The processed files of a table; a layout's files are found by their content."""
        by_layout = table in {f"{SOURCE}_{layout.name}" for layout in layouts()}
        for export in exports:
            target = target_of(export.path)
            if not isinstance(target, Target):
                continue
            if by_layout or f"{SOURCE}_{target.table}" == table:
                with suppress(UnreadableFileError):
                    fetched = fetch_one(reader, self.declared, export, target)
                    if fetched.table == table:
                        yield fetched

    def _reader(self, fs: Any, root: str) -> FileReader:
        return FileReader(fs, root, self.settings.stack_home / "scratch", self.warehouse)

    def _fetch(
        self, reader: FileReader, batch: Mapping[str, str], there: Mapping[str, Export]
    ) -> Iterator[Fetched]:
        """The files of the batch that are still as listed and belong to a table."""
        for path, version in batch.items():
            file = there.get(path)
            if file is None:
                self.outcomes.note(path, Outcome.LEFT, "it is gone")
            elif file.version != version:
                self.outcomes.note(path, Outcome.LEFT, "it has changed since it was listed")
            elif isinstance(target := target_of(path, regular=file.regular), Target):
                fetch = partial(fetch_one, reader, self.declared, file, target)
                if fetched := self.outcomes.attempt(file, fetch):
                    yield fetched
            else:
                self.outcomes.refused.append((file, target))

    def _read(self, reader: FileReader, fetched: Sequence[Fetched], tables: Tables) -> list[Read]:
        """The files whose content is new to their tables, as Parquet, oldest first."""
        reads: list[Read] = []
        for item in sorted(fetched, key=lambda item: item.file):
            path = item.file.path
            if _again(item, reads, tables):
                self.outcomes.note(path, Outcome.AGAIN, "its table has this content", item.table)
                continue
            read_new = partial(self._read_new, reader, item, tables)
            read = self.outcomes.attempt(item.file, read_new, item.table)
            if read is None:
                continue
            self.outcomes.keep_rows(read)
            if read.parsed.rows:
                tables.take(read)
                reads.append(read)
            else:  # a header alone says nothing about types: no table
                self.log.info(f"{path} has no rows")
                self.outcomes.count([read], Loaded())
        return reads

    def _read_new(self, reader: FileReader, item: Fetched, tables: Tables) -> Read:
        """A file as Parquet, given its table's columns and what is declared."""
        destination = Destination(
            table=self._raw_table(item.table),
            columns=tables.columns.get(item.table, {}),
            path=item.staged.path.with_suffix(".parquet"),
            remembered=tables.remembered.get(item.table, {}),
            rules=item.rules,
        )
        read = read_one(reader, item, destination)
        if item.full_export:
            table, newest = self._raw_table(item.table, tables), tables.newest.get(item.table)
            refuse_as_full(read, table, newest, has_rows=bool(destination.columns))
        return read

    def _raw_table(self, name: str, tables: Tables | None = None) -> RawTable:
        """A table with its declared key and present columns."""
        columns = tables.columns.get(name, {}) if tables else {}
        return raw_table_of(name, columns, key_of(name, self.declared))

    def _load(self, reader: FileReader, reads: Sequence[Read], tables: Tables) -> None:
        """Load all at once; if that fails, one by one: one file mustn't hold up the others."""
        import duckdb

        if not reads:
            return
        try:
            self._insert(reader, reads, tables)
        except (LoadError, duckdb.Error) as error:
            there = Tables.look(self.warehouse, [read.fetched for read in reads])
            for read in reads:
                if there.has(read.fetched):
                    self.outcomes.count([read], Loaded())
                    continue
                try:
                    if len(reads) == 1:
                        raise error
                    self._insert(reader, [read], tables)
                    tables.loaded(read)
                except (LoadError, duckdb.Error) as why:
                    reason = one_line(str(why).splitlines()[0])
                    self.outcomes.fail(read.fetched.file.path, reason, read.fetched.table)
        for read in reads:
            if self.outcomes.inputs[read.fetched.file.path].outcome is Outcome.LOADED:
                tables.loaded(read)

    def _insert(
        self, reader: FileReader, reads: Sequence[Read], tables: Tables, *, replace: bool = False
    ) -> None:
        files = [
            TableFile(
                self._raw_table(read.fetched.table, tables),
                read.parquet,
                read.parsed.rows,
                replace=replace,
                types=tables.columns[read.fetched.table],
            )
            for read in reads
        ] + [
            TableFile(fed.table, fed.path, fed.rows, keys_checked=True)
            for read in reads
            for fed in read.fed
        ]
        for name in dict.fromkeys(r.fetched.table for r in reads if r.fetched.full_export):
            table = self._raw_table(name, tables)
            exports = [read for read in reads if read.fetched.table == name]
            files += gone_files(
                reader.connection(), self.warehouse, table, exports, replace=replace
            )
        done = load(SOURCE, files, tables.state(reads), self.log.info)
        self.outcomes.count(reads, done)

    def _move(self, file: Export, move: Callable[[Export], None]) -> None:
        try:
            move(file)
        except OSError as error:
            self.outcomes.fail(file.path, f"it can't be moved out of the inbox: {error}")

    def _set_aside(self, file: Export, reason: str) -> None:
        entry = self.inbox.to_quarantine(file, table_of(file.path), reason, self.quarantine)
        if entry is None:
            self.outcomes.note(
                file.path, Outcome.LEFT, "it is gone, or has changed since it was listed"
            )
            return
        self.outcomes.inputs[file.path] = InputReport(
            name=file.path,
            table=entry.table,
            outcome=Outcome.SET_ASIDE,
            reason=reason,
            set_aside=(entry.told(),),
        )

    def _report(self) -> LoadReport:
        found = {
            t.table_name: t
            for t in (*raw_tables(SOURCE), *found_tables(self.warehouse, self.declared))
        }
        return self.outcomes.report(found.values())


def _again(item: Fetched, reads: Sequence[Read], tables: Tables) -> bool:
    """Whether the file's table has its content, or will have it after these."""
    earlier = [read.fetched.file_id for read in reads if read.fetched.table == item.table]
    if item.full_export and earlier:
        return earlier[-1] == item.file_id
    return tables.has(item) or item.file_id in earlier
