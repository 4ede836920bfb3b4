"""`airbyte_sync_job` on a server: the same assets, with what is known about them."""

import os
import signal
import subprocess
import sys

import dagster as dg
import duckdb
import pytest

from fakes.airbyte_server import CLIENT_SECRET
from ingestion.assets import airbyte_sync_job
from stack.artifacts import ArtifactStore
from stack.load_report import read_report
from stack.settings import StackSettings, WarehouseSettings, load_settings

TERMINATED = """
import dagster as dg
from ingestion.assets import airbyte_sync_job
with dg.DagsterInstance.ephemeral() as instance:
    dg.materialize([airbyte_sync_job], instance=instance)
"""


@pytest.fixture
def warehouse(airbyte):
    """A DuckDB file that the server's destination loads into, as it may while we wait."""
    file = load_settings(WarehouseSettings).duckdb_file
    file.parent.mkdir(parents=True, exist_ok=True)

    def load():
        with duckdb.connect(file) as database:
            database.execute("create schema if not exists freelancer_raw")
            database.execute(
                "create or replace table freelancer_raw.shop_customers as "
                "select range as id, 'x@' || range as email from range(10)"
            )
            database.execute("create or replace table freelancer_raw.products as select 1 as id")

    airbyte.on_success = load
    return file


def metadata_by_table(result):
    events = result.get_asset_materialization_events()
    return {e.asset_key.path[-1]: e.materialization.metadata for e in events}


def test_rows_are_counted_in_the_warehouse_where_the_server_loads_into_it(
    airbyte, warehouse, capfd
):
    airbyte.counts = {
        name: {"recordsEmitted": 12, "recordsCommitted": 10, "bytesEmitted": 480}
        for name in ("users", "products", "purchases")
    }
    instance = dg.DagsterInstance.ephemeral()
    result = dg.materialize([airbyte_sync_job], instance=instance)
    assert result.success
    tables = metadata_by_table(result)
    assert set(tables) == {
        "airbyte_sync_job",
        "shop_customers",
        "shop_products",
        "shop_purchases",
    }
    customers = tables["shop_customers"]
    assert customers["dagster/row_count"].value == 10
    assert [c.name for c in customers["dagster/column_schema"].schema.columns] == ["id", "email"]
    assert (customers["rows_read"].value, customers["bytes_read"].value) == (12, 480)
    assert (customers["airbyte_job"].value, customers["joined"].value) == (1, False)
    assert "not_known" not in customers

    products = tables["shop_products"]
    assert "dagster/row_count" not in products
    assert products["rows_loaded"].value == 10
    assert "rows are in freelancer_raw.products" in products["not_known"].value
    assert "no freelancer_raw.shop_purchases" in tables["shop_purchases"]["not_known"].value
    assert "| shop.users | shop_customers | 12 | 10 | 2 |" in (
        tables["airbyte_sync_job"]["inputs"].value
    )
    assert all(check.passed for check in result.get_asset_check_evaluations())
    store = ArtifactStore(load_settings(StackSettings).artifacts)
    loaded = read_report(store, "airbyte", result.run_id).tables
    assert loaded["shop_customers"].rows_total == 10
    assert loaded["shop_purchases"].rows_total is None
    log = "".join(capfd.readouterr())
    assert "Airbyte job 1 started" in log
    assert CLIENT_SECRET not in log + str(result.all_events) + str(instance.all_logs(result.run_id))


def test_a_sync_that_fails_fails_the_run_with_one_line(airbyte, warehouse):
    airbyte.course = ["failed"]
    airbyte.failures = [{"failureOrigin": "source", "externalMessage": "no such account"}]
    result = dg.materialize(
        [airbyte_sync_job], instance=dg.DagsterInstance.ephemeral(), raise_on_error=False
    )
    [failure] = result.get_step_failure_events()
    told = failure.step_failure_data.error_display_string
    assert "job 1 failed: source: no such account" in told
    assert metadata_by_table(result) == {}


# As if the signal came while the last request's connection pool is cleared away.
TERMINATED_AMID_A_FINALIZER = """
import signal, weakref
from ingestion.airbyte.server.client import ServerClient
ask = ServerClient.job
class Gone: pass
def job(client, job_id):
    weakref.finalize(Gone(), signal.raise_signal, signal.SIGTERM)
    return ask(client, job_id)
ServerClient.job = job
"""


def test_a_termination_that_python_drops_is_noticed_nevertheless(airbyte):
    airbyte.course = ["running"]
    run = subprocess.run(
        [sys.executable, "-c", TERMINATED_AMID_A_FINALIZER + TERMINATED],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "Exception ignored in" in run.stderr
    assert run.returncode != 0, run.stderr
    assert airbyte.jobs[1].status == "cancelled", run.stderr


@pytest.mark.parametrize("joined", [False, True])
def test_a_run_that_is_terminated_cancels_the_sync_that_it_started(airbyte, joined):
    airbyte.course = ["running"]
    if joined:
        airbyte.add_job([], status="running")
    run = subprocess.Popen(
        [sys.executable, "-c", TERMINATED],
        env=os.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert airbyte.wait_for(lambda: ("GET", "/api/public/v1/jobs/1") in airbyte.asked)
        run.send_signal(signal.SIGTERM)
        output, _ = run.communicate(timeout=300)
    finally:
        run.kill()
    assert run.returncode != 0, output
    assert airbyte.started == ([] if joined else [1])
    assert airbyte.jobs[1].status == ("running" if joined else "cancelled"), output


def test_loading_the_location_asks_no_server(airbyte):
    subprocess.run([sys.executable, "-c", "import ingestion.definitions"], check=True)
    assert airbyte.asked == []
