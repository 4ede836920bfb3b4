"""The sample shop, loaded by its real connector through Dagster."""

from collections.abc import Iterator
from dataclasses import dataclass

import dagster as dg
import pytest

from ingestion.airbyte.connection import Connection
from ingestion.assets import airbyte_sync_job
from stack.artifacts import ArtifactStore
from stack.load_report import LoadReport, Outcome, read_report
from stack.settings import StackSettings, load_settings
from stack.warehouse import connect
from support.fake_connector import ASKED, starts_of_connectors

TABLES = ("shop_customers", "shop_products", "shop_purchases")


@dataclass
class Sync:
    """A sync's result, and what the tables held after it."""

    result: dg.ExecuteInProcessResult
    contents: dict[str, list]
    report: LoadReport
    starts: list[str]


def contents() -> dict[str, list]:
    # The connector stamps `updated_at` with the time of the read.
    query = "select * exclude (updated_at) from freelancer_raw.{} order by id"
    with connect(read_only=True) as connection:
        return {t: connection.execute(query.format(t)).fetchall() for t in TABLES}


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture(scope="module")
def undisturbed(shop: Connection, instance, tmp_path_factory) -> list[Sync]:
    """Two syncs of the shop, one after the other."""
    syncs = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STACK_HOME", str(tmp_path_factory.mktemp("undisturbed")))
        patch.setattr("stack.settings.env_files", tuple)
        starts = starts_of_connectors(patch)
        for _ in range(2):
            starts.clear()
            result = dg.materialize([airbyte_sync_job], instance=instance)
            store = ArtifactStore(load_settings(StackSettings).artifacts)
            syncs.append(Sync(result, contents(), read_report(store, "airbyte"), [*starts]))
    return syncs


def test_the_shop_is_loaded_with_all_that_a_person_wants_to_know(undisturbed):
    first, _ = undisturbed
    assert {table: len(rows) for table, rows in first.contents.items()} == {
        "shop_customers": 1000,
        "shop_products": 100,
        "shop_purchases": 1000,
    }
    checks = first.result.get_asset_check_evaluations()
    assert len(checks) == 3
    assert all(check.passed for check in checks)
    metadata = metadata_of(first)
    assert set(metadata) == {"airbyte_sync_job", *TABLES}
    assert metadata["airbyte_sync_job"]["rows_loaded"].value == 2100
    customers = metadata["shop_customers"]
    assert customers["dagster/row_count"].value == 1000
    assert customers["connector"].value == "airbyte-source-faker==7.2.1"
    assert "updated_at" in customers["state"].value
    columns = customers["dagster/column_schema"].schema.columns
    assert [(c.name, c.type) for c in columns][:2] == [("id", "bigint"), ("name", "varchar")]


def test_the_second_sync_finds_nothing_new_in_one_process(undisturbed):
    first, second = undisturbed
    assert (first.starts, second.starts) == (ASKED, ["read"])
    assert [(i.outcome, i.records) for i in second.report.inputs] == [(Outcome.LOADED, 0)] * 3
    assert second.contents == first.contents
    assert metadata_of(second)["airbyte_sync_job"]["rows_read"].value == 0
    purchases = second.report.tables["shop_purchases"]
    assert (purchases.rows_loaded, purchases.rows_total) == (0, 1000)
    assert list(second.report.set_aside()) == []


def metadata_of(sync: Sync) -> dict:
    return {
        event.asset_key.path[-1]: event.materialization.metadata
        for event in sync.result.get_asset_materialization_events()
    }


def failure_of(instance) -> str:
    result = dg.materialize([airbyte_sync_job], instance=instance, raise_on_error=False)
    assert not result.success
    [event] = result.get_step_failure_events()
    return str(event.step_failure_data.error_display_string)


def test_a_missing_connector_is_told_with_the_next_step(
    stack_home, instance, monkeypatch, tmp_path
):
    monkeypatch.setenv("AIRBYTE_CONNECTORS_DIR", str(tmp_path / "none"))
    assert "is not installed in" in failure_of(instance)
    assert "run `make setup`" in failure_of(instance)
