"""Health of the warehouse, whose check must never lock a run out."""

import dagster as dg
import duckdb
import pytest
from pydantic import SecretStr

from stack.monitoring import State
from stack.pipelines import MONITORING
from stack.settings import WarehouseSettings
from stack.warehouse import connect
from stack.warehouse.pool import WAREHOUSE_POOL
from support.holder import held
from support.http_server import refused_port
from transformation.health import runs_using_warehouse, warehouse_health

RUN = "daily (12345678)"


@pytest.fixture(params=["duckdb", "ducklake"])
def settings(request, tmp_path):
    return WarehouseSettings(
        dlt_destination=request.param, stack_home=tmp_path, warehouse_threads=1
    )


def fill(settings):
    with connect(settings) as connection:
        connection.execute("create schema one")
        connection.execute("create schema two")
        connection.execute("create table one.t as select range as i from range(1000)")
        connection.execute("create table two.t (i int)")


def test_a_warehouse_that_is_not_there_yet_is_degraded_and_stays_away(settings, tmp_path):
    health = warehouse_health(settings, [])
    assert (health.state, "not there yet" in health.sentence) == (State.DEGRADED, True)
    assert list(tmp_path.rglob("*.duckdb")) + list(tmp_path.rglob("*.sqlite")) == []


def test_a_warehouse_that_opens_is_ok(settings):
    fill(settings)
    health = warehouse_health(settings, [])
    assert health.state is State.OK
    assert health.sentence.endswith("opens, 2 tables and views")


def test_a_warehouse_without_any_table_is_ok(settings):
    with connect(settings):
        pass
    assert warehouse_health(settings, []).state is State.OK


@pytest.fixture
def file(tmp_path):
    settings = WarehouseSettings(stack_home=tmp_path, warehouse_threads=1)
    fill(settings)
    return settings


def test_a_file_that_a_run_writes_is_ok_and_is_not_opened(file):
    file.duckdb_file.write_bytes(b"opening this would fail")
    health = warehouse_health(file, [RUN])
    assert health.state is State.OK
    assert health.sentence.endswith(f"is in use by {RUN}")


def test_a_file_that_a_forgotten_shell_holds_is_degraded(file):
    with held(file.duckdb_file) as shell:
        health = warehouse_health(file, [])
    assert (health.state, shell.names_it(health.sentence)) == (State.DEGRADED, True)
    assert warehouse_health(file, []).state is State.OK


def test_a_file_that_is_no_warehouse_is_down(file):
    file.duckdb_file.write_bytes(b"rubbish" * 5000)
    health = warehouse_health(file, [])
    assert (health.state, str(file.duckdb_file) in health.sentence) == (State.DOWN, True)


def test_the_file_is_free_again_after_the_look(file):
    warehouse_health(file, [])
    with duckdb.connect(file.duckdb_file) as connection:
        connection.execute("create table after_it (i int)")


def test_a_lake_whose_data_is_gone_is_down(tmp_path):
    lake = WarehouseSettings(dlt_destination="ducklake", stack_home=tmp_path, warehouse_threads=1)
    fill(lake)
    for data in (tmp_path / "lake" / "data").rglob("*.parquet"):
        data.unlink()
    health = warehouse_health(lake, [])
    assert health.state is State.DOWN
    assert "catalog answers, but its data" in health.sentence


def test_a_lake_whose_catalog_refuses_is_down_and_its_password_stays_out(tmp_path):
    with refused_port() as port:
        lake = WarehouseSettings(
            dlt_destination="ducklake",
            stack_home=tmp_path,
            ducklake_catalog_url=SecretStr(f"postgresql://me:pass-word@127.0.0.1:{port}/lake"),
        )
        health = warehouse_health(lake, [])
    assert health.state is State.DOWN
    assert "pass-word" not in health.sentence


@dg.asset(pool=WAREHOUSE_POOL)
def writer():
    pass


@dg.asset
def bystander():
    pass


def test_runs_that_take_the_pool_use_the_warehouse_and_others_do_not():
    jobs = [
        dg.define_asset_job(name, selection=[asset])
        for name, asset in [("load", "writer"), ("other", "bystander"), (MONITORING.name, "writer")]
    ]
    definitions = dg.Definitions(assets=[writer, bystander], jobs=jobs)
    with dg.DagsterInstance.ephemeral() as instance:
        runs = {
            (job.name, status): instance.create_run_for_job(
                definitions.resolve_job_def(job.name), status=status
            )
            for job in jobs
            for status in (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.SUCCESS)
        }
        using = runs_using_warehouse(instance)
    run = runs["load", dg.DagsterRunStatus.STARTED]
    assert using == [f"load ({run.run_id[:8]})"]
