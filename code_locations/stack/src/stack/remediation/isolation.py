"""Keeps the rows that fail a check in `quarantine.<table>`, and takes them out of raw tables.

The queries are those of the last validation, from the stack's own artifacts; none is taken from
an alert, which anybody may write.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from stack.raw import raw_tables
from stack.settings import WarehouseSettings
from stack.warehouse import connect

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SCHEMA = "quarantine"
# More than that are not a few wrong rows: a sample is kept, and nothing is taken out.
ROWS_A_CHECK = 10_000
# The oldest leave first.
ROWS_A_TABLE = 100_000


@dataclass(frozen=True)
class Query:
    """A check's query for failing rows. `schema` is as in asset keys: raw, marts and so on."""

    schema: str
    table: str
    check: str
    sql: str
    failed: bool


@dataclass(frozen=True)
class Isolated:
    """What was kept of a check's failing rows, or why none could be.

    `failing` counts the table's failing rows, `kept` those in the quarantine, `removed` those
    taken out of the raw table.
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
    validation: Mapping[str, Any] | None,
    tests: Mapping[str, Any] | None,
    manifest: Mapping[str, Any] | None,
) -> Iterator[Query]:
    """Queries of the checks that fail a run, from the artifacts of Great Expectations and dbt."""
    for result in (validation or {}).get("results", []):
        if result["severity"] == "critical" and result.get("sql"):
            yield Query(
                result["schema"],
                result["table"],
                result["check_name"],
                result["sql"],
                not result["success"],
            )
    nodes = (manifest or {}).get("nodes", {})
    sources = (manifest or {}).get("sources", {})
    for result in (tests or {}).get("results", []):
        node = nodes.get(result["unique_id"], {})
        sql = result.get("compiled_code")
        if not sql or node.get("config", {}).get("severity", "").lower() != "error":
            continue
        about = node.get("attached_node") or next(iter(node["depends_on"]["nodes"]), "")
        failed = result["status"] not in ("pass", "success")
        if about in sources:
            yield Query("raw", sources[about]["identifier"], node["name"], sql, failed)
        elif about in nodes:
            table = nodes[about]
            yield Query(table["schema"], table["alias"], node["name"], sql, failed)


def isolate(
    alert_key: str,
    wanted: Iterable[Query],
    settings: WarehouseSettings,
    *,
    removable: Iterable[str],
) -> list[Isolated]:
    """Keep the rows that the queries find now; in one transaction each, take them out.

    Rows of a table in `removable` (raw tables that can be loaded again) are taken out of it where
    the query shows the primary key; of other tables the failing rows are copied. Again for the
    same alert it replaces what it kept of a query that still finds rows. A query that fails is
    noted, and doesn't stop the others.
    """
    import duckdb

    keys = {table.table_name: table.primary_key for table in raw_tables()}
    can_go = set(removable)
    found = []
    with connect(settings) as connection:
        connection.execute(f'create schema if not exists "{SCHEMA}"')
        for query in wanted:
            key = keys.get(query.table, ()) if query.schema == "raw" else ()
            work = _Isolation(connection, settings, alert_key, query, key)
            connection.execute("begin")
            try:
                result = work.run(remove=query.table in can_go)
                connection.execute("commit")
            except duckdb.Error as error:
                connection.execute("rollback")
                note = f"its query can't run: {' '.join(str(error).split())[:300]}"
                result = Isolated(query.schema, query.table, query.check, note=note)
            if result is not None:
                found.append(result)
    return found


@dataclass(frozen=True)
class _Isolation:
    connection: DuckDBPyConnection
    settings: WarehouseSettings
    alert_key: str
    query: Query
    key: Sequence[str]

    def run(self, *, remove: bool) -> Isolated | None:
        """None if no row fails."""
        query = self.query
        statements = self.connection.extract_statements(query.sql)
        if len(statements) != 1 or statements[0].type.name != "SELECT":
            return Isolated(query.schema, query.table, query.check, note="its query is no select")
        sql = query.sql.strip().rstrip(";")
        self.connection.execute(f"create or replace temp table found as from ({sql}\n)")
        columns = {str(row[0]) for row in self.connection.execute("describe found").fetchall()}
        by_key = bool(self.key) and columns >= set(self.key)
        if query.schema == "raw" and self.key and not by_key:
            return None  # a number, or rows that can't be told from others: nothing to keep
        if not by_key and not query.failed:
            return None  # a measure that was met has rows too
        relation = self._failing() if by_key else "from found"
        failing = self._count(f"({relation})")
        if not failing:
            return None
        removes = remove and by_key and failing <= ROWS_A_CHECK
        kept = self._keep(relation)
        removed = self._remove() if removes else 0
        note = None
        if remove and by_key and not removes:
            note = f"more than {ROWS_A_CHECK:,} rows fail: a sample is kept, none is taken out"
        return Isolated(query.schema, query.table, query.check, failing, kept, removed, note)

    @property
    def _table(self) -> str:
        query = self.query
        schema = self.settings.dlt_dataset_name if query.schema == "raw" else query.schema
        return f'{self._database}."{schema}"."{query.table}"'

    @property
    def _database(self) -> str:
        return f'"{self.settings.database}"'

    def _matches(self) -> str:
        same = " and ".join(f't."{c}" is not distinct from f."{c}"' for c in self.key)
        return f"exists (select 1 from found as f where {same})"

    def _failing(self) -> str:
        """Whole rows, in which the query may show only some columns."""
        return f"select t.* from {self._table} as t where {self._matches()}"

    def _keep(self, relation: str) -> int:
        kept = f'{self._database}."{SCHEMA}"."{self.query.table}"'
        self.connection.execute(
            f"create table if not exists {kept} "
            "(alert_key varchar, check_name varchar, isolated_at timestamp, row_json json)"
        )
        mine = "alert_key = ? and check_name = ?"
        names = [self.alert_key, self.query.check]
        self.connection.execute(f"delete from {kept} where {mine}", names)
        self.connection.execute(
            f"insert into {kept} select ?, ?, now()::timestamp, to_json(r) "
            f"from ({relation}) as r limit {ROWS_A_CHECK}",
            names,
        )
        self._forget_old(kept)
        return self._count(f"{kept} where {mine}", names)

    def _forget_old(self, kept: str) -> None:
        if self._count(kept) > ROWS_A_TABLE:
            self.connection.execute(
                f"delete from {kept} where isolated_at < (select isolated_at from {kept} "
                f"order by isolated_at desc limit 1 offset {ROWS_A_TABLE})"
            )

    def _remove(self) -> int:
        row = self.connection.execute(
            f"delete from {self._table} as t where {self._matches()}"
        ).fetchone()
        return int(row[0]) if row else 0

    def _count(self, relation: str, values: Sequence[str] = ()) -> int:
        row = self.connection.execute(f"select count(*) from {relation}", list(values)).fetchone()
        return int(row[0]) if row else 0
