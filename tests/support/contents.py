"""Contents of warehouses, for comparing two of them."""

from __future__ import annotations

from stack.settings import WarehouseSettings
from stack.warehouse import connect

SCHEMAS = ("freelancer_raw", "staging", "intermediate", "marts")
# The faker connector stamps records with the time of its run, and simulates purchases up to its
# start: moments later, the same seed gives other values.
STAMPED_BY_THE_RUN = {"created_at", "updated_at"}
DRAWN_UP_TO_NOW = {
    # raw and staging
    *("product_id", "added_to_cart_at", "purchased_at", "returned_at"),
    # fct_shop_purchases
    *("status", "purchased_on", "returned_on", "price_usd", "amount_eur"),
    # shop_customers
    *("cart_count", "purchase_count", "return_count", "spent_eur"),
    *("first_purchased_on", "last_purchased_on", "is_returning"),
}
# Sums of what was drawn, as rows among others.
ROWS_DRAWN = {"revenue_by_month": "stream != 'shop'"}


def tables(settings: WarehouseSettings) -> dict[str, int]:
    """The rows of each table and view in the stack's schemas, by `schema.table`."""
    return {name: len(rows) for name, (_, rows) in contents(settings).items()}


def contents(settings: WarehouseSettings) -> dict[str, tuple[list[str], list[tuple[object, ...]]]]:
    """Columns and sorted rows of each table by `schema.table`, except those that depend on time.

    `later_shop` shows whether any is left.
    """
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
    left_out = set(STAMPED_BY_THE_RUN) if "shop" in table else set()
    if "shop" in table and "product" not in table:
        left_out |= DRAWN_UP_TO_NOW
    columns = [c for c in relation.columns if not c.startswith("_dlt") and c not in left_out]
    selected = ", ".join(f'"{c}"' for c in columns)
    relation = relation.filter(ROWS_DRAWN.get(table, "true"))
    return columns, relation.project(selected).order("all").fetchall()
