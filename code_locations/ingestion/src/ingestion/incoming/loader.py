"""Loads a batch of arrived files, each row exactly once, and clears them out of the inbox.

A table has all of a file's rows or none (one insert a file), and its `_file_id` says which file
they are from. The table is checked before a file is loaded, so the next run completes one that was
killed at any point. Batches of the same table must not run at the same time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ingestion.files.conform import Destination
from ingestion.files.errors import UnreadableFileError
from ingestion.files.fetching import FileReader, content_hash
from ingestion.files.listing import Export, find_exports
from ingestion.files.rules import NOTHING_DECLARED, ReadingRules, of_rows_put_back
from ingestion.incoming.declared import Declared
from ingestion.incoming.full import gone_files, refuse_as_full
from ingestion.incoming.inbox import (
    ASSET,
    SOURCE,
    Inbox,
    Target,
    header_line_of,
    quiet_files,
    target_of,
)
from ingestion.incoming.reading import Fetched, Read, read_one
from ingestion.incoming.tables import (
    Tables,
    columns_and_files,
    found_tables,
    key_of,
    raw_table_of,
)
from ingestion.layouts import Layout, layouts, recognise
from ingestion.layouts.feeding import SOURCE as FED
from ingestion.loaders import WHAT_IS_NEW, Scope, WithoutFacts
from ingestion.loading import Loaded, LoadError, TableFile, load
from ingestion.loading.tables import with_all_tables
from ingestion.quarantine import Quarantine
from ingestion.settings import IncomingSettings, QuarantineSettings
from stack.errors import one_line
from stack.load_report import Failure, InputReport, LoadReport, Outcome, SetAside, TableReport
from stack.outage import is_passing
from stack.quarantine import Entry
from stack.raw import RawTable, raw_tables
from stack.settings import WarehouseSettings, load_settings
from stack.storage import filesystem

_log = logging.getLogger(__name__)
_SHOWN = 20


class FilesLoader(WithoutFacts):
    """Arrived files into tables named after them; implements `ingestion.loaders.Loader`."""

    name = SOURCE
    asset = ASSET
    kind = "dlt"
    required = True

    def tables(self) -> tuple[RawTable, ...]:
        """The tables that models use: those of stack/raw/files.yml, and those that layouts feed."""
        return (*raw_tables(SOURCE), *raw_tables(FED))

    def load(self, scope: Scope = WHAT_IS_NEW, log: logging.Logger = _log) -> LoadReport:
        """Load the oldest files that nobody has written to lately.

        If the scope names tables, read their processed files again instead.
        """
        if scope.tables is not None:
            return _Run(log).reread(scope.tables)
        return self.load_batch(quiet_files(load_settings(IncomingSettings), ()), log)

    def load_batch(self, batch: Mapping[str, str], log: logging.Logger = _log) -> LoadReport:
        """Load these files of the inbox, given as version by path.

        Files that can't be read go to the quarantine, loaded ones to `processed`. A file that is
        gone or has changed since it was listed is left for a later batch. One that can't be moved
        is a failure; the next batch with it moves it.
        """
        return _Run(log).load(batch)

    def forget(self, tables: Collection[str]) -> None:
        """Do nothing: a load of chosen tables reads their processed files again."""

    def rereads(self, table: str) -> bool:  # noqa: ARG002
        """None: whether a file is still in `processed` is only known when it is read."""
        return False

    def put_back(self, entry: Entry) -> str:
        """Move a quarantined file back into the inbox; make a file of quarantined records."""
        settings = load_settings(IncomingSettings)
        inbox = Inbox.open(settings)
        quarantine = Quarantine(load_settings(QuarantineSettings).quarantine)
        put_back = inbox.put_back if entry.kind == "file" else inbox.put_back_rows
        path = put_back(entry, quarantine)
        seconds = settings.incoming_settle_seconds
        return (
            f"{path} is in the inbox again; file_processing_pipeline loads it, {seconds} seconds "
            "after it was last written to"
        )


@dataclass
class _Run:
    """One load: its inputs by path, and the files that are dealt with."""

    log: logging.Logger
    inputs: dict[str, InputReport] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    loaded: dict[str, TableReport] = field(default_factory=dict)
    aside: dict[str, list[SetAside]] = field(default_factory=dict)
    again: bool = False

    def __post_init__(self) -> None:
        self.warehouse = load_settings(WarehouseSettings)
        self.settings = load_settings(IncomingSettings)
        self.inbox = Inbox.open(self.settings)
        self.declared = Declared.load(self.settings.declared_files)
        self.quarantine = Quarantine(load_settings(QuarantineSettings).quarantine)

    def load(self, batch: Mapping[str, str]) -> LoadReport:
        """See `FilesLoader.load_batch`."""
        there = {file.path: file for file in self.inbox.files()} if batch else {}
        refused: list[tuple[Export, str]] = []
        with self._reader(self.inbox.fs, self.inbox.root) as reader:
            fetched = self._fetch(reader, batch, there, refused)
            tables = Tables.look(self.warehouse, fetched)
            if fetched:
                tables.remember()
            reads = self._read(reader, fetched, tables, refused)
            self._load(reader, reads, tables)
        for file, reason in refused:
            self._move(file, partial(self._set_aside, reason=reason))
        for item in fetched:
            done = self.inputs.get(item.file.path)
            if done is not None and done.outcome in (Outcome.LOADED, Outcome.AGAIN):
                self._move(item.file, self.inbox.to_processed)
        return self._report()

    def reread(self, tables: Collection[str]) -> LoadReport:
        """Replace a table's rows by those of its processed files, if all the files are still there.

        A table with rows from another file, or from none, is left as it is.
        """
        self.again = True
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
                reads = self._read(reader, chosen, state, [])
                if len(reads) == len(chosen) and reads:
                    made = self._files(reader, reads, state, replace=True)
                    self._count(reads, load(SOURCE, made, state.state(reads)))
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
                    fetched = self._stage(reader, export, target)
                    if fetched.table == table:
                        yield fetched

    def _reader(self, fs: Any, root: str) -> FileReader:
        return FileReader(fs, root, self.settings.stack_home / "scratch", self.warehouse)

    def _fetch(
        self,
        reader: FileReader,
        batch: Mapping[str, str],
        there: Mapping[str, Export],
        refused: list[tuple[Export, str]],
    ) -> list[Fetched]:
        """The files of the batch that are still as listed and belong to a table."""
        fetched = []
        for path, version in batch.items():
            file = there.get(path)
            target = target_of(path, regular=file is None or file.regular)
            try:
                if file is None:
                    raise FileNotFoundError
                if file.version != version:
                    self._note(path, Outcome.LEFT, "it has changed since it was listed")
                elif isinstance(target, Target):
                    fetched.append(self._stage(reader, file, target))
                else:
                    refused.append((file, target))
            except UnreadableFileError as error:
                refused.append((file or Export("", path), str(error)))
            except FileNotFoundError:
                self._note(path, Outcome.LEFT, "it is gone")
            except Exception as error:
                if _ends_the_run(error):
                    raise
                self._fail(path, _why_unread(error))
        return fetched

    def _stage(self, reader: FileReader, file: Export, target: Target) -> Fetched:
        """A file's records and its layout; a declaration overrides a layout."""
        local = reader.fetch(file)
        declared = self.declared.of(file.path, f"{SOURCE}_{target.table}")
        rules = NOTHING_DECLARED if declared is None else declared.read
        looked_for = rules.hints_only and not (declared and declared.feeds)
        header_line = header_line_of(file.path)
        if header_line:
            rules = of_rows_put_back(rules, header_line)
        known = (lambda names: recognise(names) is not None) if looked_for else None
        staged = reader.stage(local, file, rules, known)
        names = staged.records.names if staged.records else ()
        layout = recognise(names) if looked_for else None
        if layout:
            rules = self._layout_rules(layout, names, rules)
            rules = of_rows_put_back(rules, header_line) if header_line else rules
        table = f"{SOURCE}_{layout.name if layout else target.table}"
        full = self.declared.full_export(table) or self._raw_table(table).full_export
        return Fetched(
            file=file,
            target=target,
            file_id=content_hash(local),
            staged=staged,
            rules=rules,
            layout=layout,
            feeding=layout or declared,
            full_export=full and header_line is None,
        )

    def _layout_rules(
        self, layout: Layout, names: tuple[str, ...], rules: ReadingRules
    ) -> ReadingRules:
        """A layout's rules, reading days and numbers as declared for the file or the table."""
        declared = self.declared.of("", f"{SOURCE}_{layout.name}")
        of_table = NOTHING_DECLARED if declared is None else declared.read
        return layout.rules_for(names).with_hints(rules, of_table)

    def _read(
        self,
        reader: FileReader,
        fetched: Sequence[Fetched],
        tables: Tables,
        refused: list[tuple[Export, str]],
    ) -> list[Read]:
        """The files whose content is new to their tables, as Parquet, oldest first."""
        reads: list[Read] = []
        for item in sorted(fetched, key=lambda item: item.file):
            path = item.file.path
            if _again(item, reads, tables):
                self._note(path, Outcome.AGAIN, "its table has this content", item.table)
                continue
            try:
                destination = self._destination(item, tables)
                read = read_one(reader, item, destination)
                if item.full_export:
                    table, newest = (
                        self._raw_table(item.table, tables),
                        tables.newest.get(item.table),
                    )
                    refuse_as_full(read, table, newest, has_rows=bool(destination.columns))
            except UnreadableFileError as error:
                refused.append((item.file, str(error)))
            except FileNotFoundError:
                self._note(path, Outcome.LEFT, "it is gone")
            except Exception as error:
                if _ends_the_run(error):
                    raise
                self._fail(path, _why_unread(error), item.table)
            else:
                self.aside[path] = self._rows_aside(read)
                if not read.parsed.rows:  # a header alone says nothing about types: no table
                    self.log.info(f"{path} has no rows")
                    self.inputs[path] = read.input(0, self.aside[path])
                    continue
                tables.take(read)
                reads.append(read)
        return reads

    def _destination(self, item: Fetched, tables: Tables) -> Destination:
        """Where a file goes, given its table's columns and what is declared."""
        return Destination(
            table=self._raw_table(item.table),
            columns=tables.columns.get(item.table, {}),
            path=item.staged.path.with_suffix(".parquet"),
            remembered=tables.remembered.get(item.table, {}),
            rules=item.rules,
        )

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
            files = self._files(reader, reads, tables)
            self._count(reads, load(SOURCE, files, tables.state(reads), self.log.info))
        except (LoadError, duckdb.Error) as error:
            there = Tables.look(self.warehouse, [read.fetched for read in reads])
            for read in reads:
                if there.has(read.fetched):
                    self._count([read], Loaded())
                    continue
                try:
                    if len(reads) == 1:
                        raise error
                    files = self._files(reader, [read], tables)
                    done = load(SOURCE, files, tables.state([read]), self.log.info)
                    tables.loaded(read)
                    self._count([read], done)
                except (LoadError, duckdb.Error) as why:
                    reason = one_line(str(why).splitlines()[0])
                    self._fail(read.fetched.file.path, reason, read.fetched.table)
        for read in reads:
            if self.inputs[read.fetched.file.path].outcome is Outcome.LOADED:
                tables.loaded(read)

    def _files(
        self,
        reader: FileReader,
        reads: Sequence[Read],
        tables: Tables,
        *,
        replace: bool = False,
    ) -> list[TableFile]:
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
        return files

    def _count(self, reads: Iterable[Read], done: Loaded) -> None:
        self.loaded |= done.tables
        for read in reads:
            kept = done.rows_by_file.get(read.parquet, read.parsed.rows)
            path = read.fetched.file.path
            self.inputs[path] = read.input(kept, self.aside[path])

    def _rows_aside(self, read: Read) -> list[SetAside]:
        """Keep the rows that can't be loaded, except those on which nobody has to act."""
        found = [row for row in read.parsed.aside if row.expected]
        told = [SetAside(reason=row.reason, records=1) for row in found[:_SHOWN]]
        if len(found) > _SHOWN:
            told.append(SetAside(reason="and others alike", records=len(found) - _SHOWN))
        rows = [row for row in read.parsed.aside if not row.expected]
        if rows:
            more = f"; and {len(rows) - 1:,} more" if len(rows) > 1 else ""
            records = read.fetched.staged.records
            above = records.preamble if records and read.fetched.rules.preamble else ()
            file = {"header": read.parsed.headers, "above": above}
            entry = self.quarantine.keep_records(
                SOURCE,
                read.fetched.file.path,
                read.fetched.table,
                f"{rows[0].reason}{more}",
                (
                    {"line": row.line, "reason": row.reason, **file, "cells": row.cells}
                    for row in rows
                ),
                again=self.again,
            )
            told.append(entry.told())
        return told

    def _move(self, file: Export, move: Callable[[Export], None]) -> None:
        try:
            move(file)
        except OSError as error:
            self._fail(file.path, f"it can't be moved out of the inbox: {error}")

    def _set_aside(self, file: Export, reason: str) -> None:
        target = target_of(file.path)
        table = target.table if isinstance(target, Target) else ""
        entry = self.inbox.to_quarantine(file, table, reason, self.quarantine)
        if entry is None:
            self._note(file.path, Outcome.LEFT, "it is gone, or has changed since it was listed")
            return
        self.inputs[file.path] = InputReport(
            name=file.path,
            table=entry.table,
            outcome=Outcome.SET_ASIDE,
            reason=reason,
            set_aside=(entry.told(),),
        )

    def _note(self, path: str, outcome: Outcome, reason: str, table: str = "") -> None:
        self.log.info(f"{path}: {outcome.replace('_', ' ')}: {reason}")
        self.inputs[path] = InputReport(name=path, table=table, outcome=outcome, reason=reason)

    def _fail(self, path: str, reason: str, table: str = "") -> None:
        """Note the failure; the file stays where it is for a later run."""
        self._note(path, Outcome.FAILED, reason, table)
        self.failures.append(Failure(source=path, reason=f"{reason}; it stays for a later run"))

    def _report(self) -> LoadReport:
        found = {
            t.table_name: t
            for t in (*raw_tables(SOURCE), *found_tables(self.warehouse, self.declared))
        }
        return LoadReport(
            loader=SOURCE,
            asset=ASSET,
            inputs=tuple(self.inputs.values()),
            tables=with_all_tables(found.values(), self.loaded),
            failures=tuple(self.failures),
        )


def _ends_the_run(error: Exception) -> bool:
    """Whether an error is not of the file being read: an outage, or a lack of disk or memory."""
    full = "No space left on device" in str(error)
    return is_passing(error) or full or isinstance(error, MemoryError)


def _why_unread(error: Exception) -> str:
    """The reason given for a file that stays in the inbox."""
    import duckdb

    if isinstance(error, OSError | duckdb.Error):
        return f"it can't be read now: {one_line(str(error), 200)}"
    return f"the reader has a fault: {type(error).__name__}: {one_line(str(error), 200)}"


def _again(item: Fetched, reads: Sequence[Read], tables: Tables) -> bool:
    """Whether the file's table has its content, or will have it after these."""
    earlier = [read.fetched.file_id for read in reads if read.fetched.table == item.table]
    if item.full_export and earlier:
        return earlier[-1] == item.file_id
    return tables.has(item) or item.file_id in earlier
