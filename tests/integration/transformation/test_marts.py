"""The marts against hand-made books, worked out by hand, on both kinds of warehouse."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import dagster as dg

from stack.artifacts import ArtifactStore
from stack.settings import StackSettings, WarehouseSettings, load_settings
from tests.integration.transformation.books_and_shop import mart
from tests.integration.transformation.conftest import Modelled, invoke_dbt
from transformation.assets import MANIFEST, dbt_run, dbt_test

JANUARY, FEBRUARY, MARCH = (date(2025, month, 1) for month in (1, 2, 3))

EXPECTED = {
    "revenue_by_month": (
        "revenue_month, stream, sold_eur, corrected_eur, revenue_eur",
        [
            (JANUARY, "fixed", "4750.00", "0.00", "4750.00"),
            (JANUARY, "hourly", "950.00", "0.00", "950.00"),
            (JANUARY, "shop", "19.00", "0.00", "19.00"),
            (FEBRUARY, "hourly", "0.00", "-100.00", "-100.00"),
            (FEBRUARY, "retainer", "800.00", "0.00", "800.00"),
            (FEBRUARY, "shop", "47.99", "0.00", "47.99"),
            (MARCH, "shop", "0.00", "-47.99", "-47.99"),
        ],
    ),
    "client_profitability": (
        "client_name, revenue_eur, cost_eur, profit_eur, worked_hours, revenue_per_hour_eur, "
        "share_of_revenue, outstanding_eur, mean_days_to_pay",
        [
            (
                *("Acme", "1650.00", "380.00", "1270.00", "9.50", "173.68"),
                *("0.2578", "952.00", "48.0"),
            ),
            (
                *("Globex", "4750.00", "400.00", "4350.00", "10.00", "475.00"),
                *("0.7422", "2850.00", None),
            ),
        ],
    ),
    "utilisation": (
        "worked_month, working_days, capacity_hours, worked_hours, billable_hours, utilisation, "
        "billable_share",
        [
            (JANUARY, 23, "184.00", "9.50", "9.50", "0.0516", "1.0000"),
            (FEBRUARY, 20, "160.00", "12.00", "10.00", "0.0625", "0.8333"),
            (MARCH, 14, "112.00", "0.00", "0.00", "0.0000", None),
        ],
    ),
    "receivables_ageing": (
        "invoice_number, as_of, days_overdue, bucket, outstanding_amount, outstanding_eur",
        [
            ("2025-002", date(2025, 3, 20), 34, "31-60", "3000.00", "2850.00"),
            ("2025-004", date(2025, 3, 20), 0, "current", "952.00", "952.00"),
        ],
    ),
    "cash_in": (
        "paid_month, currency, payment_count, received_amount, received_eur",
        [
            (FEBRUARY, "USD", 1, "2000.00", "1920.00"),
            (MARCH, "EUR", 2, "1011.50", "1011.50"),
        ],
    ),
    "shop_customers": (
        "customer_id, cart_count, purchase_count, return_count, spent_eur, first_purchased_on, "
        "last_purchased_on, is_returning",
        [
            (1, 0, 2, 1, "19.00", date(2025, 1, 20), date(2025, 2, 5), True),
            (2, 1, 0, 0, "0.00", None, None, False),
        ],
    ),
    "fct_time_entries": (
        "time_entry_id, client_id, billing, value_eur",
        [
            (1, 1, "hourly", "800.00"),
            (2, 1, "hourly", "150.00"),
            (3, 2, "fixed", None),
            (4, None, "own", None),
        ],
    ),
}


def materialisations(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetMaterialization]:
    return {
        "/".join(event.asset_key.path): event.step_materialization_data.materialization
        for event in result.get_asset_materialization_events()
        if event.asset_key is not None
    }


def test_every_mart_is_as_worked_out_by_hand_and_all_is_recorded(
    on_each: WarehouseSettings, modelled_homes: Callable[[str], Modelled]
):
    settings, result = on_each, modelled_homes(on_each.dlt_destination).result
    assert result.success
    for name, (columns, expected) in EXPECTED.items():
        found = [
            tuple(str(v) if isinstance(v, Decimal) else v for v in row)
            for row in mart(settings, name, columns)
        ]
        assert found == expected, name

    made = materialisations(result)
    assert set(made) == {"/".join(m.asset_path) for m in MANIFEST.models} | {"dbt_run", "dbt_test"}
    revenue = made["marts/revenue_by_month"].metadata
    assert revenue["dagster/row_count"].value == 7
    assert revenue["rows_affected"].value == 7
    assert revenue["dagster/table_name"].value == f"{settings.database}.marts.revenue_by_month"
    assert "| 2025-01-01 | fixed | 4750.00 |" in str(revenue["sample"].value)
    assert "](data:image/svg+xml," in str(revenue["plot"].value)
    schema = revenue["dagster/column_schema"].value
    assert [c.name for c in schema.columns][:2] == ["revenue_month", "stream"]
    assert all(column.description for column in schema.columns)
    lineage = revenue["dagster/column_lineage"].value.deps_by_column
    assert {(d.asset_key.to_user_string(), d.column_name) for d in lineage["sold_eur"]} == {
        ("intermediate/int_invoices_converted", "net_amount_eur"),
        ("intermediate/int_invoices_converted", "kind"),
        ("marts/fct_shop_purchases", "amount_eur"),
    }

    evaluations = result.get_asset_check_evaluations()
    assert {(e.asset_key.path[1], e.check_name) for e in evaluations} == {
        (MANIFEST.tables[t.table].table, t.check_name) for t in MANIFEST.tests.values()
    }
    assert all(evaluation.passed for evaluation in evaluations)

    store = ArtifactStore(load_settings(StackSettings).artifacts)
    catalog = store.get_json("dbt/catalog.json", result.run_id)
    columns = catalog["nodes"]["model.freelancer.cash_in"]["columns"]
    assert columns["received_eur"]["type"] == "DECIMAL(18,2)"
    assert columns["received_eur"]["index"] == 5
    assert "source.raw.books.payments" in catalog["sources"]
    results = store.get_json("dbt/run_results.json", result.run_id)["results"]
    assert {r["unique_id"] for r in results} == {m.unique_id for m in MANIFEST.models}
    tested = store.get_json("dbt/test_results.json", result.run_id)["results"]
    assert {r["unique_id"] for r in tested} == set(MANIFEST.tests)
    assert store.get_json("dbt/manifest.json", result.run_id)["metadata"]["project_name"]


def test_never_loaded_sources_give_empty_models_and_passing_tests(
    duckdb_settings: WarehouseSettings, instance: dg.DagsterInstance
):
    result = dg.materialize([dbt_run, dbt_test], instance=instance)

    assert result.success
    assert {
        m.table: mart(duckdb_settings, m.table) for m in MANIFEST.models if m.schema_name == "marts"
    } == {m.table: [] for m in MANIFEST.models if m.schema_name == "marts"}


def test_receivables_of_a_past_day_are_the_books_as_they_were(modelled: WarehouseSettings):
    arguments = ["run", "-s", "+receivables_ageing", "--vars", "{as_of: 2025-02-15}"]
    assert invoke_dbt(*arguments).success

    assert mart(
        modelled, "receivables_ageing", "invoice_number, bucket, outstanding_eur::text"
    ) == [
        ("2025-001", "current", "1011.50"),
        ("2025-002", "1-30", "4750.00"),
    ]
