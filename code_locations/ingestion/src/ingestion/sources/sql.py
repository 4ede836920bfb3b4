"""A database's table as a dlt source: Arrow tables with the database's types.

In SQLite each value has a type, and a column may mix them: its rows come as they are, without
SQLAlchemy's conversions to the column's type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from dlt.sources.sql_database.helpers import TableLoader

from ingestion.files.json_records import loads
from ingestion.loading.widening import MOST_DIGITS
from ingestion.sources.database import engine_of, table_of
from ingestion.sources.declarations import SqlSource
from ingestion.sources.order import alike, latest
from ingestion.sources.reading import cursor_path

if TYPE_CHECKING:
    import pyarrow as pa
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
    source: SqlSource, name: str, variables: Mapping[str, str], *, only_new: bool
) -> SqlTableFound:
    """The table, with secrets filled in, whose resource is `name`. Connects to the database."""
    import dlt
    from dlt.sources.sql_database import sql_table

    declared = source.tables[name]
    engine = engine_of(source, variables)
    table = table_of(engine, declared.name or name, source.db_schema, declared.cursor)
    loose = engine.dialect.name == "sqlite"
    incremental = None
    if only_new and declared.cursor is not None:
        first = declared.initial_value
        first = _as_stored(first) if loose else _as_typed(first, table.c[declared.cursor].type)
        incremental = dlt.sources.incremental(
            cursor_path(declared.cursor, nested=False),
            initial_value=first,
            last_value_func=latest if loose else max,
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
            table_loader_class=_LooseLoader if loose else _TypedLoader,
        ).with_name(name)

    kinds = {column.name: column.type for column in table.columns}
    return SqlTableFound(
        source=tables(),
        names=tuple(kinds),
        loose=loose,
        types={n: _duckdb_type(t) for n, t in kinds.items() if _duckdb_type(t)},
        json=frozenset(n for n, t in kinds.items() if isinstance(t, sa.JSON | sa.ARRAY)),
        numerals=frozenset(
            n for n, t in kinds.items() if isinstance(t, sa.Numeric) and arrow_type(t) is None
        ) - {declared.cursor or ""},
        value=_Stored(kinds),
    )  # fmt: skip


class _TypedLoader(TableLoader):
    """Rows as Arrow, exactly: columns without a matching Arrow type come as the database's text."""

    def _make_query(self) -> Any:
        return super()._make_query().with_only_columns(*[self._picked(c) for c in self.table.c])

    def _picked(self, column: Any) -> Any:
        if _arrow_type(column, self.cursor_column) is not None:
            return column
        if isinstance(column.type, sa.ARRAY) and self.engine.dialect.name == "postgresql":
            column = sa.func.to_json(column).label(column.name)
        return sa.cast(column, sa.Text).label(column.name)

    def _convert_result(self, result: Any, _: dict[str, Any]) -> Iterator[Any]:
        import pyarrow as pa

        schema = pa.schema(
            [(c.name, _arrow_type(c, self.cursor_column) or pa.string()) for c in self.table.c]
        )
        rows = 0
        for partition in result.partitions(size=self.chunk_size):
            columns = list(zip(*partition, strict=True))
            rows += len(partition)
            arrays = [
                pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)
            ]
            yield pa.Table.from_arrays(arrays, schema=schema)
        if not rows:
            yield schema.empty_table()


class _LooseLoader(TableLoader):
    """Rows as dicts of the values that SQLite stores."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.cursor_column is not None:
            coerced: Any = sa.type_coerce(self.cursor_column, sa.types.NullType())
            self.cursor_column = coerced

    def _make_query(self) -> Any:
        picked = [sa.type_coerce(c, sa.types.NullType()).label(c.name) for c in self.table.c]
        query = super()._make_query().with_only_columns(*picked)
        cursor, last = self.cursor_column, self.last_value
        if last is None:
            return query
        # Texts that are written in another way have no place in the order of this one.
        others = sa.func.typeof(cursor) != "text" if isinstance(last, str) else sa.false()
        if isinstance(last, str):
            others |= cursor.op("NOT GLOB")(alike(last))
        return query.where((cursor >= last) | cursor.is_(None) | others)

    def _convert_result(self, result: Any, _: dict[str, Any]) -> Iterator[Any]:
        names = [column.name for column in self.table.c]
        for partition in result.partitions(size=self.chunk_size):
            yield [dict(zip(names, row, strict=True)) for row in partition]


@dataclass(frozen=True)
class _Stored:
    """What a SQLite value means in a column of its declared type; the value itself is kept."""

    kinds: Mapping[str, TypeEngine[Any]]

    def __call__(self, name: str, value: Any) -> Any:
        kind = self.kinds.get(name)
        if isinstance(value, float) and not isinstance(kind, sa.Float):
            return Decimal(repr(value)) if value - value == 0 else repr(value)
        if isinstance(kind, sa.Boolean) and value in (0, 1) and isinstance(value, int):
            return bool(value)
        if isinstance(kind, sa.JSON) and isinstance(value, str) and value[:1] in ("{", "["):
            try:
                return loads(value)
            except (ValueError, RecursionError):
                return value
        return value


def _arrow_type(column: Any, cursor: Any) -> pa.DataType | None:
    """The Arrow type of a column; the cursor's values are compared, so they mustn't be text."""
    import pyarrow as pa

    found = arrow_type(column.type)
    is_cursor = cursor is not None and column.name == cursor.name
    if found is None and is_cursor and isinstance(column.type, sa.Numeric):
        return pa.decimal128(MOST_DIGITS, 10)
    return found


def arrow_type(kind: TypeEngine[Any]) -> pa.DataType | None:  # noqa: PLR0911 one for each type
    """The Arrow type that can hold all values of a database column; None if none can."""
    import pyarrow as pa

    if isinstance(kind, sa.Boolean):
        return pa.bool_()
    if isinstance(kind, sa.Integer):
        return pa.decimal128(20, 0) if getattr(kind, "unsigned", False) else pa.int64()
    if isinstance(kind, sa.Float):
        return pa.float64()
    if isinstance(kind, sa.Numeric):
        digits, scale = kind.precision, kind.scale or 0
        fits = digits is not None and 0 <= scale <= digits <= MOST_DIGITS
        return pa.decimal128(digits, scale) if fits else None
    if isinstance(kind, sa.DateTime):
        return pa.timestamp("us", tz="UTC" if kind.timezone else None)
    if isinstance(kind, sa.Date):
        return pa.date32()
    if isinstance(kind, sa.Time):
        return None if kind.timezone else pa.time64("us")
    if isinstance(kind, sa.LargeBinary):
        return pa.binary()
    return pa.string() if isinstance(kind, sa.String) else None


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
