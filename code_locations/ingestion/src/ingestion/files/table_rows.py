"""The rows of a table as SQL makes them from a file's, and those that don't fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingestion.files.balances import balance_breaks, total_breaks
from ingestion.files.errors import UnreadableFileError
from ingestion.files.records import Records, RowAside
from ingestion.files.rows import LINE, failed_checks, view
from ingestion.files.rules import ReadingRules
from stack.sql import identifier, literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SHOWN = 80
# The file is read once, soon: looking for what to compress takes a fifth of the reading time.
_AS_PARQUET = "format parquet, compression uncompressed, dictionary_size_limit 1"
ROW_KEY = "_row_key"


@dataclass(frozen=True)
class Taken:
    """A column being converted: the SQL of its value, and of the condition that refuses it."""

    place: int
    header: str
    name: str
    type: str
    value: str
    refused: str | None
    reason: str


def source_of(records: Records) -> str:
    """The SQL to select a file's records from, with `file_row_number` from 0."""
    return f"read_parquet({literal(records.path)}, file_row_number = true)"


def write_table(  # noqa: PLR0913, PLR0917
    connection: DuckDBPyConnection,
    records: Records,
    target: Path,
    rules: ReadingRules,
    taken: Sequence[Taken],
    wanted: Mapping[str, str],
    constants: Mapping[str, str],
) -> tuple[int, tuple[RowAside, ...], tuple[str, ...]]:
    """Write the rows that fit; the others are set aside, or the file is refused."""
    suspects = [column for column in taken if column.refused]
    skipped, aside = "false", list[RowAside]()
    set_aside = rules.contract == "set_aside"
    if suspects:
        counts = connection.execute(
            f"select {', '.join(f'count(*) filter (where {s.refused})' for s in suspects)} "
            f"from {source_of(records)}"
        ).fetchone()
        bad = [(s, count) for s, count in zip(suspects, counts or (), strict=True) if count]
        if bad and not set_aside:
            raise UnreadableFileError("; ".join(_told(connection, records, *item) for item in bad))
        if bad:
            aside = _rows_aside(connection, records, [s for s, _ in bad])
            skipped = " or ".join(f"({s.refused})" for s, _ in bad)
    values = {column.name: column.value for column in taken}
    values |= {name: literal(text) for name, text in constants.items()}
    rows, last = _rows(source_of(records), f"({skipped}) is not true", values, wanted, rules)
    target.parent.mkdir(parents=True, exist_ok=True)
    names = ", ".join(identifier(name) for name in wanted)
    connection.execute(
        f"copy ({rows} select {names} from {last}) to {literal(target)} ({_AS_PARQUET})"
    )
    query = f"{rows} select {LINE}, {names} from {last}"
    breaks = _breaks(connection, records, rules, wanted, query)
    return records.rows - len(aside), tuple(aside), breaks


def _breaks(
    connection: DuckDBPyConnection,
    records: Records,
    rules: ReadingRules,
    wanted: Mapping[str, str],
    query: str,
) -> tuple[str, ...]:
    """What doesn't add up in the rows of `query`."""
    breaks: tuple[str, ...] = ()
    if rules.checks:
        breaks += failed_checks(connection, query, wanted, rules, records)
    if rules.balance and {rules.balance.balance, rules.balance.amount} <= wanted.keys():
        breaks += balance_breaks(connection, query, rules.balance, records)
    if rules.totals and rules.totals.amount in wanted:
        breaks += total_breaks(connection, query, rules.totals, records)
    return breaks


