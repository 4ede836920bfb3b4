"""How rows of a database's table are read: typed as Arrow, or as SQLite stores them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from dlt.sources.sql_database.helpers import TableLoader

from ingestion.files.json_records import loads
from ingestion.loading.widening import MOST_DIGITS
from ingestion.sources.order import alike, is_new, later

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy.types import TypeEngine

# What Postgres's driver makes of infinity, and of the time 24:00.
_SUSPECT = frozenset({date.min, date.max, time.min})


class UnfitError(Exception):
    """Columns have values that the database holds and their Arrow type doesn't."""

    def __init__(self, columns: frozenset[str]) -> None:
        super().__init__(", ".join(sorted(columns)))
        self.columns = columns


def unfit_columns(error: BaseException | None) -> frozenset[str]:
    """The columns of an UnfitError among an error's causes."""
    while error is not None:
        if isinstance(error, UnfitError):
            return error.columns
        error = error.__cause__ or error.__context__
    return frozenset()


def typed_loader(as_text: frozenset[str]) -> type[TableLoader]:
    """A loader of Arrow tables in which these columns are the database's text."""

    class Loader(_TypedLoader):
        chosen = as_text

    return Loader


class _TypedLoader(TableLoader):
    """Rows as Arrow, exactly: columns without a matching Arrow type come as the database's text."""

    chosen: frozenset[str] = frozenset()

    def _make_query(self) -> Any:
        return super()._make_query().with_only_columns(*[self._picked(c) for c in self.table.c])

    def _type_of(self, column: Any) -> pa.DataType | None:
        return None if column.name in self.chosen else arrow_type(column.type)

    def _picked(self, column: Any) -> Any:
        if self._type_of(column) is not None:
            return column
        if isinstance(column.type, sa.ARRAY) and self.engine.dialect.name == "postgresql":
            column = sa.func.to_json(column).label(column.name)
        return sa.cast(column, sa.Text).label(column.name)

    def _load_rows(self, query: Any, backend_kwargs: dict[str, Any]) -> Iterator[Any]:
        import pyarrow as pa

        try:
            yield from super()._load_rows(query, backend_kwargs)
        except (ValueError, OverflowError, pa.ArrowException) as error:
            if unfit := self._unfit():
                raise UnfitError(unfit) from error
            raise

    def _convert_result(self, result: Any, _: dict[str, Any]) -> Iterator[Any]:
        import pyarrow as pa

        schema = pa.schema([(c.name, self._type_of(c) or pa.string()) for c in self.table.c])
        rows, checked = 0, False
        for partition in result.partitions(size=self.chunk_size):
            rows += len(partition)
            columns = list(zip(*self._only_new(partition), strict=True)) or [()] * len(schema)
            arrays = [
                pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)
            ]
            if not checked and any(_is_suspect(array) for array in arrays):
                checked = True
                if unfit := self._unfit():
                    raise UnfitError(unfit)
            yield pa.Table.from_arrays(arrays, schema=schema)
        if not rows:
            yield schema.empty_table()

    def _only_new(self, rows: Sequence[Any]) -> Sequence[Any]:
        """The rows that the cursor lets pass, where its order isn't that of an Arrow type."""
        cursor = self.cursor_column
        if self.incremental is None or _is_comparable_in_arrow(cursor.type):
            return rows
        place = list(self.table.c.keys()).index(cursor.key)
        is_number = isinstance(cursor.type, sa.Numeric)
        kept, last = [], self.incremental.last_value
        for row in rows:
            value = row[place]
            value = Decimal(value) if is_number and value is not None else value
            if is_new(value, self.last_value):
                kept.append(row)
                last = last if value is None else later(value, last)
        self.incremental.advance(last)
        return kept

    def _unfit(self) -> frozenset[str]:
        """Columns of Postgres with values that Python has no equal of."""
        if self.engine.dialect.name != "postgresql":
            return frozenset()
        found = {c.name: _is_unfit(c) for c in self.table.c if c.name not in self.chosen}
        asked = {name: condition for name, condition in found.items() if condition is not None}
        if not asked:
            return frozenset()
        with self.engine.connect() as connection:
            flags = connection.execute(
                sa.select(*[sa.func.bool_or(condition) for condition in asked.values()])
            ).one()
        return frozenset(name for name, flag in zip(asked, flags, strict=True) if flag)


def _is_unfit(column: Any) -> Any:
    if arrow_type(column.type) is None:
        return None
    if isinstance(column.type, sa.Date | sa.DateTime):
        outside = sa.cast(column, sa.Text).op("~")("BC$|^[0-9]{5}")
        return sa.not_(sa.func.isfinite(column)) | outside
    if isinstance(column.type, sa.Time):
        return sa.cast(column, sa.Text).like("24:%")
    if isinstance(column.type, sa.Numeric) and not isinstance(column.type, sa.Float):
        return sa.cast(column, sa.Text).in_(["NaN", "Infinity", "-Infinity"])
    return None


def _is_suspect(array: pa.Array) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_temporal(array.type):
        return False
    ends = pc.min_max(array).as_py().values()
    return any((v.date() if isinstance(v, datetime) else v) in _SUSPECT for v in ends)


class LooseLoader(TableLoader):
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
class Stored:
    """What a SQLite value means in a column of its declared type; the value itself is kept."""

    kinds: Mapping[str, TypeEngine[Any]]

    def __call__(self, name: str, value: Any) -> Any:
        """The value to write."""
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


def not_boolean(engine: sa.Engine, table: sa.Table) -> list[str]:
    """Columns of SQLite that are declared as boolean, and have other values than 0 and 1."""
    columns = [c for c in table.c if isinstance(c.type, sa.Boolean)]
    if not columns:
        return []
    stored = [sa.type_coerce(c, sa.types.NullType()) for c in columns]
    odd = [(sa.func.typeof(c) != "integer") | c.not_in([0, 1]) for c in stored]
    with engine.connect() as connection:
        flags = connection.execute(
            sa.select(
                *[sa.func.max(c.is_not(None) & test) for c, test in zip(stored, odd, strict=True)]
            )
        ).one()
    return [column.name for column, flag in zip(columns, flags, strict=True) if flag]


def is_comparable(kind: TypeEngine[Any]) -> bool:
    """Whether the database compares a column's values by what they mean, as it doesn't texts."""
    return isinstance(kind, sa.Numeric | sa.Integer | sa.Date | sa.DateTime | sa.Time)


def _is_comparable_in_arrow(kind: TypeEngine[Any]) -> bool:
    return is_comparable(kind) and arrow_type(kind) is not None


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
