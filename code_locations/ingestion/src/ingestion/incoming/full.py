"""Full exports among the arrived files: finds the rows that are gone from their tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion.files.errors import UnreadableFileError
from ingestion.incoming.reading import Read
from ingestion.incoming.tables import Newest
from ingestion.layouts.feeding import feed
from ingestion.loading import TableFile
from ingestion.loading.removed import REMOVED_AT, gone_rows, require_full
from stack.raw import RawTable
from stack.settings import WarehouseSettings
from stack.sql import identifier, literal
from stack.warehouse import count_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Ids of the tool's own. Clients and projects may belong to other tools too, and stay.
_OWN_IDS = ("entry_key(", "invoice_key(")


def refuse_as_full(read: Read, table: RawTable, before: Newest | None, *, has_rows: bool) -> None:
    """Raise UnreadableFileError for a file that is no full export of its table."""
    rows = [row for row in read.parsed.aside if not row.expected]
    if rows:
        raise UnreadableFileError(
            f"{rows[0].reason}; a full export is loaded whole, or not at all: correct it there"
        )
    written_at, last = read.fetched.file.written_at, before.written_at if before else None
    require_full(table, read.parsed.rows, written_at, last, has_rows=has_rows)


def gone_files(
    connection: DuckDBPyConnection,
    warehouse: WarehouseSettings,
    table: RawTable,
    reads: Sequence[Read],
    *,
    replace: bool = False,
) -> list[TableFile]:
    """What is missing from the newest (the last) of a table's full exports.

    That is rows of the table, and the entries and invoices made from them.
    """
    newest = reads[-1]
    at = newest.fetched.file.written_at
    gone = gone_rows(
        warehouse,
        table,
        newest.parquet,
        [read.parquet for read in reads[:-1]],
        at,
        replace=replace,
    )
    files = [gone]
    if newest.fetched.feeding is None or not gone.rows or replace:
        return files
    there = {fed.table.name: fed.path for fed in newest.fed}
    fed, _ = feed(connection, newest.fetched.feeding, gone.path, at)
    for item in fed:
        rule = newest.fetched.feeding.feeds[item.table.name]
        ids = " ".join(rule.columns.get(name, "") for name in item.table.primary_key)
        if any(own in ids for own in _OWN_IDS):
            marked = item.path.with_suffix(".marked.parquet")
            rows = _mark(connection, item.table, item.path, there.get(item.table.name), at, marked)
            files.append(TableFile(item.table, marked, rows, marked=True))
    return files


def _mark(  # noqa: PLR0913, PLR0917
    connection: DuckDBPyConnection,
    table: RawTable,
    gone: Path,
    there: Path | None,
    at: datetime,
    target: Path,
) -> int:
    """Write the rows of `gone` that aren't `there`, with their mark; return how many."""
    condition = "true"
    if there is not None:
        same = " and ".join(f"n.{identifier(k)} = r.{identifier(k)}" for k in table.primary_key)
        condition = f"not exists (select 1 from read_parquet({literal(there)}) as n where {same})"
    mark = f"cast({literal(at.isoformat(sep=' '))} as timestamp) as {REMOVED_AT}"
    connection.execute(
        f"copy (select r.*, {mark} from read_parquet({literal(gone)}) as r where {condition}) "
        f"to {literal(target)} (format parquet)"
    )
    return count_rows(connection, f"read_parquet({literal(target)})")
