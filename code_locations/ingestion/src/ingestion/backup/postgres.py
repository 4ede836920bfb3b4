"""Copies the tables of a Postgres schema, as of one moment, with COPY.

Not with pg_dump, which refuses a newer server and would be one more program. The tables themselves
are created by their owner, Dagster or DuckLake, before they are filled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from graphlib import TopologicalSorter
from typing import IO, Any

from pydantic import BaseModel, ConfigDict

from ingestion.backup.archive import Writer
from ingestion.backup.errors import BackupError
from stack.sql import identifier, identifiers

TABLES = "tables.json"
COPY = ".copy"


class Tables(BaseModel):
    """What is dumped: columns of each table with their types, and the value of each sequence."""

    model_config = ConfigDict(frozen=True)

    columns: dict[str, dict[str, str]]
    sequences: dict[str, int]


@contextmanager
def opened(url: str) -> Iterator[Any]:
    """A psycopg2 connection to the server that `url` names. Raises BackupError."""
    import psycopg2

    try:
        connection = psycopg2.connect(url, connect_timeout=10)
    except psycopg2.OperationalError as error:
        said = str(error).strip().splitlines()[0]
        raise BackupError("Postgres", found=f"no server that lets us in: {said}") from None
    with closing(connection):
        yield connection


@contextmanager
def snapshot(connection: Any) -> Iterator[None]:
    """Everything read in the block is as of one moment."""
    connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
    try:
        yield
    finally:
        connection.rollback()


def dump(connection: Any, schema: str, writer: Writer, folder: str) -> None:
    """Add all tables of `schema` below `folder`."""
    tables = _tables(connection, schema)
    writer.add_json(f"{folder}/{TABLES}", tables.model_dump_json())
    for table, columns in tables.columns.items():
        with writer.spool() as spool, connection.cursor() as cursor:
            query = f"copy {_name(schema, table)} ({identifiers(columns)}) to stdout"
            cursor.copy_expert(query, spool)
            size = spool.tell()
            spool.seek(0)
            writer.add(f"{folder}/{table}{COPY}", spool, size=size)


class Loading:
    """Fills the tables of `schema` in one transaction, which `commit` ends.

    Raises BackupError if they differ from the dumped ones. `extra`: prefixes of the names of tables
    that are created if they are missing.
    """

    def __init__(self, connection: Any, schema: str, extra: str | None = None) -> None:
        self._connection, self._schema, self._extra = connection, schema, extra
        self._columns: dict[str, dict[str, str]] = {}

    def take(self, name: str, content: IO[bytes]) -> None:
        """Take a file of the dump, by its name there; `tables.json` comes first."""
        if name == TABLES:
            self._prepare(Tables.model_validate_json(content.read()))
            return
        table = name.removesuffix(COPY)
        columns = identifiers(self._columns[table])
        with self._connection.cursor() as cursor:
            query = f"copy {_name(self._schema, table)} ({columns}) from stdin"
            cursor.copy_expert(query, content)

    def _prepare(self, dumped: Tables) -> None:
        there = _tables(self._connection, self._schema)
        for table in dumped.columns.keys() - there.columns.keys():
            if self._extra and table.startswith(self._extra):
                there.columns[table] = self._made(table, dumped.columns[table])
        for table in sorted(dumped.columns.keys() | there.columns.keys()):
            was, is_now = (set(t.columns.get(table, ())) for t in (dumped, there))
            if was != is_now:
                raise BackupError(
                    f"the table {self._schema}.{table}",
                    found=", ".join(sorted(is_now)) or "no such table",
                    expected=", ".join(sorted(was)) or "no such table",
                    next_step="restore with the version that made the backup, then upgrade",
                )
        self._columns = dumped.columns
        with self._connection.cursor() as cursor:
            names = ", ".join(_name(self._schema, table) for table in dumped.columns)
            if names:
                cursor.execute(f"truncate {names}")
            for sequence, last in dumped.sequences.items():
                cursor.execute("select setval(%s, %s)", (_name(self._schema, sequence), last))

    def _made(self, table: str, columns: dict[str, str]) -> dict[str, str]:
        described = ", ".join(f"{identifier(name)} {type_}" for name, type_ in columns.items())
        with self._connection.cursor() as cursor:
            cursor.execute(f"create table {_name(self._schema, table)} ({described})")
        return columns

    def execute(self, query: str, values: Iterable[object] = ()) -> None:
        """Execute a statement in the same transaction."""
        with self._connection.cursor() as cursor:
            cursor.execute(query, tuple(values))

    def commit(self) -> None:
        """Commit the transaction."""
        self._connection.commit()


def _tables(connection: Any, schema: str) -> Tables:
    """Tables come after those that their rows refer to."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select c.relname, a.attname, format_type(a.atttypid, a.atttypmod) "
            "from pg_class as c join pg_attribute as a on a.attrelid = c.oid "
            "where c.relnamespace = %s::regnamespace and c.relkind = 'r' "
            "and a.attnum > 0 and not a.attisdropped order by c.relname, a.attnum",
            (identifier(schema),),
        )
        columns: dict[str, dict[str, str]] = {}
        for table, name, type_ in cursor.fetchall():
            columns.setdefault(table, {})[name] = type_
        cursor.execute(
            "select c.relname, r.relname from pg_constraint as f "
            "join pg_class as c on c.oid = f.conrelid join pg_class as r on r.oid = f.confrelid "
            "where f.contype = 'f' and f.connamespace = %s::regnamespace and c.oid <> r.oid",
            (identifier(schema),),
        )
        order: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(columns, ()))
        for table, referenced in cursor.fetchall():
            order.add(table, referenced)
        columns = {table: columns[table] for table in order.static_order()}
        cursor.execute(
            "select sequencename, last_value from pg_sequences "
            "where schemaname = %s and last_value is not null",
            (schema,),
        )
        return Tables(columns=columns, sequences=dict(cursor.fetchall()))


def _name(schema: str, table: str) -> str:
    return f"{identifier(schema)}.{identifier(table)}"
