"""A database's table as a dlt source: Arrow tables with the database's types.

In SQLite each value has a type, and a column may mix them: its rows come as they are, without
SQLAlchemy's conversions to the column's type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ingestion.files.errors import UnreadableFileError
from ingestion.sources.database import engine_of, table_of
from ingestion.sources.declarations import SqlSource
from ingestion.sources.order import latest
from ingestion.sources.reading import cursor_path
from ingestion.sources.rows import (
    LooseLoader,
    Stored,
    arrow_type,
    is_comparable,
    not_boolean,
    typed_loader,
)

if TYPE_CHECKING:
    from dlt.extract import DltSource
    from sqlalchemy.types import TypeEngine


@dataclass(frozen=True)
class SqlTableFound:
    """A table as the database describes it, and the source of its rows.

    `names` are its columns. If `loose`, rows are dicts of values as stored; `types` are those for
    columns without values, `json` names columns of JSON, and `numerals` those whose numbers come as
    text, since no type has room for all of them.
    """

    source: DltSource
    names: tuple[str, ...]
    loose: bool
    types: Mapping[str, str]
    json: frozenset[str]
    numerals: frozenset[str]
    value: Callable[[str, Any], Any]


def sql_rows(
    source: SqlSource,
    name: str,
    variables: Mapping[str, str],
    *,
    only_new: bool,
    as_text: frozenset[str] = frozenset(),
) -> SqlTableFound:
    """The table, with secrets filled in, whose resource is `name`. Connects to the database.

    Columns `as_text` come as the database's text. Raises UnreadableFileError.
    """
    import dlt
    from dlt.sources.sql_database import sql_table

    declared = source.tables[name]
    engine = engine_of(source, variables)
    table = table_of(engine, declared.name or name, source.db_schema, declared.cursor)
    loose = engine.dialect.name == "sqlite"
    incremental = None
    if only_new and declared.cursor is not None:
        kind = table.c[declared.cursor].type
        _require_order(declared.cursor, kind, as_text, loose=loose)
        first = declared.initial_value
        first = _as_stored(first) if loose else _as_typed(first, kind)
        incremental = dlt.sources.incremental(
            cursor_path(declared.cursor, nested=False),
            initial_value=first,
            last_value_func=latest if loose or not is_comparable(kind) else max,
            on_cursor_value_missing="include",
            # No key: a row at the cursor's last value is read again; it may have changed since.
            primary_key=(),
        )

    @dlt.source(name=source.name)
    def tables() -> Any:
        return sql_table(
            credentials=engine,
            table=table.name,
            schema=source.db_schema,
            metadata=table.metadata,
            chunk_size=source.chunk_rows,
            backend="pyarrow",
            reflection_level="minimal",  # we choose the types
            incremental=incremental,
            table_loader_class=LooseLoader if loose else typed_loader(as_text),
        ).with_name(name)

    kinds = {column.name: column.type for column in table.columns}
    if loose:
        kinds |= dict.fromkeys(not_boolean(engine, table), sa.types.NULLTYPE)
    return SqlTableFound(
        source=tables(),
        names=tuple(kinds),
        loose=loose,
        types={n: _duckdb_type(t) for n, t in kinds.items() if _duckdb_type(t)},
        json=frozenset(n for n, t in kinds.items() if isinstance(t, sa.JSON | sa.ARRAY)),
        numerals=frozenset(
            n for n, t in kinds.items() if isinstance(t, sa.Numeric) and arrow_type(t) is None
        ),
        value=Stored(kinds),
    )  # fmt: skip


def _require_order(
    cursor: str, kind: TypeEngine[Any], as_text: frozenset[str], *, loose: bool
) -> None:
    without = (sa.Boolean, sa.JSON, sa.ARRAY, sa.LargeBinary, sa.Interval)
    if isinstance(kind, without) and not loose:
        raise UnreadableFileError(
            f"the cursor {cursor} is {str(kind).lower()}, which says nothing about "
            "what is later; name another cursor, or none"
        )
    if cursor in as_text:
        raise UnreadableFileError(
            f"the cursor {cursor} has values such as infinity, and nothing is later than that; "
            "correct them at the source, or name another cursor, or none"
        )


def _duckdb_type(kind: TypeEngine[Any]) -> str:
    """The type of a column without values; "" for text, and where only values can tell."""
    if isinstance(kind, sa.Boolean):
        return "BOOLEAN"
    if isinstance(kind, sa.Integer):
        return "BIGINT"
    if isinstance(kind, sa.Float):
        return "DOUBLE"
    if isinstance(kind, sa.Numeric) and (found := arrow_type(kind)) is not None:
        return f"DECIMAL({found.precision},{found.scale})"
    names: Sequence[tuple[type, str]] = (
        (sa.DateTime, "TIMESTAMP"), (sa.Date, "DATE"), (sa.Time, "TIME"),
    )  # fmt: skip
    return next((name for of, name in names if isinstance(kind, of)), "")


def _as_stored(value: Any) -> Any:
    """A YAML value as people write it into SQLite."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    return str(value) if isinstance(value, date | time) else value


def _as_typed(value: Any, kind: TypeEngine[Any]) -> Any:
    """A YAML value in the type of the column that it is compared with."""
    if isinstance(kind, sa.DateTime) and isinstance(value, str | date):
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        if kind.timezone:
            return found.replace(tzinfo=found.tzinfo or UTC)
        return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    if isinstance(kind, sa.Date) and isinstance(value, str | datetime):
        return date.fromisoformat(str(value)[:10])
    if isinstance(kind, sa.Integer) and isinstance(value, str):
        return int(value)
    if isinstance(kind, sa.Numeric) and isinstance(value, str | int | float):
        return float(value) if isinstance(kind, sa.Float) else Decimal(str(value))
    return str(value) if isinstance(kind, sa.String) and value is not None else value
