"""Rebuilds days of the tables that have an event date, from all of their exports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ingestion.books.exports import Assigned, Changes, Export, assign
from ingestion.books.reader import ExportReader
from ingestion.books.reading import UnreadableExportError
from ingestion.books.report import SOURCE, BooksReport
from ingestion.loading.days import replace_days
from stack.partitions import Days
from stack.raw import RawTable, raw_tables


def without_event_tables(todo: Changes) -> Changes:
    """What is to be loaded of the other tables; what was seen of an event's stays seen."""
    dated = {table.name for table in _event_tables()}
    return replace(
        todo,
        to_load=tuple(item for item in todo.to_load if item.table not in dated),
        vanished=tuple(path for path in todo.vanished if _table_of(path) not in dated),
    )


def rebuild_days(
    reader: ExportReader,
    everything: Changes,
    days: Days,
    report: BooksReport,
    progress: Callable[[str], None],
) -> None:
    """Rebuild `days` of each table with an event date; note in `report` what was done.

    `everything` has all exports as to be loaded. A table is left as it is if an export of it
    can't be read, or is gone: its rows would be taken out and not come back.
    """
    for table in _event_tables():
        items = [item for item in everything.to_load if item.table == table.name]
        gone = [path for path in everything.vanished if _table_of(path) == table.name]
        reasons = dict.fromkeys(gone, "it was loaded before and is gone")
        paths = []
        for item in items:
            try:
                parsed = reader.read(item)
            except (UnreadableExportError, OSError) as error:
                reasons[item.export.path] = str(error)
            else:
                paths.append(parsed.path)
        if reasons or not items:
            why = "; ".join(f"{path}: {reason}" for path, reason in reasons.items())
            report.not_rebuilt[table.table_name] = why or "it has no exports"
            continue
        done = replace_days(table, paths, days)
        progress(f"{table.table_name}: {days} rebuilt, {done.rows_loaded:,} rows")
        report.load.tables[table.table_name] = done
        report.files[table.table_name] = [item.export.path for item in items]


def _event_tables() -> list[RawTable]:
    return [table for table in raw_tables(SOURCE) if table.event_date]


def _table_of(path: str) -> str | None:
    """Name of the table that an export of this path belongs to."""
    item = assign(Export("", path, "", 0), [table.name for table in raw_tables(SOURCE)])
    return item.table if isinstance(item, Assigned) else None
