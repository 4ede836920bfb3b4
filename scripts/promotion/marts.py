"""The difference in data: marts made from the same inputs by two versions of the code.

Rows are matched by the key that dbt's tests declare; a table without one is compared as a bag of
rows. Values are compared exactly. Text is hidden by default, as it may be personal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scripts.promotion.images import PromotionError
from stack.sql import identifier, identifiers, literal
from stack.warehouse import columns_by_table

SHOWN_ROWS = 10
_HIDDEN = "(text)"
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_NUMERIC = {"FLOAT", "DOUBLE", *_INTEGERS, *(f"U{one}" for one in _INTEGERS)}
_OPEN = {"BOOLEAN", "DATE", "TIME"}


@dataclass(frozen=True)
class Shown:
    """How many rows of each kind are shown, and whether their text is."""

    rows: int = SHOWN_ROWS
    text: bool = False


@dataclass(frozen=True)
class Total:
    """The sum of a numeric column, before and after."""

    column: str
    before: Any
    after: Any


@dataclass(frozen=True)
class TableDifference:
    """How a table changed; without a `key`, no row counts as changed.

    `columns` counts the changed rows by column. `rows` has some of them: what happened, the key,
    the column and its values.
    """

    table: str
    before: int | None
    after: int | None
    key: tuple[str, ...] = ()
    added: int = 0
    gone: int = 0
    changed: int = 0
    columns: Mapping[str, int] | None = None
    structure: tuple[str, ...] = ()
    totals: tuple[Total, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not (self.added or self.gone or self.changed or self.structure)


def compare(
    before: Path,
    after: Path,
    keys: Mapping[str, Sequence[str]],
    schema: str = "marts",
    shown: Shown = Shown(),
) -> tuple[TableDifference, ...]:
    """The difference of each table of a schema between two DuckDB files, opened read-only.

    Raises PromotionError for a file that isn't one.
    """
    import duckdb

    with duckdb.connect(config={"threads": 1}) as connection:
        for name, file in (("b", before), ("a", after)):
            if not file.is_file():
                raise PromotionError(f"{file}: no such file; name a warehouse.duckdb")
            try:
                connection.execute(f"attach {literal(file)} as {name} (read_only)")
            except duckdb.Error as error:
                raise PromotionError(f"{file}: {str(error).splitlines()[0]}") from None
        old, new = (
            {table: columns for (where, table), columns in found.items() if where == schema}
            for found in (columns_by_table(connection, side) for side in "ba")
        )
        return tuple(
            _Comparison(connection, schema, table, old, new, shown).made(keys.get(table, ()))
            for table in sorted(old.keys() | new.keys())
        )


@dataclass(frozen=True)
class _Comparison:
    connection: Any
    schema: str
    table: str
    old: Mapping[str, Mapping[str, str]]
    new: Mapping[str, Mapping[str, str]]
    shown: Shown

    def made(self, declared: Sequence[str]) -> TableDifference:
        """The difference; a key that isn't unique on both sides is ignored."""
        b, a = (f"{side}.{identifier(self.schema)}.{identifier(self.table)}" for side in "ba")
        if self.table not in self.old:
            count = self._one(f"select count(*) from {a}")[0]
            return TableDifference(
                self.table, None, count, added=count, structure=("the table is new",)
            )
        if self.table not in self.new:
            count = self._one(f"select count(*) from {b}")[0]
            return TableDifference(
                self.table, count, None, gone=count, structure=("the table is gone",)
            )
        old, new = self.old[self.table], self.new[self.table]
        common = [column for column in old if column in new]
        key = tuple(declared) if self._is_key(declared, common, (b, a)) else ()
        counts = [self._one(f"select count(*) from {side}")[0] for side in (b, a)]
        base = TableDifference(
            self.table,
            counts[0],
            counts[1],
            key=key,
            structure=tuple(_structure(old, new)),
            totals=tuple(self._totals(b, a, common)),
        )
        rows = self._by_key(b, a, key, common) if key else self._as_bags(b, a, common)
        return replace(base, **rows)

    def _by_key(
        self, b: str, a: str, key: tuple[str, ...], common: Sequence[str]
    ) -> dict[str, Any]:
        on = " and ".join(f"b.{identifier(k)} = a.{identifier(k)}" for k in key)
        others = [column for column in common if column not in key]
        differs = {column: self._differs(column) for column in others}
        counted = ", ".join(
            ["count(*) filter (" + (" or ".join(differs.values()) or "false") + ")"]
            + [f"count(*) filter ({told})" for told in differs.values()]
        )
        changed, *by_column = self._one(f"select {counted} from {b} b join {a} a on {on}")
        added = self._one(f"select count(*) from {a} a anti join {b} b on {on}")[0]
        gone = self._one(f"select count(*) from {b} b anti join {a} a on {on}")[0]
        columns = {c: n for c, n in zip(others, by_column, strict=True) if n}
        return {
            "added": added, "gone": gone, "changed": changed, "columns": columns,
            "rows": tuple(self._sample(b, a, key, on, columns)),
        }  # fmt: skip

    def _as_bags(self, b: str, a: str, common: Sequence[str]) -> dict[str, Any]:
        kept = ", ".join(self._comparable(column) for column in common)
        old, new = (f"select {kept} from {side}" for side in (b, a))
        added = self._one(f"select count(*) from ({new} except all {old})")[0]
        gone = self._one(f"select count(*) from ({old} except all {new})")[0]
        return {"added": added, "gone": gone}

    def _sample(
        self, b: str, a: str, key: tuple[str, ...], on: str, columns: Mapping[str, int]
    ) -> Iterator[tuple[str, ...]]:
        """Some rows that were added, removed, or changed in a column: the first ones by key."""
        for told, side, other in (("added", f"{a} a", f"{b} b"), ("gone", f"{b} b", f"{a} a")):
            alias = side[-1]
            names = ", ".join(f"{alias}.{identifier(k)}" for k in key)
            query = f"select {names} from {side} anti join {other} on {on} order by all limit ?"
            for row in self.connection.execute(query, [self.shown.rows]).fetchall():
                yield (told, self._key(key, row), "", "", "")
        names = ", ".join(f"b.{identifier(k)}" for k in key)
        for column in columns:
            query = (
                f"select {names}, b.{identifier(column)}, a.{identifier(column)} "
                f"from {b} b join {a} a on {on} where {self._differs(column)} "
                f"order by {names} limit ?"
            )
            for *row, was, is_ in self.connection.execute(query, [self.shown.rows]).fetchall():
                values = (self._shown(column, was), self._shown(column, is_))
                yield ("changed", self._key(key, row), column, *values)

    def _key(self, key: Sequence[str], row: Sequence[Any]) -> str:
        return ", ".join(f"{k} {self._shown(k, v)}" for k, v in zip(key, row, strict=True))

    def _shown(self, column: str, value: Any) -> str:
        if value is None:
            return "null"
        types = (self.old[self.table][column], self.new[self.table][column])
        return str(value) if self.shown.text or all(map(_is_open, types)) else _HIDDEN

    def _totals(self, b: str, a: str, common: Sequence[str]) -> Iterator[Total]:
        old, new = self.old[self.table], self.new[self.table]
        for column in common:
            if _is_numeric(old[column]) and _is_numeric(new[column]):
                was, is_ = (
                    self._one(f"select {_sum(column, types[column])} from {side}")[0]
                    for side, types in ((b, old), (a, new))
                )
                yield Total(column, was, is_)

    def _is_key(
        self, declared: Sequence[str], common: Sequence[str], sides: tuple[str, str]
    ) -> bool:
        if not declared or not set(declared) <= set(common):
            return False
        old, new = self.old[self.table], self.new[self.table]
        if any(old[column] != new[column] for column in declared):
            return False
        names = identifiers(declared)
        lacking = " or ".join(f"{identifier(column)} is null" for column in declared)
        broken = (
            f"select 1 from {side} group by {names} having count(*) > 1 or {lacking} limit 1"
            for side in sides
        )
        return not any(self.connection.execute(query).fetchone() for query in broken)

    def _differs(self, column: str) -> str:
        was, is_ = (self._comparable(column, side) for side in "ba")
        return f"{was} is distinct from {is_}"

    def _comparable(self, column: str, side: str = "") -> str:
        """The column in a comparable form: as text, if its type changed and isn't numeric."""
        named = f"{side}.{identifier(column)}" if side else identifier(column)
        old, new = self.old[self.table][column], self.new[self.table][column]
        if old == new or (_is_numeric(old) and _is_numeric(new)):
            return named
        return f"{named}::varchar"

    def _one(self, query: str) -> Any:
        return self.connection.execute(query).fetchone()


def _structure(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    yield from (f"column {c} is new ({t})" for c, t in new.items() if c not in old)
    yield from (f"column {c} is gone ({t})" for c, t in old.items() if c not in new)
    for column, type_ in old.items():
        if new.get(column, type_) != type_:
            yield f"column {column} is {new[column]}, it was {type_}"


def _is_numeric(type_: str) -> bool:
    return type_ in _NUMERIC or (type_.startswith("DECIMAL") and type_.endswith(")"))


def _is_open(type_: str) -> bool:
    """Whether its values by themselves reveal nothing about a person."""
    is_moment = type_.startswith("TIMESTAMP") and not type_.endswith("]")
    return type_ in _OPEN or is_moment or _is_numeric(type_)


def _sum(column: str, type_: str) -> str:
    """Floats are summed in a way that hardly depends on their order."""
    return f"{'fsum' if type_ in ('FLOAT', 'DOUBLE') else 'sum'}({identifier(column)})"
