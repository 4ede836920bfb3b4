"""Rows of the books' tables from the rows of a file with a known or declared layout.

The id of a client or project depends only on its name, so that one tool's hours and another's
invoices match.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ingestion.files.rows import VIEWED, view
from ingestion.files.rules import ColumnKind, ReadingRules
from ingestion.layouts.layout import Feed
from stack.errors import reason
from stack.raw import RawTable, raw_tables
from stack.sql import identifier, literal
from stack.warehouse import count_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SOURCE = "exports"
MACROS = """
create or replace temp macro stable_id(t) as cast(md5_number_lower(t) >> 1 as bigint);
create or replace temp macro client_key(client) as
    stable_id('client|' || lower(trim(client)));
create or replace temp macro project_key(client, project) as
    stable_id('project|' || lower(trim(coalesce(client, ''))) || '|'
        || lower(trim(project)));
create or replace temp macro entry_key(t) as stable_id({tool} || '|entry|' || t);
create or replace temp macro invoice_key(number) as
    stable_id({tool} || '|invoice|' || trim(number));
create or replace temp macro clock_minutes(t) as cast(round(
    cast(split_part(t, ':', 1) as integer) * 60 + cast(split_part(t, ':', 2) as integer)
    + coalesce(try_cast(nullif(split_part(t, ':', 3), '') as integer), 0) / 60) as bigint);
"""


class Feeding(Protocol):
    """What gives rows to the books: a layout, or what people declare about files."""

    @property
    def tool(self) -> str:
        """The tool whose entries and invoices they are, which is part of their ids."""
        ...

    @property
    def feeds(self) -> Mapping[str, Feed]:
        """SQL by table of the books."""
        ...

    @property
    def read(self) -> ReadingRules:
        """How its files are read: `optional` columns are null where a file lacks them."""
        ...

    def known(self) -> Mapping[str, ColumnKind]:
        """The types of columns that a file may have; {}: they keep the types found."""
        ...


@dataclass(frozen=True)
class Fed:
    """Rows for one table, as Parquet with its columns."""

    table: RawTable
    path: Path
    rows: int


def fed_tables() -> dict[str, RawTable]:
    """The tables that layouts feed, by the name of the books' table that they resemble."""
    return {table.name: table for table in raw_tables(SOURCE)}


def feed(
    connection: DuckDBPyConnection, source: Feeding, rows: Path, written_at: datetime
) -> tuple[list[Fed], list[str]]:
    """What a file's typed rows give to the books' tables, and why a table gets nothing.

    `rows` is Parquet with the columns of the layout's table; `written_at` is in UTC.
    """
    import duckdb

    connection.execute(MACROS.replace("{tool}", literal(source.tool)))
    tables = fed_tables()
    fed, failed = [], []
    types = _types(connection, rows)
    known = source.known()
    unproven = _unproven(connection, rows, types, known)
    relation = f"read_parquet({literal(rows)})"
    file_time = f"timestamp {literal(written_at.isoformat(sep=' '))} as file_time"
    lacking = "".join(
        f", cast(null as {VIEWED[kind]}) as {identifier(name)}"
        for name, kind in source.read.optional.items()
        if name not in types
    )
    file = f"select *, {file_time}{lacking} from {relation}"
    if known:
        file = view(relation, types, known, file_time)
    for name, rule in source.feeds.items():
        table = tables[name]
        target = rows.with_name(f"{rows.name}.{name}.parquet")
        said = " ".join([*rule.columns.values(), rule.where])
        if used := [told for c, told in unproven.items() if re.search(rf"\b{c}\b", said)]:
            failed.append(f"{table.table_name} gets no rows of it: {'; '.join(used)}")
            continue
        try:
            query = _query(table, rule.columns, rule.where, file)
            connection.execute(f"copy ({query}) to {literal(target)} (format parquet)")
        except duckdb.Error as error:
            failed.append(f"{table.table_name} gets no rows of it: {reason(error)[:300]}")
            continue
        if count := count_rows(connection, f"read_parquet({literal(target)})"):
            fed.append(Fed(table, target, count))
    return fed, failed


def _types(connection: DuckDBPyConnection, rows: Path) -> dict[str, str]:
    found = connection.execute(f"describe select * from read_parquet({literal(rows)})").fetchall()
    return {str(name): str(type_) for name, type_, *_ in found}


def _unproven(
    connection: DuckDBPyConnection, rows: Path, types: Mapping[str, str], known: Mapping[str, str]
) -> dict[str, str]:
    """Columns that should be days or numbers but stayed text, with the first such value."""
    texts = [
        (name, kind)
        for name, kind in known.items()
        if kind not in ("text", "json") and types.get(name) == "VARCHAR"
    ]
    if not texts:
        return {}
    values = connection.execute(
        f"select {', '.join(f'min({identifier(name)})' for name, _ in texts)} "
        f"from read_parquet({literal(rows)})"
    ).fetchone()
    return {
        name: f"nothing in the file decides what {kind} {value!r} in its column {name} is; declare "
        f"{'its decimal mark' if kind == 'decimal' else 'dates: dmy or mdy'} (docs/files.md)"
        for (name, kind), value in zip(texts, values or (), strict=False)
        if value is not None
    }


def _query(table: RawTable, columns: Mapping[str, str], where: str, file: str) -> str:
    selected = ", ".join(
        f"cast({columns.get(column.name, 'null')} as {column.type}) as {identifier(column.name)}"
        for column in table.columns
    )
    key = ", ".join(identifier(name) for name in table.primary_key)
    names = ", ".join(identifier(column.name) for column in table.columns)
    return (
        f"with file as ({file}), fed as (select {selected} from file where {where}) "
        f"select * from fed qualify row_number() over (partition by {key} order by {names}) = 1"
    )
