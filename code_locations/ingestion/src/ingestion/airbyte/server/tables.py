"""Where a server's sync writes its rows, and whether the warehouse has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ingestion.airbyte.connection import Connection
from ingestion.airbyte.server.errors import brief
from stack.raw import RawTable
from stack.settings import WarehouseSettings, load_settings
from stack.warehouse import connect, row_count, table_exists


@dataclass(frozen=True)
class Landed:
    """A stream's raw table after a sync.

    `airbyte_table` is the destination's name for the stream's table. `rows` is None if the
    warehouse has no such raw table; `missing` then says so.
    """

    table: RawTable
    airbyte_table: str
    rows: int | None
    missing: str | None


def look_at_tables(connection: Connection, found: Mapping[str, Any]) -> dict[str, Landed]:
    """The raw tables of the connection's streams, by stream; `found` is the server's connection.

    Only looks: a server writes through its own destination, into this warehouse or another one.
    """
    warehouse = load_settings(WarehouseSettings)
    schema = warehouse.dlt_dataset_name
    prefix = str(found.get("prefix") or "")
    result = {}
    with connect(warehouse, read_only=True) as database:
        for stream in connection.streams:
            table = connection.raw_table(stream)
            name, airbyte_table = table.table_name, brief(f"{prefix}{stream}")
            rows: int | None = None
            missing: str | None = None
            if table_exists(database, warehouse, schema, name):
                rows = row_count(database, schema, name)
            elsewhere = name != airbyte_table and not rows
            if elsewhere and table_exists(database, warehouse, schema, airbyte_table):
                rows = None
                missing = (
                    f"rows are in {schema}.{airbyte_table}, but {schema}.{name} is read; make it "
                    "a view of the first, or name the stream's table like it"
                )
            elif rows is None:
                missing = (
                    f"the warehouse has no {schema}.{name}; the server's destination is another "
                    "one, or writes elsewhere in it"
                )
            result[stream] = Landed(table, airbyte_table, rows, missing)
    return result
