"""The whole daily pipeline on one machine, as with `make run`."""

import json
import re
import subprocess

import dagster as dg

from stack.raw import RawTable, raw_tables
from support.contents import tables
from support.stack_process import ROOT

SIX = (
    "airbyte_sync_job",
    "dlt_ingestion_pipeline",
    "dbt_run",
    "dbt_test",
    "great_expectations_validation",
    "datahub_metadata_ingestion",
)


def make(ran, command: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a person would, in the checkout, on this stack."""
    return subprocess.run(
        command, shell=True, cwd=ROOT, env=ran.stack.env(), capture_output=True, text=True,
        timeout=1200, check=False,
    )  # fmt: skip


def delivered_by_the_pipeline() -> list[RawTable]:
    """All but what arrived files would fill."""
    return [table for table in raw_tables() if table.loader != "file_processing"]


def test_it_loads_models_validates_and_catalogues(ran):
    rows = tables(ran.warehouse)
    for table in delivered_by_the_pipeline():
        assert rows[f"freelancer_raw.{table.table_name}"] > 0, table
    for mart in ("revenue_by_month", "client_profitability", "utilisation",
                 "receivables_ageing", "cash_in", "shop_customers"):  # fmt: skip
        assert rows[f"marts.{mart}"] > 0, mart
    home = ran.stack.home
    results = json.loads((home / "artifacts/latest/gx/validation_result.json").read_text())
    assert results["success"]
    assert len(results["results"]) > 50
    assert json.loads((home / "catalog/metadata.json").read_text())


def test_it_shows_each_step_as_it_goes_and_ends_with_where_to_look(ran):
    output = ran.first.stdout
    for name in SIX:
        assert f"▸ {name}" in output
        assert f"✔ {name}" in output
    positions = [output.index(f"▸ {name}") for name in SIX[2:]]
    assert positions == sorted(positions)
    for word in (
        "rows loaded",
        "checks passed, 0 failed",
        "make dev",
        "make query",
        "warehouse.duckdb",
        "Data Docs",
        "Catalog",
    ):
        assert word in output
    assert "Traceback" not in output + ran.first.stderr


def test_the_query_that_it_suggests_works(ran):
    (command,) = re.findall(r"(make query SQL=.+)", ran.first.stdout)
    result = make(ran, command)
    assert result.returncode == 0, result.stderr
    assert "revenue_eur" in result.stdout


def test_the_run_and_its_tables_are_in_the_instance_that_the_ui_shows(ran, monkeypatch):
    with dg.DagsterInstance.from_config(str(ran.stack.home / "dagster")) as instance:
        run = instance.get_runs()[0]
        assert run.status == dg.DagsterRunStatus.SUCCESS
        assert run.job_name == "daily_data_pipeline"
        for table in delivered_by_the_pipeline():
            event = instance.get_latest_materialization_event(dg.AssetKey(table.asset_path))
            metadata = event.asset_materialization.metadata
            assert {"dagster/row_count", "dagster/column_schema"} <= set(metadata), table
        revenue = instance.get_latest_materialization_event(
            dg.AssetKey(["marts", "revenue_by_month"])
        )
        assert "dagster/column_lineage" in revenue.asset_materialization.metadata


def test_no_process_of_the_run_tries_to_leave_the_machine(ran):
    assert not ran.network_log.exists(), ran.network_log.read_text()
