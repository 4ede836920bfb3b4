"""The columns of several files, as those of one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion.files.profile import ColumnProfile, Profile
from ingestion.files.rules import DateOrder
from ingestion.loading.widening import room
from stack.sql import identifier, literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# The wording of the proof of types.
UNDECIDED = "fit alike, and nothing decides"

CLOCK = "CLOCK"


@dataclass(frozen=True)
class Read:
    """A file as read, with its rows as Parquet; `dates` if another file decided their order."""

    file: Path
    profile: Profile
    rows: Path
    dates: DateOrder | None = None

    @property
    def header(self) -> tuple[str, ...]:
        """The names of its columns, as in the file."""
        return tuple(column.header for column in self.profile.columns)


def joined(connection: DuckDBPyConnection, files: Sequence[Read]) -> tuple[ColumnProfile, ...]:
    """Each column of the files, with the type that fits all of them, and its totals."""
    if len(files) == 1:
        return files[0].profile.columns
    rows = sum(file.profile.rows for file in files)
    found: dict[str, list[ColumnProfile]] = {}
    for file in files:
        for column in file.profile.columns:
            found.setdefault(column.name, []).append(column)
    filled = dict.fromkeys(found, 0)
    for file in files:
        for column in file.profile.columns:
            filled[column.name] += file.profile.rows - column.empty
    picked = ", ".join(f"count(distinct {identifier(name)})" for name in found)
    query = f"select {picked} from ({values(files, list(found))})"
    different = connection.execute(query).fetchone() or ()
    return tuple(
        _one(same, rows - filled[name], int(count))
        for (name, same), count in zip(found.items(), different, strict=True)
    )


def _one(same: Sequence[ColumnProfile], empty: int, different: int) -> ColumnProfile:
    known = [column for column in same if column.different] or same[:1]
    types = list(dict.fromkeys(column.type for column in known))
    type_ = reduce(room, types)
    reasons = list(dict.fromkeys(column.reason for column in known))
    if types == ["VARCHAR"]:  # one example is enough, except for undecided ones
        reasons = [reason for reason in reasons if UNDECIDED in reason] or reasons[:1]
    ordered = type_ != "VARCHAR" and all(c.first is not None for c in known)
    number = Decimal if type_ == "BIGINT" or type_.startswith("DECIMAL") else str
    totals = [Decimal(c.total) for c in known if c.total is not None]
    return replace(
        known[0],
        type=type_,
        reason=", in another file ".join(reasons),
        empty=empty,
        different=different,
        first=str(min(number(str(c.first)) for c in known)) if ordered else None,
        last=str(max(number(str(c.last)) for c in known)) if ordered else None,
        total=str(sum(totals, Decimal())) if ordered and totals else None,
    )


def values(files: Sequence[Read], names: Sequence[str]) -> str:
    """SQL of these columns' values as text, with `file` in each row; null if a file lacks one."""
    selects = []
    for n, file in enumerate(files):
        there = {column.name for column in file.profile.columns}
        picked = ", ".join(
            f"{f'cast({identifier(name)} as varchar)' if name in there else 'null::varchar'} "
            f"as {identifier(name)}"
            for name in names
        )
        selects.append(f"select {n} as _of, {picked} from read_parquet({literal(file.rows)})")
    return " union all ".join(selects)


def with_clocks(
    connection: DuckDBPyConnection, files: Sequence[Read], columns: Sequence[ColumnProfile]
) -> tuple[ColumnProfile, ...]:
    """The columns, with CLOCK as the type of texts such as 1:30."""
    texts = [column.name for column in columns if column.type == "VARCHAR" and column.different]
    if not texts:
        return tuple(columns)
    picked = ", ".join(
        f"bool_and(regexp_full_match({identifier(name)}, '\\d+:[0-5]\\d(:[0-5]\\d)?'))"
        for name in texts
    )
    row = connection.execute(f"select {picked} from ({values(files, texts)})").fetchone() or ()
    clocks = {name for name, fits in zip(texts, row, strict=True) if fits}
    return tuple(replace(c, type=CLOCK) if c.name in clocks else c for c in columns)


def rows_by_key(
    connection: DuckDBPyConnection, files: Sequence[Read], key: Sequence[str]
) -> tuple[int, int]:
    """Rows that share their key with another one in their file, and rows in the table to be.

    Of equal rows, the table will have as many as the file with most of them.
    """
    names = ", ".join(identifier(name) for name in key)
    shared, kept = connection.execute(
        f"with counted as (select _of, {names}, count(*) as n from ({values(files, key)}) "
        f"group by all), most as (select {names}, max(n) as n from counted group by all) "
        "select (select coalesce(sum(n), 0) from counted where n > 1), "
        "(select coalesce(sum(n), 0) from most)"
    ).fetchone() or (0, 0)
    return int(shared), int(kept)
