"""What happens when a model or a test fails, or the process is killed."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from stack.options import options_config
from stack.retry import may_pass
from stack.settings import StackSettings, WarehouseSettings, load_settings
from stack.warehouse import WarehouseBusyError, connect
from support.holder import held
from tests.integration.transformation.books_and_shop import ROWS, all_models, load, mart
from tests.integration.transformation.conftest import run_dbt
from tests.integration.transformation.test_incremental import LATE
from transformation.assets import MANIFEST, dbt_run, dbt_test
from transformation.checks import dbt_data_tests
from transformation.models import DbtError, run_tests
from transformation.project import load_project

PAYMENT_OF_NO_INVOICE = {
    "payment_id": 77,
    "invoice_id": 404,
    "paid_on": ROWS["books_payments"][0]["paid_on"],
    "currency": "EUR",
    "amount": 5,
}


def failure_of(result: dg.ExecuteInProcessResult, step: str) -> str:
    data = next(e for e in result.all_events if e.is_step_failure and e.step_key == step)
    failure = data.step_failure_data.user_failure_data
    assert failure is not None
    return str(failure.description)


def test_failing_data_test_fails_dbt_test_and_names_test_model_rows_and_query(
    modelled: WarehouseSettings, instance: dg.DagsterInstance
):
    load(
        modelled,
        {
            "books_payments": [
                PAYMENT_OF_NO_INVOICE,
                PAYMENT_OF_NO_INVOICE | {"payment_id": 78, "method": "cheque"},
            ]
        },
    )

    result = dg.materialize(
        [dbt_run, dbt_test], selection=["dbt_test"], instance=instance, raise_on_error=False
    )

    assert not result.success
    message = failure_of(result, "dbt_test")
    assert "invoice_of_payments_exists on staging.stg_books__payments: 2 failing rows" in message
    assert "method_of_payments_is_known" not in message  # of severity warn
    query = message.split("invoice_of_payments_exists")[1].split("see them with: ")[1]
    with connect(modelled) as connection:
        rows = connection.sql(query.split("; cash_agrees")[0].split("; ")[0]).fetchall()
    assert len(rows) == 2

    checks = {(e.asset_key.path[1], e.check_name): e for e in result.get_asset_check_evaluations()}
    failed = checks["stg_books__payments", "invoice_of_payments_exists"]
    assert (failed.passed, failed.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert failed.metadata["failing_rows"].value == 2
    warned = checks["stg_books__payments", "method_of_payments_is_known"]
    assert (warned.passed, warned.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert len(checks) == len(MANIFEST.tests)

    (file,) = Path(load_settings(StackSettings).alerts).glob("*.json")
    alert = json.loads(file.read_text())
    assert (alert["type"], alert["severity"], alert["source"]) == (
        *("dbt_test_failure", "error"),
        "dbt",
    )
    assert "staging.stg_books__payments" in alert["tables"]
    assert alert["run_id"] == result.run_id


def test_warning_alone_leaves_dbt_test_materialised(
    modelled: WarehouseSettings, instance: dg.DagsterInstance
):
    load(modelled, {"shop_customers": [{"id": 5, "name": "Eve", "email": "nowhere"}]})

    result = dg.materialize(
        [dbt_run, dbt_test],
        instance=instance,
        run_config=options_config(target_models="+shop_customers"),
    )

    assert result.success
    (file,) = Path(load_settings(StackSettings).alerts).glob("*.json")
    assert json.loads(file.read_text())["severity"] == "warning"


def test_broken_model_fails_only_what_needs_it(
    duckdb_settings: WarehouseSettings, instance: dg.DagsterInstance
):
    load(duckdb_settings, ROWS)
    with connect(duckdb_settings) as connection:
        connection.execute("alter table freelancer_raw.books_payments drop column method")

    result = dg.materialize([dbt_run], instance=instance, raise_on_error=False)

    assert not result.success
    message = failure_of(result, "dbt_run")
    assert message.startswith("1 of 22 models failed and 7 that need them were skipped")
    assert "staging.stg_books__payments: " in message
    assert '"method" not found' in message
    made = {
        event.asset_key.path[-1]
        for event in result.get_asset_materialization_events()
        if event.asset_key
    }
    assert {"revenue_by_month", "fct_time_entries", "shop_customers"} <= made
    assert not {"dbt_run", "stg_books__payments", "cash_in", "receivables_ageing"} & made


def test_selected_models_alone_are_run(modelled: WarehouseSettings, instance: dg.DagsterInstance):
    load(modelled, {"shop_customers": [{"id": 5, "name": "Eve"}]})

    result = dg.materialize([dbt_run], selection=["marts/shop_customers"], instance=instance)

    (event,) = result.get_asset_materialization_events()
    assert event.asset_key == dg.AssetKey(["marts", "shop_customers"])
    assert [row[0] for row in mart(modelled, "shop_customers")] == [1, 2, 5]


def test_checks_run_alone(modelled: WarehouseSettings, instance: dg.DagsterInstance):
    wanted = dg.AssetCheckKey(dg.AssetKey(["marts", "cash_in"]), "cash_agrees_with_the_payments")

    result = dg.materialize(
        [dbt_run, dbt_data_tests],
        selection=dg.AssetSelection.checks(wanted),
        instance=instance,
    )

    (evaluation,) = result.get_asset_check_evaluations()
    assert evaluation.asset_check_key == wanted
    assert evaluation.passed


KILLED_AT = {
    "while rows are merged": 'delete from "warehouse"."marts"."fct_time_entries"',
    "while a mart is replaced": 'rename to "cash_in__dbt_backup"',
    "before the replaced mart is dropped": 'drop table if exists "warehouse"."marts"."cash_in__',
}
MODELS = ("fct_time_entries", "cash_in")
# A process of its own for each, of one that has loaded dbt.
KILLED = f"""
import os, signal, sys
from dbt.cli.main import dbtRunner
from transformation.project import load_project
from transformation.runner import invoke

