"""Content versions of tables, which change with every write, by the stack or anyone else.

No value is bound here or in anything that runs each time: that makes DuckDB import pandas.

Why these versions and no others: docs/decisions/0044-cost-follows-change.md.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from stack.digests import digest
from stack.files import write_file
from stack.settings import WarehouseSettings
from stack.sql import identifier, literal
from stack.warehouse.connection import is_postgres

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Name = tuple[str, str]
# Two headers follow a DuckDB file's main one; each checkpoint writes one of them.
_HEADERS = 3 * 4096
_log = logging.getLogger(__name__)


class Relation(BaseModel):
    """A table or view as it is now.

    `version` covers a table's rows and columns, or a view's SQL and columns (for a view's rows see
    `stack.warehouse.contents`). None: unknown. `sql`: only for a view.
    """

    model_config = ConfigDict(frozen=True)

    version: str | None
    columns: str
    sql: str | None = None

    @property
    def is_view(self) -> bool:
        """Whether it is one."""
        return self.sql is not None


class _Known(BaseModel):
    """Relations of the DuckDB file at one state of the file, by `schema.table`."""

    state: tuple[str, ...]
    relations: dict[str, Relation]


def relations(
    connection: DuckDBPyConnection,
    settings: WarehouseSettings,
    names: Iterable[Name] | None = None,
) -> dict[Name, Relation]:
    """The named relations that exist, or all.

    Rows of a DuckDB file are read only if the file was written since they were last read.
    """
    columns = _columns(connection, settings)
    if names is not None:
        columns = {name: columns[name] for name in names if name in columns}
    views = dict(_views(connection, settings, columns.keys()))
    tables = columns.keys() - views.keys()
    is_lake = settings.dlt_destination == "ducklake"
    versions = (_of_lake if is_lake else _of_file)(connection, settings, tables, columns)
    return {
        name: Relation(version=digest(views[name], found), columns=found, sql=views[name])
        if name in views
        else Relation(version=versions.get(name), columns=found)
        for name, found in columns.items()
    }


def content_of(connection: DuckDBPyConnection, name: Name) -> str:
    """A hash of a table's rows in any order; reads them all."""
    row = "_row_of_the_table"
    table = f"{identifier(name[0])}.{identifier(name[1])}"
    return digest(
        connection.execute(
            f"select count(*), sum(hash({row})::hugeint) from {table} as {row}"
        ).fetchone()
    )


def _columns(connection: DuckDBPyConnection, settings: WarehouseSettings) -> dict[Name, str]:
    rows = connection.execute(
        "select schema_name, table_name, list((column_name, data_type) order by column_index) "
        f"from duckdb_columns() where database_name = {literal(settings.database)} "
        "and not internal group by all"
    ).fetchall()
    return {(schema, table): digest(columns) for schema, table, columns in rows}


def _views(
    connection: DuckDBPyConnection, settings: WarehouseSettings, names: Collection[Name]
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
    """Counts and hashes of the rows, cached with the state of the file."""
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
    """Changes with each write to the file; None if some writes aren't in it yet."""
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
        write_file(memory, known.model_dump_json())
    except OSError as error:
        _log.warning(f"{memory} can't be written, so all tables are read again: {error}")


def _of_lake(
    connection: DuckDBPyConnection,
    settings: WarehouseSettings,
    tables: Iterable[Name],
    columns: Mapping[Name, str],
) -> dict[Name, str | None]:
    """The files that hold the rows: a file name is never reused, even after a restore."""
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
