"""Incremental models end up like a full refresh."""

from datetime import date, datetime

from stack.settings import WarehouseSettings
from stack.warehouse import connect
from tests.integration.transformation.books_and_shop import ROWS, Rows, all_models, load, mart
from tests.integration.transformation.conftest import run_dbt

BEFORE_LOADED = datetime(2025, 1, 2)  # noqa: DTZ001
LATER = datetime(2025, 4, 1)  # noqa: DTZ001

GROWING = ("fct_time_entries", "fct_shop_purchases")

LATE: Rows = {
    # Corrected, arriving late with an old timestamp, and new.
    "books_time_entries": [
        {
            "time_entry_id": 2,
            "project_id": 1,
            "worked_on": date(2025, 1, 16),
            "minutes": 60,
            "billable": False,
            "updated_at": LATER,
        },
        {
            "time_entry_id": 90,
            "project_id": 1,
            "worked_on": date(2025, 1, 2),
            "minutes": 30,
            "billable": True,
            "updated_at": BEFORE_LOADED,
        },
        {
            "time_entry_id": 91,
            "project_id": 9,
            "worked_on": date(2025, 3, 31),
            "minutes": 45,
            "billable": True,
            "updated_at": LATER,
        },
    ],
    # The rate of a project changes, and with it the value of entries that don't.
    "books_projects": [
        {
            "project_id": 1,
            "client_id": 2,
            "billing": "hourly",
            "hourly_rate": 120,
            "updated_at": LATER,
        },
    ],
    "books_exchange_rates": [
        {
            "valid_from": date(2025, 2, 1),
            "currency": "USD",
            "eur_per_unit": 0.5,
            "updated_at": LATER,
        },
    ],
    "shop_purchases": [
        {
            "id": 1,
            "user_id": 1,
            "product_id": 1,
            "purchased_at": "2025-01-20 10:00:00+00",
            "returned_at": "2025-03-02 09:00:00+00",
            "updated_at": LATER,
        },
        {"id": 3, "user_id": 2, "product_id": 1, "purchased_at": "2025-02-06 10:00:00+00"},
    ],
    "shop_products": [{"id": 2, "price": 59.99, "updated_at": LATER}],
}


def test_late_and_changed_rows_give_what_a_full_refresh_gives(on_each: WarehouseSettings):
    load(on_each, LATE)

    second = run_dbt(on_each, "--select", *GROWING)

    incremental = {model: mart(on_each, model) for model in GROWING}
    refreshed = run_dbt(on_each, "--full-refresh", "--select", *GROWING)
    assert second.result.success
    assert refreshed.result.success
    assert incremental == {model: mart(on_each, model) for model in GROWING}
    # All entries of project 1 (three now) and the late one of a project that isn't known yet.
    assert second.rows_affected == {
        "model.freelancer.fct_time_entries": 4,
        "model.freelancer.fct_shop_purchases": 3,
    }
    assert refreshed.rows_affected == {}


def test_a_project_that_arrives_after_its_time_entries_is_filled_in(modelled: WarehouseSettings):
    load(modelled, LATE)
    run_dbt(modelled, "--select", *GROWING)
    project = {"project_id": 9, "client_id": 2, "billing": "hourly", "hourly_rate": 10}
    load(modelled, {"books_projects": [project | {"updated_at": BEFORE_LOADED}]})

    run = run_dbt(modelled, "--select", *GROWING)

    incremental = all_models(modelled)
    assert run.rows_affected["model.freelancer.fct_time_entries"] == 1
    assert run_dbt(modelled, "--full-refresh", "--select", *GROWING).result.success
    assert incremental == all_models(modelled)


def test_running_again_changes_nothing(modelled: WarehouseSettings):
    before = all_models(modelled)
    load(modelled, {"books_clients": ROWS["books_clients"]})

    run = run_dbt(modelled)

    assert run.rows_affected == {
        "model.freelancer.fct_time_entries": 0,
        "model.freelancer.fct_shop_purchases": 0,
    }
    assert all_models(modelled) == before


def test_a_row_that_has_gone_goes(on_each: WarehouseSettings):
    with connect(on_each) as connection:
        raw = on_each.dlt_dataset_name
        connection.execute(f"delete from {raw}.books_time_entries where worked_on = '2025-01-16'")
        connection.execute(f"delete from {raw}.shop_purchases where id = 2")

    assert run_dbt(on_each, "--select", *GROWING).result.success

    assert [row[0] for row in mart(on_each, "fct_time_entries", "time_entry_id")] == [1, 3, 4]
    assert [row[0] for row in mart(on_each, "fct_shop_purchases", "purchase_id")] == [1, 3]


def test_a_row_that_a_full_export_marked_as_removed_goes_and_comes_back(
    on_each: WarehouseSettings,
):
    raw = on_each.dlt_dataset_name
    models = ["stg_books__time_entries", "stg_shop__purchases", *GROWING]
    before = all_models(on_each)
    with connect(on_each) as connection:
        for table, which in (
            ("books_time_entries", "worked_on = '2025-01-16'"),
            ("shop_purchases", "id = 2"),
        ):
            connection.execute(f"alter table {raw}.{table} add column _removed_at timestamp")
            connection.execute(
                f"update {raw}.{table} set _removed_at = now()::timestamp where {which}"
            )

    assert run_dbt(on_each, "--select", *models).result.success

    assert [row[0] for row in mart(on_each, "fct_time_entries", "time_entry_id")] == [1, 3, 4]
    assert [row[0] for row in mart(on_each, "fct_shop_purchases", "purchase_id")] == [1, 3]

    with connect(on_each) as connection:
        connection.execute(f"update {raw}.books_time_entries set _removed_at = null")
        connection.execute(f"update {raw}.shop_purchases set _removed_at = null")
    assert run_dbt(on_each, "--select", *models).result.success
    assert all_models(on_each) == before