project = load_project()
for statement in sys.argv[1:]:
    def kill(event):
        if event.info.name == "SQLQuery" and statement in " ".join(event.data.sql.split()):
            os.kill(os.getpid(), signal.SIGKILL)
    child = os.fork()
    if child == 0:
        options = ["run", "--select", *{MODELS}]
        invoke(project, options, project.stack_home / "scratch" / "killed", kill)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_killed_run_started_again_ends_as_an_undisturbed_one(modelled: WarehouseSettings):
    load(modelled, LATE)

    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *KILLED_AT.values()], stdout=subprocess.PIPE, check=True
    )
    assert killed.stdout.split() == [b"%d" % -signal.SIGKILL] * len(KILLED_AT)
    again = run_dbt(modelled, "--select", *MODELS)

    assert again.result.success
    ended = all_models(modelled)
    assert run_dbt(modelled, "--full-refresh", "--select", *MODELS).result.success
    assert ended == all_models(modelled)


def test_busy_warehouse_is_named_before_dbt_starts(modelled: WarehouseSettings):
    impatient = modelled.model_copy(update={"warehouse_wait_seconds": 0.0})
    refused = pytest.raises(WarehouseBusyError, match="is still held by process")
    with held(modelled.duckdb_file), refused:
        run_dbt(impatient)


def test_busy_warehouse_is_named_by_dbt_itself(modelled: WarehouseSettings, monkeypatch):
    monkeypatch.setenv("WAREHOUSE_WAIT_SECONDS", "0")
    with held(modelled.duckdb_file, "reader") as holder, pytest.raises(DbtError) as told:
        run_tests(load_project(), modelled.stack_home / "scratch" / "busy", report=print)
    assert holder.names_it(str(told.value))
    assert may_pass(told.value)  # its run is made again
