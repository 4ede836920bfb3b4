"""Rows that are gone from their source: a full export lacks them, and they are marked, not deleted.

A full export is a file with all rows that its table has at the source. All other rows get the time
when it was written in `_removed_at` (UTC); a later one that has a row again clears the mark.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ingestion.files.errors import UnreadableFileError
from ingestion.loading.files import TableFile, parquet_columns
from stack.raw import RawTable
from stack.settings import WarehouseSettings
from stack.sql import identifier, literal
from stack.warehouse import columns_of, connect, count_rows

REMOVED_AT = "_removed_at"


def require_full(
    table: RawTable,
    rows: int,
    written_at: datetime,
    before: datetime | None = None,
    *,
    has_rows: bool,
) -> None:
    """Raise UnreadableFileError for a file that would mark rows by mistake.

    `before` is when the table's last full export was written; `has_rows` says whether there are
    rows that could be marked.
    """
    name = table.table_name
    if not table.primary_key:
        raise UnreadableFileError(
            f"{name} is declared as full_export, and has no key to tell its rows by; declare a key"
        )
    if has_rows and not rows:
        raise UnreadableFileError(
            f"it has no rows, and as a full export it would mark all rows of {name} as removed; "
            "if they are gone, delete the table, or else export again"
        )
    if before is not None and written_at < before:
        raise UnreadableFileError(
            f"it was written at {written_at:%Y-%m-%d %H:%M:%S} UTC, before the full export of "
            f"{before:%Y-%m-%d %H:%M:%S} that {name} has; export again"
        )


def gone_rows(  # noqa: PLR0913
    warehouse: WarehouseSettings,
    table: RawTable,
    newest: Path,
    older: Sequence[Path],
    at: datetime,
    *,
    replace: bool = False,
) -> TableFile:
    """The rows that the newest full export lacks, marked, in a Parquet file beside it.

    They are the table's rows without a mark, and those of `older` exports that are loaded with the
    newest. With `replace`, where the table will have nothing but the exports, only the latter; they
    keep the marks that they have in the table.
    """
    name, key = table.table_name, table.primary_key
    target = newest.with_suffix(".gone.parquet")
    schema = warehouse.dlt_dataset_name
    with connect(warehouse) as connection:
        present = columns_of(connection, warehouse, schema, name)
        in_files = [parquet_columns(connection, path) for path in (newest, *older)]
        texts = {c for found in (present, *in_files) for c, t in found.items() if t == "VARCHAR"}
        same = _Same(key, texts & {*key})
        relation = f"{identifier(schema)}.{identifier(name)}"
        named = dict.fromkeys(name for found in in_files for name in found if name != REMOVED_AT)
        columns = ", ".join(f"r.{identifier(name)}" for name in named)
        files = f"read_parquet([{', '.join(literal(p) for p in older)}], union_by_name = true)"
        in_newest = same.exists(f"read_parquet({literal(newest)})")
        mark = f"cast({literal(at.isoformat(sep=' '))} as timestamp)"
        parts = []
        if older:
            when = mark
            if replace and REMOVED_AT in present:
                before = f"select max(n.{REMOVED_AT}) from {relation} as n where {same}"
                when = f"coalesce(({before}), {mark})"
            parts.append(
                f"select {columns}, {when} as {REMOVED_AT} from {files} as r where not {in_newest}"
            )
        if present and not replace:
            unmarked = f"r.{REMOVED_AT} is null" if REMOVED_AT in present else "true"
            there = ", ".join(f"r.{identifier(c)}" for c in present if c != REMOVED_AT)
            in_older = f" and not {same.exists(files)}" if older else ""
            parts.append(
                f"select {there}, {mark} as {REMOVED_AT} from {relation} as r "
                f"where {unmarked} and not {in_newest}{in_older}"
            )
        if not parts:
            parts.append(
                f"select {columns}, {mark} as {REMOVED_AT} "
                f"from read_parquet({literal(newest)}) as r where false"
            )
        connection.execute(
            f"copy ({' union all by name '.join(parts)}) to {literal(target)} (format parquet)"
        )
        rows = count_rows(connection, f"read_parquet({literal(target)})")
    return TableFile(table, target, rows, replace=replace, marked=True)


@dataclass(frozen=True)
class _Same:
    """SQL for whether the rows n and r have the same key; `texts` are compared as text."""

    key: Sequence[str]
    texts: Collection[str]

    def __str__(self) -> str:
        return " and ".join(f"{self._of('n', name)} = {self._of('r', name)}" for name in self.key)

    def _of(self, row: str, name: str) -> str:
        column = f"{row}.{identifier(name)}"
        return f"cast({column} as varchar)" if name in self.texts else column

    def exists(self, relation: str) -> str:
        """Whether a relation has the row r."""
        return f"exists (select 1 from {relation} as n where {self})"
