"""Content versions of tables: any writer moves them, ours or not.

No value is bound here or in what runs each time: DuckDB imports pandas as soon as one is.

Why these and no others: docs/decisions/0044-cost-follows-change.md.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import fsspec
from pydantic import BaseModel, ConfigDict, ValidationError

from stack.artifacts import write_atomically
from stack.digests import digest
from stack.settings import WarehouseSettings
from stack.sql import identifier, literal
from stack.warehouse.connection import is_postgres

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Name = tuple[str, str]
# Two headers of a DuckDB file follow its main one; each checkpoint writes one of them.
_HEADERS = 3 * 4096
_log = logging.getLogger(__name__)


class Relation(BaseModel):
    """What a table or view is now.

    `version` is that of a table's rows and columns, or of a view's SQL and columns: a view's rows
    are those of the tables that it reads. None: it can't be told.
    """

    model_config = ConfigDict(frozen=True)

    version: str | None
    columns: str
    is_view: bool = False


class _Known(BaseModel):
    """Relations of the DuckDB file in a state of the file, by `schema.table`."""

    state: tuple[str, ...]
    relations: dict[str, Relation]


def relations(
    connection: DuckDBPyConnection, settings: WarehouseSettings, names: Iterable[Name]
) -> dict[Name, Relation]:
    """Those of the relations that exist.

    Rows of a DuckDB file are read only if the file was written since they were last read.
    """
    wanted = set(names)
    columns = _columns(connection, settings, wanted)
    views = dict(_views(connection, settings, wanted & columns.keys()))
    tables = columns.keys() - views.keys()
    is_lake = settings.dlt_destination == "ducklake"
    versions = (_of_lake if is_lake else _of_file)(connection, settings, tables, columns)
    return {
        name: Relation(version=digest(views[name], found), columns=found, is_view=True)
        if name in views
        else Relation(version=versions.get(name), columns=found)
        for name, found in columns.items()
    }


def content_of(connection: DuckDBPyConnection, name: Name) -> str:
    """A hash of a table's rows, in whatever order; all of them are read."""
    row = "_row_of_the_table"
    table = f"{identifier(name[0])}.{identifier(name[1])}"
    return digest(
        connection.execute(
            f"select count(*), sum(hash({row})::hugeint) from {table} as {row}"
        ).fetchone()
    )


def _columns(
    connection: DuckDBPyConnection, settings: WarehouseSettings, names: set[Name]
) -> dict[Name, str]:
    rows = connection.execute(
        "select schema_name, table_name, list((column_name, data_type) order by column_index) "
        f"from duckdb_columns() where database_name = {literal(settings.database)} group by all"
    ).fetchall()
    return {(s, t): digest(columns) for s, t, columns in rows if (s, t) in names}


def _views(
    connection: DuckDBPyConnection, settings: WarehouseSettings, names: set[Name]
) -> Iterable[tuple[Name, str]]:
    rows = connection.execute(
        "select schema_name, view_name, sql from duckdb_views() "
        f"where database_name = {literal(settings.database)}"
    ).fetchall()
    return (((schema, view), sql) for schema, view, sql in rows if (schema, view) in names)


def _of_file(
    connection: DuckDBPyConnection,
    settings: WarehouseSettings,
    tables: Iterable[Name],
    columns: Mapping[Name, str],
) -> dict[Name, str | None]:
    """Counts and hashes of the rows, remembered with the state of the file."""
    file = settings.duckdb_file
    memory = file.with_suffix(".versions.json")
    state = _state(file)
    known = _remembered(memory, state)
    found: dict[Name, str | None] = {}
    for name in tables:
        before = known.get(".".join(name))
        if before is not None and before.columns == columns[name]:
            found[name] = before.version
            continue
        found[name] = digest(columns[name], content_of(connection, name))
    if state is not None and state == _state(file):
        new = {".".join(n): Relation(version=v, columns=columns[n]) for n, v in found.items()}
        _remember(memory, _Known(state=state, relations=known | new))
    return found


def _state(file: Path) -> tuple[str, ...] | None:
    """What changes with each write of the file; None if some aren't in it yet."""
    if file.with_name(f"{file.name}.wal").exists():
        return None
    try:
        status = file.stat()
        with file.open("rb") as opened:
            headers = hashlib.sha256(opened.read(_HEADERS)).hexdigest()
    except OSError:
        return None
    return (str(status.st_ino), str(status.st_mtime_ns), str(status.st_size), headers)


def _remembered(memory: Path, state: tuple[str, ...] | None) -> dict[str, Relation]:
    try:
        known = _Known.model_validate_json(memory.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValidationError) as error:
        _log.warning(f"{memory} can't be read, so all tables are: {error}")
        return {}
    return known.relations if known.state == state else {}


def _remember(memory: Path, known: _Known) -> None:
    try:
        local = fsspec.filesystem("file")
        write_atomically(local, str(memory), known.model_dump_json().encode())
    except OSError as error:
        _log.warning(f"{memory} can't be written, so all tables are read again: {error}")


def _of_lake(
    connection: DuckDBPyConnection,
    settings: WarehouseSettings,
    tables: Iterable[Name],
    columns: Mapping[Name, str],
) -> dict[Name, str | None]:
    """The files that hold the rows: their names are used once, over restores too."""
    schema = settings.database if is_postgres(settings) else "main"
    metadata = f'"__ducklake_metadata_{settings.database}".{identifier(schema)}'
    rows = connection.execute(
        f"""
        with files as (
            select table_id, path, begin_snapshot, partial_max, record_count as rows
            from {metadata}.ducklake_data_file where end_snapshot is null
            union all
            select table_id, path, begin_snapshot, partial_max, delete_count
            from {metadata}.ducklake_delete_file where end_snapshot is null
        )
        select s.schema_name, t.table_name, t.table_uuid, max(inlined.table_id) is not null,
            list((f.path, f.begin_snapshot, f.partial_max, f.rows) order by f.path)
        from {metadata}.ducklake_table as t
        join {metadata}.ducklake_schema as s using (schema_id)
        left join files as f using (table_id)
        left join {metadata}.ducklake_inlined_data_tables as inlined using (table_id)
        where t.end_snapshot is null and s.end_snapshot is null
        group by all
        """
    ).fetchall()
    wanted = set(tables)
    return {
        (schema, table): None if is_inlined else digest(str(uuid), files, columns[schema, table])
        for schema, table, uuid, is_inlined, files in rows
        if (schema, table) in wanted
    }
