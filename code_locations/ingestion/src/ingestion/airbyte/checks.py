"""Checks of the raw tables that a connection fills, declared as data and evaluated by SQL."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from ingestion.airbyte.columns import column_name
from ingestion.airbyte.connection import Connection
from stack.settings import WarehouseSettings

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

KEY_UNIQUE = "primary_key_unique"
KEY_NOT_NULL = "primary_key_not_null"
NOTHING_QUARANTINED = "no_records_quarantined"

_DESCRIPTIONS = {
    KEY_UNIQUE: "No two rows have the same primary key.",
    KEY_NOT_NULL: "Every row has a primary key.",
    NOTHING_QUARANTINED: "The last sync had no record that didn't fit the table.",
}


@dataclass(frozen=True)
class CheckedTable:
    """A raw table and what is known of its key when the location loads."""

    table_name: str
    primary_key: tuple[str, ...]

    @property
    def asset_key(self) -> dg.AssetKey:
        """Key of the table's asset."""
        return dg.AssetKey(["raw", self.table_name])

    @property
    def check_names(self) -> tuple[str, ...]:
        """The table's checks; without a known key there is nothing to say about it."""
        of_key = (KEY_UNIQUE, KEY_NOT_NULL) if self.primary_key else ()
        return (*of_key, NOTHING_QUARANTINED)


def checked_tables(connections: Iterable[Connection]) -> tuple[CheckedTable, ...]:
    """The tables of all streams. Reads declarations only."""
    return tuple(
        CheckedTable(connection.table_name(stream), _declared_key(connection, stream))
        for connection in connections
        for stream in connection.streams
    )


def _declared_key(connection: Connection, stream: str) -> tuple[str, ...]:
    table = connection.declared_table(stream)
    if table is not None:
        return table.primary_key
    return tuple(column_name(field) for field in connection.streams[stream].primary_key)


def check_specs(tables: Iterable[CheckedTable]) -> list[dg.AssetCheckSpec]:
    """Specs of all checks of the tables."""
    return [
        dg.AssetCheckSpec(name, asset=table.asset_key, description=_DESCRIPTIONS[name])
        for table in tables
        for name in table.check_names
    ]


def evaluate(
    connection: DuckDBPyConnection,
    settings: WarehouseSettings,
    tables: Iterable[CheckedTable],
    artifact: Mapping[str, Any] | None,
    *,
    unchanged: Collection[str] = (),
) -> Iterator[dg.AssetCheckEvaluation]:
    """The checks' results on the warehouse; `artifact` is the last `load/airbyte.json`.

    Keys are not looked at in `unchanged` tables, so that a sync with nothing new costs the
    same however large they are.
    """
    quarantined = {q["table"]: q for q in (artifact or {}).get("quarantined", [])}
    for table in tables:
        if table.primary_key and table.table_name not in unchanged:
            yield from _evaluate_key(connection, settings, table)
        bad = quarantined.get(table.table_name)
        yield dg.AssetCheckEvaluation(
            asset_key=table.asset_key,
            check_name=NOTHING_QUARANTINED,
            passed=bad is None,
            severity=dg.AssetCheckSeverity.WARN,
            metadata=dict(bad) if bad else {},
        )


def _evaluate_key(
    connection: DuckDBPyConnection, settings: WarehouseSettings, table: CheckedTable
) -> Iterator[dg.AssetCheckEvaluation]:
    key = ", ".join(f'"{name}"' for name in table.primary_key)
    null = " or ".join(f'"{name}" is null' for name in table.primary_key)
    relation = f'"{settings.dlt_dataset_name}"."{table.table_name}"'
    queries = {
        KEY_UNIQUE: f"select {key}, count(*) from {relation} group by all having count(*) > 1",
        KEY_NOT_NULL: f"select * from {relation} where {null}",
    }
    for name, query in queries.items():
        found = connection.execute(f"select count(*) from ({query})").fetchone()
        failing = found[0] if found else 0
        yield dg.AssetCheckEvaluation(
            asset_key=table.asset_key,
            check_name=name,
            passed=failing == 0,
            metadata={"failing": failing, "query": dg.MetadataValue.md(f"```sql\n{query}\n```")},
        )
