"""Few enough raw rows to work out every mart by hand, and a way to load them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from stack.raw import raw_table, raw_tables
from stack.settings import WarehouseSettings
from stack.warehouse import connect, ensure_raw_tables

LOADED = datetime(2025, 3, 21)  # noqa: DTZ001 -- raw timestamps are naive, in UTC

Rows = dict[str, list[dict[str, Any]]]

ROWS: Rows = {
    "books_clients": [
        {"client_id": 1, "name": "Acme", "country": "DE", "currency": "EUR"},
        {"client_id": 2, "name": "Globex", "country": "US", "currency": "USD"},
    ],
    "books_projects": [
        {"project_id": 1, "client_id": 1, "billing": "hourly", "hourly_rate": 100},
        {"project_id": 2, "client_id": 2, "billing": "fixed", "fixed_fee": 5000},
        {"project_id": 3, "client_id": 1, "billing": "retainer", "fixed_fee": 800},
    ],
    "books_time_entries": [
        {"project_id": 1, "worked_on": date(2025, 1, 15), "minutes": 480, "billable": True},
        {"project_id": 1, "worked_on": date(2025, 1, 16), "minutes": 90, "billable": True},
        {"project_id": 2, "worked_on": date(2025, 2, 3), "minutes": 600, "billable": True},
        {"project_id": None, "worked_on": date(2025, 2, 4), "minutes": 120, "billable": False},
    ],
    "books_invoices": [
        {
            "invoice_id": 1,
            "number": "2025-001",
            "client_id": 1,
            "project_id": 1,
            "kind": "invoice",
            "issued_on": date(2025, 1, 31),
            "due_on": date(2025, 3, 2),
            "currency": "EUR",
            "net_amount": 950,
            "tax_amount": 180.5,
        },
        {
            "invoice_id": 2,
            "number": "2025-002",
            "client_id": 2,
            "project_id": 2,
            "kind": "invoice",
            "issued_on": date(2025, 1, 31),
            "due_on": date(2025, 2, 14),
            "currency": "USD",
            "net_amount": 5000,
            "tax_amount": 0,
        },
        {
            "invoice_id": 3,
            "number": "2025-003",
            "client_id": 1,
            "project_id": 1,
            "kind": "credit_note",
            "credits_invoice_id": 1,
            "issued_on": date(2025, 2, 10),
            "due_on": date(2025, 2, 10),
            "currency": "EUR",
            "net_amount": -100,
            "tax_amount": -19,
        },
        {
            "invoice_id": 4,
            "number": "2025-004",
            "client_id": 1,
            "project_id": 3,
            "kind": "invoice",
            "issued_on": date(2025, 2, 28),
            "due_on": date(2025, 3, 30),
            "currency": "EUR",
            "net_amount": 800,
            "tax_amount": 152,
        },
    ],
    "books_payments": [
        {"invoice_id": 1, "paid_on": date(2025, 3, 10), "currency": "EUR", "amount": 500},
        {"invoice_id": 1, "paid_on": date(2025, 3, 20), "currency": "EUR", "amount": 511.5},
        {"invoice_id": 2, "paid_on": date(2025, 2, 20), "currency": "USD", "amount": 2000},
    ],
    "books_exchange_rates": [
        {"valid_from": date(2025, 1, 1), "currency": "USD", "eur_per_unit": 0.95},
        {"valid_from": date(2025, 2, 1), "currency": "USD", "eur_per_unit": 0.96},
        {"valid_from": date(2025, 3, 1), "currency": "USD", "eur_per_unit": 0.92},
    ],
    "shop_customers": [
        {"name": "Ann", "email": "ann@example.org"},
        {"name": "Bob", "email": "bob@example.org"},
    ],
    "shop_products": [{"price": 20.0}, {"price": 49.99}],
    "shop_purchases": [
        {"user_id": 1, "product_id": 1, "purchased_at": "2025-01-20 10:00:00+00"},
        {
            "user_id": 1,
            "product_id": 2,
            "purchased_at": "2025-02-05 10:00:00+00",
            "returned_at": "2025-03-01 09:00:00+00",
        },
        {"user_id": 2, "product_id": 1},
    ],
}


def load(settings: WarehouseSettings, rows: Rows) -> None:
    """Merge rows into the raw tables by primary key, as ingestion does.

    A single key that is missing is the row's place, from 1; `updated_at` defaults to LOADED.
    """
    with connect(settings) as connection:
        ensure_raw_tables(connection, settings, raw_tables())
        for table_name, given in rows.items():
            table = raw_table(*table_name.split("_", 1))
            for place, row in enumerate(given, start=1):
                key = {} if len(table.primary_key) > 1 else {table.primary_key[0]: place}
                full = key | {"updated_at": LOADED} | row
                path = f'"{settings.dlt_dataset_name}"."{table_name}"'
                match = " and ".join(f"{column} = ?" for column in table.primary_key)
                connection.execute(
                    f"delete from {path} where {match}", [full[c] for c in table.primary_key]
                )
                connection.execute(
                    f"insert into {path} ({', '.join(full)}) values ({', '.join('?' * len(full))})",
                    list(full.values()),
                )


def mart(
    settings: WarehouseSettings, name: str, columns: str = "*", schema: str = "marts"
) -> list[tuple[Any, ...]]:
    """Rows of a mart, ordered; `columns` is what to select."""
    with connect(settings, read_only=True) as connection:
        return connection.execute(f"select {columns} from {schema}.{name} order by all").fetchall()


def all_models(settings: WarehouseSettings) -> dict[str, list[tuple[Any, ...]]]:
    """Rows of every model by `schema.name`."""
    with connect(settings, read_only=True) as connection:
        names = connection.execute(
            "select table_schema, table_name from information_schema.tables "
            "where table_catalog = ? and table_schema in ('staging', 'intermediate', 'marts')",
            [settings.database],
        ).fetchall()
        return {
            f"{s}.{t}": connection.execute(f"select * from {s}.{t} order by all").fetchall()
            for s, t in names
        }
