"""Which columns hold values of another table's unique column, judged by values and not by names.

The other tables are in the warehouse's raw and staging schemas, or made by the same command.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ingestion.connect.columns import values
from ingestion.connect.proposal import Proposal
from stack.raw import raw_tables
from stack.settings import WarehouseSettings
from stack.sql import identifier
from stack.warehouse import count_rows, table_exists

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MODELS = Path("code_locations/transformation/dbt/models")
NEARLY = 0.8
_LEAST = 2  # a single value proves nothing
_WHOLE = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
_STAGING = "staging"


@dataclass(frozen=True)
class Target:
    """A unique column. `to` is its table in dbt, "" if not there; `run`: consecutive numbers."""

    table: str
    column: str
    to: str
    sql: str
    whole: bool
    run: bool


@dataclass(frozen=True)
class Relation:
    """`found` of a column's `different` values are the target's; `missing` is one that isn't."""

    column: str
    target: Target
    found: int
    different: int
    missing: str | None

    @property
    def line(self) -> str:
        """The evidence, as text."""
        told = f"{self.column} → {self.target.table}.{self.target.column}: "
        told += f"{self.found:,} of {self.different:,} different values are there"
        if self.missing is not None:
            told += f", {self.missing[:40]!r} is not"
        return told if self.target.to else f"{told}; no test: dbt knows no such table"


def relations(
    connection: DuckDBPyConnection,
    settings: WarehouseSettings,
    proposals: Sequence[Proposal],
    root: Path | None,
) -> dict[str, list[Relation]]:
    """By table, the best target of each column that has one. `connection` is to the warehouse."""
    own = [proposal for proposal in proposals if proposal.layout is None]
    ours = {name for p in own for name in (f"files_{p.table}", f"stg_files__{p.table}")}
    there = list(_in_warehouse(connection, settings, root))
    found = {}
    for proposal in own:
        # Rows in the books that these files supplied earlier are no evidence.
        raw = settings.dlt_dataset_name
        again = table_exists(connection, settings, raw, f"files_{proposal.table}")
        fed = {name for f in proposal.feeds for name in (f"exports_{f}", f"stg_books__{f}")}
        others = [target for target in there if target.table not in (ours | fed if again else ours)]
        made = [
            t for other in own if other is not proposal for t in _of_proposal(connection, other)
        ]
        found[proposal.table] = list(_of(connection, proposal, others, made))
    return found


def _of(
    connection: DuckDBPyConnection,
    proposal: Proposal,
    there: Sequence[Target],
    made: Sequence[Target],
) -> Iterator[Relation]:
    """The relations; a key never points to a table made now, whose column points to it instead."""
    for column in proposal.columns:
        if column.type not in ("BIGINT", "VARCHAR"):
            continue
        connection.execute(
            "create or replace temp table connected as select distinct v from "
            f"(select {identifier(column.name)} as v "
            f"from ({values(proposal.files, [column.name])})) where v is not null"
        )
        different = count_rows(connection, "connected")
        best: Relation | None = None
        for target in there if proposal.key.columns == (column.name,) else [*there, *made]:
            if target.whole != (column.type == "BIGINT"):
                continue
            if target.run and not _words(column.name) & _words(f"{target.table}_{target.column}"):
                continue  # any numbers from 1 to 100 contain 1, 2 and 3
            found, missing = connection.execute(
                "select count(*) filter (where t.v is not null), "
                "min(c.v) filter (where t.v is null) from connected as c "
                f"left join ({target.sql}) as t on c.v = t.v"
            ).fetchone() or (0, None)
            if found < max(_LEAST, NEARLY * different):
                continue
            relation = Relation(column.name, target, int(found), different, missing)
            if best is None or _rank(relation) > _rank(best):
                best = relation
        if best is not None:
            yield best


def _rank(relation: Relation) -> tuple[int, bool, bool]:
    to = relation.target.to
    return relation.found, bool(to), to.startswith("ref")


def _in_warehouse(
    connection: DuckDBPyConnection, settings: WarehouseSettings, root: Path | None
) -> Iterator[Target]:
    sources = {table.table_name: table for table in raw_tables()}
    models = {file.stem for file in (root / MODELS).rglob("*.sql")} if root else set()
    rows = connection.execute(
        "select schema_name, table_name, list(column_name), list(data_type) from duckdb_columns() "
        "where database_name = ? and schema_name in (?, ?) and not starts_with(table_name, '_') "
        "and not starts_with(column_name, '_') group by all order by all",
        [settings.database, settings.dlt_dataset_name, _STAGING],
    ).fetchall()
    for schema, table, names, types in rows:
        to = ""
        if schema == _STAGING and table in models:
            to = f"ref('{table}')"
        elif schema != _STAGING and (source := sources.get(table)):
            to = f"source('{source.source}', '{source.name}')"
        columns = [
            (name, type_ in _WHOLE)
            for name, type_ in zip(names, types, strict=True)
            if type_ in _WHOLE or type_ == "VARCHAR"
        ]
        yield from _unique(
            connection, table, columns, f"{identifier(schema)}.{identifier(table)}", to
        )


def _of_proposal(connection: DuckDBPyConnection, other: Proposal) -> Iterator[Target]:
    """Targets in a new table. Hours, invoices: only the key; other columns are unique by chance."""
    columns = [
        (c.name, c.type == "BIGINT")
        for c in other.columns
        if c.type in ("BIGINT", "VARCHAR")
        and (other.mapping.target == "none" or other.key.columns == (c.name,))
    ]
    names = [name for name, _ in columns]
    whole = ", ".join(
        f"{f'cast({identifier(n)} as bigint)' if w else identifier(n)} as {identifier(n)}"
        for n, w in columns
    )
    if columns:
        rows = f"(select {whole} from ({values(other.files, names)}))"
        model = f"stg_files__{other.table}"
        yield from _unique(connection, model, columns, rows, f"ref('{model}')")


def _unique(
    connection: DuckDBPyConnection,
    table: str,
    columns: Sequence[tuple[str, bool]],
    rows: str,
    to: str,
) -> Iterator[Target]:
    """The columns of a table in which no value repeats."""
    import duckdb

    if not columns:
        return
    picked = ", ".join(
        f"count({c}), count(distinct {c}), min({c})::varchar, max({c})::varchar"
        for c in (identifier(name) for name, _ in columns)
    )
    try:
        facts = connection.execute(f"select {picked} from {rows}").fetchone() or ()
    except duckdb.Error:
        return  # a view on something that was dropped
    for n, (name, whole) in enumerate(columns):
        filled, different, least, most = facts[n * 4 : n * 4 + 4]
        if filled < _LEAST or filled != different:
            continue
        run = whole and int(most) - int(least) < 2 * different
        sql = f"select cast({identifier(name)} as varchar) as v from {rows}"
        yield Target(table, name, to, sql, whole, run)


def _words(name: str) -> set[str]:
    """What a name is about: `client_id` and `books_clients` share a word."""
    words = {word.rstrip("s") for word in re.split(r"[^a-z0-9]+", name.lower())}
    return words - {"", "id", "nr", "no", "number", "stg", "file", "book", "export", "c"}