def _rows(
    source: str,
    kept: str,
    values: Mapping[str, str],
    wanted: Mapping[str, str],
    rules: ReadingRules,
) -> tuple[str, str]:
    """The SQL that makes the table's rows from the file's, and what to select them from."""
    made = {*rules.derived, *([ROW_KEY] if rules.occurrence else [])}
    plain = {name: type_ for name, type_ in wanted.items() if name not in made}
    selected = ", ".join(
        f"{values.get(name, f'cast(null as {type_})')} as {identifier(name)}"
        for name, type_ in plain.items()
    )
    if not made and not (rules.checks or rules.balance or rules.totals):
        return f"with rows as (select {selected} from {source} where {kept})", "rows"
    steps = [f"rows as (select file_row_number as {LINE}, {selected} from {source} where {kept})"]
    last, types = "rows", dict(plain)
    if rules.derived:
        derived = ", ".join(
            f"cast(({rule.sql}) as {wanted[name]}) as {identifier(name)}"
            for name, rule in rules.derived.items()
        )
        steps += [
            f"file as ({view('rows', plain, rules.optional, LINE)})",
            f"made as (select {LINE}, {derived} from file)",
            f"whole as (select * from rows join made using ({LINE}))",
        ]
        last, types = "whole", {**plain, **{name: wanted[name] for name in rules.derived}}
    if rules.occurrence:
        key = _row_key({name: types[name] for name in rules.key if name in types})
        steps.append(f"keyed as (select *, {key} as {identifier(ROW_KEY)} from {last})")
        last = "keyed"
    return f"with {', '.join(steps)}", f"{last} order by {LINE}"


def _told(connection: DuckDBPyConnection, records: Records, column: Taken, count: int) -> str:
    """What is wrong with a column's values, and where the first is."""
    row, value = _first(connection, records, column)
    return (
        f"column {column.name}: {count:,} of its values are no {column.type.lower()}, "
        f"the first {value[:SHOWN]!r} in {records.unit} {records.line(row):,}; correct it in the "
        "file, or declare how it is read"
    )


def _first(connection: DuckDBPyConnection, records: Records, column: Taken) -> tuple[int, str]:
    row: Any = connection.execute(
        f"select file_row_number, c{column.place} from {source_of(records)} "
        f"where {column.refused} order by file_row_number limit 1"
    ).fetchone()
    return int(row[0]), str(row[1])


def _row_key(columns: Mapping[str, str]) -> str:
    """SQL of a key for rows that may be equal: a hash of their values and a number among equals.

    A row in two overlapping exports has the same key in both, even if its column was widened in
    between: 20.5 is 20.50.
    """
    equal = ", ".join(identifier(name) for name in columns)
    texts = " || chr(31) || ".join(
        f"coalesce({_key_text(identifier(name), type_)}, chr(30))"
        for name, type_ in columns.items()
    )
    number = f"row_number() over (partition by {equal} order by {LINE})"
    return f"md5({texts} || chr(31) || cast({number} as varchar))"


def _key_text(name: str, type_: str) -> str:
    text = f"cast({name} as varchar)"
    if type_.startswith("DECIMAL"):
        return (
            f"case when contains({text}, '.') then rtrim(rtrim({text}, '0'), '.') else {text} end"
        )
    return f"replace({text}, ' 00:00:00', '')" if type_ == "TIMESTAMP" else text


def _rows_aside(
    connection: DuckDBPyConnection, records: Records, columns: Sequence[Taken]
) -> list[RowAside]:
    cells = ", ".join(f"c{n}" for n in range(len(records.names)))
    flags = ", ".join(f"coalesce({column.refused}, false)" for column in columns)
    any_ = " or ".join(f"({column.refused})" for column in columns)
    found = connection.execute(
        f"select file_row_number, {flags}, {cells} from {source_of(records)} "
        f"where {any_} order by file_row_number"
    ).fetchall()
    aside = []
    for row, *values in found:
        line = records.line(int(row))
        texts = values[len(columns) :]
        why = "; ".join(
            f"column {c.name}: {str(texts[c.place])[:SHOWN]!r} is no {c.type.lower()}"
            for c, bad in zip(columns, values, strict=False)
            if bad
        )
        aside.append(RowAside(line, f"{records.unit} {line}: {why}", tuple(t or "" for t in texts)))
    return aside
