"""Loads what is new or changed among the books' exports."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from ingestion.books.days import rebuild_days, without_event_tables
from ingestion.books.exports import Assigned, changes, find_exports
from ingestion.books.quarantine import write_notes
from ingestion.books.reader import ExportReader, StillWrittenError
from ingestion.books.reading import Parsed, UnreadableExportError
from ingestion.books.report import SOURCE, BooksReport, SchemaChange
from ingestion.loading import TableFile, load, read_state
from ingestion.settings import BooksSettings
from stack.partitions import Days
from stack.raw import raw_table, raw_tables
from stack.settings import load_settings
from stack.storage import filesystem

_log = logging.getLogger(__name__)


def load_books(
    progress: Callable[[str], None] = _log.info,
    *,
    full_refresh: bool = False,
    days: Days | None = None,
) -> BooksReport:
    """Load new and changed exports, with `full_refresh` all of them; return what happened.

    With `days`, tables with an event date get exactly these rebuilt from all their exports;
    what is new of other days is left for a run without.

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
    if days is not None:
        todo = without_event_tables(todo)
    if not full_refresh:
        report.unchanged = sum(seen.get(export.path) == export.version for export in exports)
    if not exports:
        progress(f"no exports at {settings.books}")

    seen = {path: version for path, version in seen.items() if path not in todo.vanished}
    refused = {path: note for path, note in refused.items() if path not in todo.vanished}
    passing: dict[str, str] = {}
    files: list[TableFile] = []
    with ExportReader(fs, root, settings) as reader:
        for item in todo.to_load:
            path = item.export.path
            seen.pop(path, None)
            refused.pop(path, None)
            try:
                parsed = reader.read(item)
            except UnreadableExportError as error:
                refused[path] = {"version": item.export.version, "reason": str(error)}
            except (FileNotFoundError, PermissionError, StillWrittenError) as error:
                # Not a matter of its content: the next run tries again.
                passing[path] = f"it can't be read now: {error}"
            else:
                seen[path] = item.export.version
                table = raw_table(SOURCE, item.table)
                files.append(TableFile(table, parsed.path, parsed.rows, keys_checked=True))
                _add(report, item, parsed)
        if days is not None:
            everything = changes(exports, dict.fromkeys(known, ""), names)
            rebuild_days(reader, everything, days, report, progress)
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
            report.load.tables.update(load(SOURCE, files, new_state, progress=progress).tables)
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
