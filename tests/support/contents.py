"""Contents of a warehouse, to compare two of them."""

from __future__ import annotations

from stack.settings import WarehouseSettings
from stack.warehouse import connect

SCHEMAS = ("freelancer_raw", "staging", "intermediate", "marts")
# The faker connector stamps records with the time of its run.
STAMPED_BY_THE_RUN = {"created_at", "updated_at"}


def tables(settings: WarehouseSettings) -> dict[str, int]:
    """Rows of each table and view of the stack's schemas, by `schema.table`."""
    return {name: len(rows) for name, (_, rows) in contents(settings).items()}


def contents(settings: WarehouseSettings) -> dict[str, tuple[list[str], list[tuple[object, ...]]]]:
    """Columns and sorted rows of each table by `schema.table`, without the run's own stamps."""
    with connect(settings, read_only=True) as connection:
        names = connection.execute(
            "select table_schema, table_name from information_schema.tables "
            "where table_catalog = ? and list_contains(?, table_schema) "
            "and table_name not like '\\_dlt%' escape '\\' order by all",
            [settings.database, list(SCHEMAS)],
        ).fetchall()
        return {f"{s}.{t}": _rows(connection, s, t) for s, t in names}


def _rows(connection, schema: str, table: str):  # type: ignore[no-untyped-def]
    relation = connection.sql(f'select * from "{schema}"."{table}"')
    shop = "shop" in table
    columns = [
        c
        for c in relation.columns
        if not c.startswith("_dlt") and not (shop and c in STAMPED_BY_THE_RUN)
    ]
    selected = ", ".join(f'"{c}"' for c in columns)
    rows = connection.sql(f'select {selected} from "{schema}"."{table}" order by all').fetchall()
    return columns, rows
