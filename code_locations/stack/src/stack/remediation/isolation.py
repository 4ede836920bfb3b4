"""Copies rows that fail a check to `quarantine.<table>`, and removes them from raw tables.

The queries come from the stack's own artifacts of the last validation, never from an alert, which
anybody may write.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from stack.dbt_artifacts import Manifest, Results
from stack.gx_artifacts import ValidationResult
from stack.outage import is_passing
from stack.raw import raw_tables
from stack.settings import WarehouseSettings
from stack.sql import identifier
from stack.warehouse import connect, count_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SCHEMA = "quarantine"
# More than that aren't a few bad rows: a sample is kept, and nothing is removed.
ROWS_A_CHECK = 10_000
# A table with this many takes no more: nothing in it is ever deleted.
ROWS_A_TABLE = 100_000


@dataclass(frozen=True)
class Query:
    """A check's query for failing rows. `schema` is as in asset keys: raw, marts and so on."""

    schema: str
    table: str
    check: str
    sql: str
    failed: bool

    def isolated(self, failing: int = 0, kept: int = 0, note: str | None = None) -> Isolated:
        """What was kept of its rows."""
        return Isolated(self.schema, self.table, self.check, failing, kept, note=note)


@dataclass(frozen=True)
class Isolated:
    """What was kept of a check's failing rows, or why none could be.

    `failing` counts the table's failing rows, `kept` those in the quarantine, `removed` those
    removed from the raw table.
    """

    schema: str
    table: str
    check: str
    failing: int = 0
    kept: int = 0
    removed: int = 0
    note: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def queries(
    validation: ValidationResult | None, tests: Results | None, manifest: Manifest | None
) -> Iterator[Query]:
    """Queries of the checks that failed, from the artifacts of Great Expectations and dbt."""
    for judged in validation.results if validation else ():
        if judged.severity == "critical" and judged.sql:
            yield Query(
                judged.schema_name, judged.table, judged.check_name, judged.sql, not judged.success
            )
    manifest = manifest or Manifest(nodes={}, sources={})
    for result in tests.results if tests else ():
        node = manifest.nodes.get(result.unique_id)
        about = manifest.tables.get(node.tested or "") if node else None
        if node and about and result.compiled_code and node.config.severity.lower() == "error":
            schema, table = about.asset_path
            yield Query(schema, table, node.name, result.compiled_code, not result.passed)


def isolate(
    alert_key: str,
    wanted: Iterable[Query],
    settings: WarehouseSettings,
    *,
    removable: Iterable[str],
) -> list[Isolated]:
    """Keep the rows that the queries find now; once all are kept, remove them.

    Rows are removed from tables in `removable` (raw tables that can be loaded again) if the query
    shows the primary key; failing rows of other tables are only copied. Every query runs before any
    row is removed, as a rule over two tables would otherwise find more. Repeating it for the same
    alert keeps what it had and adds what is new. A failing query is recorded and doesn't stop the
    others.
    """
    import duckdb

    keys = {table.table_name: table.primary_key for table in raw_tables()}
    can_go = set(removable)
    done: list[tuple[_Isolation, Isolated]] = []
    with connect(settings) as connection:
        connection.execute(f"create schema if not exists {identifier(SCHEMA)}")
        for number, query in enumerate(wanted):
            key = keys.get(query.table, ()) if query.schema == "raw" else ()
            work = _Isolation(connection, settings, alert_key, query, key, f"found_{number}")
            connection.execute("begin")
            try:
                result = work.keep()
                connection.execute("commit")
            except duckdb.Error as error:
                if is_passing(error):
                    raise
                connection.execute("rollback")
                note = f"its query can't run: {' '.join(str(error).split())[:300]}"
                result = query.isolated(note=note)
            if result is not None:
                done.append((work, result))
        return [
            work.remove(result) if result.kept and result.table in can_go else result
            for work, result in done
        ]


