"""Loads a batch of arrived files, each row exactly once, and clears them out of the inbox.

A table has a file's rows all or not at all (one insert a file), and its `_file_id` says which;
so a file is looked up in the table before it is loaded, and a run that was killed at any point
is made good by the next one. Batches of the same table must not run at the same time.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ingestion.books.exports import describe
from ingestion.books.reading import UnreadableExportError
from ingestion.incoming.arrivals import SOURCE, Inbox, Target, target_of
from ingestion.incoming.moving import move, note_reason
from ingestion.incoming.reading import Fetched, Read, Reader
from ingestion.incoming.tables import Tables, raw_table_of
from ingestion.loading import LoadError, TableFile, load
from ingestion.settings import IncomingSettings
from stack.settings import WarehouseSettings, load_settings

_log = logging.getLogger(__name__)


@dataclass
class FilesReport:
    """What became of a batch, by table name (`files_orders`) and by path.

    `again`: files whose content the table had already; `empty`: those without a row. Staying
    in the inbox for a later run: `left`, which changed or are gone, and `failed`, which could
    not be loaded.
    """

    files: dict[str, list[str]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    again: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    quarantined: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    columns_added: dict[str, list[str]] = field(default_factory=dict)
    duration_s: float = 0.0


def process_files(
    batch: Mapping[str, str], progress: Callable[[str], None] = _log.info
) -> FilesReport:
    """Load these files of the inbox, version by path; return what became of each.

    Files that can't be read go to quarantine with the reason, loaded ones to `processed`. One
    that is gone, or has changed since it was listed, is left for a later batch. Raises what
    the file system raises when a file can't be moved; the next batch with it moves it.
    """
    started = time.perf_counter()
    settings, warehouse = load_settings(IncomingSettings), load_settings(WarehouseSettings)
    report = FilesReport()
    inbox = Inbox.open(settings)
    with Reader(inbox, settings.stack_home / "scratch", warehouse) as reader:
        fetched = _fetch(reader, inbox, batch, report)
        tables = Tables.look(warehouse, fetched)
        reads = _read(reader, inbox, fetched, tables, report)
        _load(reads, tables, report, progress)
    for path, reason in sorted(report.quarantined.items()):
        note_reason(settings.quarantine, path, reason, settings.incoming)
        move(inbox, path, batch[path], settings.quarantine)
    for file in fetched:
        if tables.has(file):
            move(inbox, file.path, file.version, settings.processed)
    report.duration_s = time.perf_counter() - started
    return report


def _fetch(
    reader: Reader, inbox: Inbox, batch: Mapping[str, str], report: FilesReport
) -> list[Fetched]:
    """The files of the batch that are there, as they were listed, and belong to a table."""
    fetched = []
    for path, version in batch.items():
        target = target_of(path)
        try:
            if describe(inbox.fs, inbox.root, path).version != version:
                report.left[path] = "it has changed since it was listed"
            elif isinstance(target, Target):
                fetched.append(reader.fetch(path, version, target))
            else:
                report.quarantined[path] = target
        except FileNotFoundError:
            report.left[path] = "it is gone"
        except OSError as error:
            report.failed[path] = f"it can't be read now: {error}"
    return fetched


def _read(
    reader: Reader, inbox: Inbox, fetched: Sequence[Fetched], tables: Tables, report: FilesReport
) -> list[Read]:
    """The files whose content is new to their tables, as Parquet."""
    import duckdb

    reads: list[Read] = []
    for file in fetched:
        if tables.has(file) or any(read.file.content == file.content for read in reads):
            report.again.append(file.path)
            continue
        try:
            columns = tables.columns_of(file.table)
            read = reader.read(file, raw_table_of(file.table, {}), columns)
            if describe(inbox.fs, inbox.root, file.path).version != file.version:
                report.left[file.path] = "it changed while it was read"
                continue
        except UnreadableExportError as error:
            report.quarantined[file.path] = str(error)
        except FileNotFoundError:
            report.left[file.path] = "it is gone"
        except (OSError, duckdb.Error) as error:
            report.failed[file.path] = f"it can't be read now: {str(error).splitlines()[0]}"
        else:
            if not read.rows:  # a header alone says nothing about types: no table is made of it
                tables.add(file)
                report.empty.append(file.path)
                continue
            added = tables.extend(file.table, read.new_columns)
            if added:
                report.columns_added.setdefault(file.table_name, []).extend(added)
            reads.append(read)
    return reads


def _load(
    reads: Sequence[Read], tables: Tables, report: FilesReport, progress: Callable[[str], None]
) -> None:
    """Load all at once; if that fails, one by one, so that one file doesn't hold up the others."""
    import duckdb

    if not reads:
        return
    try:
        load(SOURCE, [_table_file(read, tables) for read in reads], {}, progress=progress)
    except (LoadError, duckdb.Error) as error:
        loaded = tables.look_again()
        for read in reads:
            if loaded.has(read.file):
                continue
            try:
                if len(reads) == 1:
                    raise error
                load(SOURCE, [_table_file(read, tables)], {}, progress=progress)
            except (LoadError, duckdb.Error) as reason:
                report.failed[read.file.path] = str(reason).splitlines()[0]
    for read in reads:
        if read.file.path not in report.failed:
            tables.add(read.file)
            name = read.file.table_name
            report.files.setdefault(name, []).append(read.file.path)
            report.rows[name] = report.rows.get(name, 0) + read.rows


def _table_file(read: Read, tables: Tables) -> TableFile:
    return TableFile(tables.raw_table(read.file.table), read.parquet, read.rows)