def kept_rows(found: Isolated, alert_key: str, settings: WarehouseSettings) -> list[Any]:
    """The rows kept of a check for an alert, as JSON values."""
    kept = ".".join(map(identifier, (settings.database, SCHEMA, found.table)))
    with connect(settings, read_only=True) as connection:
        rows = connection.execute(
            f"select row_json::varchar from {kept} where alert_key = ? and check_name = ?",
            [alert_key, found.check],
        ).fetchall()
    return [json.loads(row) for (row,) in rows]


@dataclass(frozen=True)
class _Isolation:
    """One query's rows, in the table `found` of this connection."""

    connection: DuckDBPyConnection
    settings: WarehouseSettings
    alert_key: str
    query: Query
    key: Sequence[str]
    found: str

    def keep(self) -> Isolated | None:
        """Copy the failing rows; None if there are none."""
        query = self.query
        statements = self.connection.extract_statements(query.sql)
        if len(statements) != 1 or statements[0].type.name != "SELECT":
            return query.isolated(note="its query isn't a SELECT")
        sql = query.sql.strip().rstrip(";")
        self.connection.execute(f"create temp table {self.found} as from ({sql}\n)")
        if query.schema == "raw" and self.key and not self._by_key:
            return None  # a number, or rows without identity: nothing to keep
        if not self._by_key and not query.failed:
            return None  # a measure that is met returns rows too
        relation = self._failing() if self._by_key else f"from {self.found}"
        failing = count_rows(self.connection, f"({relation})")
        if not failing:
            return None
        kept = self._copy(relation)
        note = None if kept == failing else self._why_not_all(failing)
        return query.isolated(failing=failing, kept=kept, note=note)

    def remove(self, kept: Isolated) -> Isolated:
        """Remove the failing rows from their raw table, if all of them are kept."""
        if not self._by_key or kept.kept < kept.failing:
            return kept
        row = self.connection.execute(
            f"delete from {self._table} as t where {self._matches()}"
        ).fetchone()
        return replace(kept, removed=int(row[0]) if row else 0)

    def _why_not_all(self, failing: int) -> str:
        if failing > ROWS_A_CHECK:
            return f"more than {ROWS_A_CHECK:,} rows fail: a sample is kept, none is taken out"
        return (
            f"{SCHEMA}.{self.query.table} has {ROWS_A_TABLE:,} rows, and takes no more; none is "
            "taken out: copy them elsewhere, and empty it"
        )

    @property
    def _by_key(self) -> bool:
        rows = self.connection.execute(f"describe {self.found}").fetchall()
        return bool(self.key) and {str(row[0]) for row in rows} >= set(self.key)

    @property
    def _table(self) -> str:
        schema = self.query.schema
        schema = self.settings.dlt_dataset_name if schema == "raw" else schema
        return self._relation(schema)

    def _relation(self, schema: str) -> str:
        names = (self.settings.database, schema, self.query.table)
        return ".".join(map(identifier, names))

    def _matches(self) -> str:
        names = map(identifier, self.key)
        same = " and ".join(f"t.{name} is not distinct from f.{name}" for name in names)
        return f"exists (select 1 from {self.found} as f where {same})"

    def _failing(self) -> str:
        """Whole rows, of which the query may show only some columns."""
        return f"select t.* from {self._table} as t where {self._matches()}"

    def _copy(self, relation: str) -> int:
        """Keep rows that aren't kept yet, while there is room; return how many are kept."""
        kept = self._relation(SCHEMA)
        self.connection.execute(
            f"create table if not exists {kept} "
            "(alert_key varchar, check_name varchar, isolated_at timestamp, row_json json)"
        )
        names = [self.alert_key, self.query.check]
        rows = f"select to_json(r)::varchar as row_text from ({relation}) as r"
        mine = f"select row_json::varchar from {kept} where alert_key = ? and check_name = ?"
        room = max(0, min(ROWS_A_CHECK, ROWS_A_TABLE - count_rows(self.connection, kept)))
        self.connection.execute(
            f"insert into {kept} select ?, ?, now()::timestamp, row_text::json "
            f"from ({rows} except all {mine}) limit {room}",
            [*names, *names],
        )
        return count_rows(self.connection, f"({rows} intersect all {mine})", names)
