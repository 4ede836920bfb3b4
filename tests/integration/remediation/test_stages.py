"""The stages one by one: across locations, interrupted, and with a connector as the source."""

import sqlite3

import dagster as dg
import pytest

import catalog.definitions
import ingestion.definitions
import quality.definitions
import transformation.definitions
from ingestion.airbyte.loader import AirbyteLoader
from ingestion.registry import LOADERS
from ingestion.sources.declarations import load_sources
from ingestion.sources.loader import SourcesLoader
from integration.remediation.stack import JOB, Stack
from stack.artifacts import ArtifactStore
from stack.load_report import write_report
from stack.remediation.sensor import data_quality_alert_sensor
from support.books import load_books
from support.fake_connector import Script, declare, put
from support.incoming import Incoming

CLIENTS = "freelancer_raw.books_clients"
PRODUCTS = "freelancer_raw.shop_products"
LATER = {
    "transformation": transformation.definitions.defs,
    "quality": quality.definitions.defs,
    "catalog": catalog.definitions.defs,
}


def test_three_locations_do_it_one_after_the_other(stack: Stack) -> None:
    before = stack.sql(f"select * from {CLIENTS} order by all")
    stack.sql(f"insert into {CLIENTS} select * from {CLIENTS} where client_id = 1")
    stack.drop(tables=["raw.books_clients"])
    (request,) = data_quality_alert_sensor.evaluate_tick(
        dg.build_sensor_context(instance=stack.instance)
    ).run_requests
    job = ingestion.definitions.defs.resolve_job_def(JOB)
    result = job.execute_in_process(instance=stack.instance, tags=request.tags)
    stages = [result.dagster_run.tags["stage"]]
    for name, defs in LATER.items():
        assert stack.tick() == []
        context = dg.build_sensor_context(instance=stack.instance, definitions=defs)
        sensor = defs.resolve_sensor_def(f"{name}_continuation_sensor")
        for following in sensor.evaluate_tick(context).run_requests or []:
            assert stack.waiting()
            result = defs.resolve_job_def(JOB).execute_in_process(
                instance=stack.instance, tags=following.tags
            )
            stages.append(result.dagster_run.tags["stage"])
    assert stages == ["ingestion", "transformation", "quality"]
    assert stack.tick() == []
    (archived,) = stack.archived()
    assert archived["handling"]["outcome"] == "healed"
    assert [run["stage"] for run in archived["handling"]["runs"]] == stages
    assert stack.sql(f"select * from {CLIENTS} order by all") == before


def test_rows_that_were_taken_out_come_back_although_the_run_died(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stack.sql(f"select * from {CLIENTS} order by all")
    stack.sql(f"insert into {CLIENTS} select * from {CLIENTS} where client_id = 1")
    stack.drop(tables=["raw.books_clients"])

    def die(*_: object) -> None:
        raise MemoryError("killed")

    with monkeypatch.context() as patch:
        patch.setattr("ingestion.remediation._load", die)
        (run,) = stack.tick()
    assert not run.success
    assert len(stack.sql(f"select * from {CLIENTS}")) == len(before) - 1
    load_books()
    assert stack.sql(f"select * from {CLIENTS} order by all") == before
    stack.tick()
    assert [a["handling"]["outcome"] for a in stack.archived()] == ["failed"]


def test_an_alert_about_nothing_known_fails_with_what_was_expected(stack: Stack) -> None:
    stack.drop(tables=["marts.no_such_model"])
    (run,) = stack.tick()
    (failure,) = run.get_step_failure_events()
    told = failure.step_failure_data.error_display_string
    assert "marts.no_such_model" in told
    assert "expected raw tables" in told
    stack.tick()
    assert [a["handling"]["outcome"] for a in stack.archived()] == ["failed"]


PRODUCT = (
    'record("products", id={n}, make="m", model="x", year=2020, price=5.0, '
    'created_at="2024-01-01T00:00:00+00:00", updated_at="2024-01-01T00:00:00+00:00")\n'
)
# As a real connector: with a state it delivers only what is newer.
SCRIPT = Script(
    "if not saved:\n    "
    + PRODUCT.format(n=1)
    + "    "
    + PRODUCT.format(n=2)
    + 'state("products", at=2)',
    streams={
        "products": {
            "id": "integer", "make": "string", "model": "string", "year": "integer",
            "price": "number",
            "created_at": {"type": "string", "format": "date-time"},
            "updated_at": {"type": "string", "format": "date-time"},
        }
    },
)  # fmt: skip


@pytest.fixture
def shop(stack: Stack, tmp_path, monkeypatch: pytest.MonkeyPatch):
    connection = declare(tmp_path / "connections", name="shop", streams={"products": {}})
    put(connection, tmp_path / "connectors", SCRIPT)
    monkeypatch.setenv("AIRBYTE_CONNECTORS_DIR", str(tmp_path / "connectors"))
    monkeypatch.setattr("ingestion.registry.LOADERS", (*LOADERS, AirbyteLoader([connection])))
    return connection


def test_a_connectors_stream_is_read_anew(stack: Stack, shop) -> None:
    stack.drop(tables=["raw.shop_products"])
    (first,) = stack.tick()
    assert first.success
    before = stack.sql(f"select * from {PRODUCTS} order by all")
    assert len(before) == 2
    stack.sql(f"update {PRODUCTS} set price = -1 where id = 2")
    stack.drop(tables=["raw.shop_products"], description="again")
    (second,) = stack.tick()
    assert second.success
    assert stack.sql(f"select * from {PRODUCTS} order by all") == before
    kept = stack.sql("select (row_json ->> 'price')::double from quarantine.shop_products")
    assert kept == [(-1.0,)]


TILL = """
kind: sql_database
name: till
url: sqlite:///{file}
tables:
  orders: {{primary_key: [id], cursor: updated_at}}
"""
ORDERS = "freelancer_raw.till_orders"


def test_a_table_of_a_configured_source_is_read_anew_and_keeps_what_the_source_forgot(
    stack: Stack, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "till.db"
    with sqlite3.connect(file) as database:
        database.executescript(
            """create table orders (id integer primary key, total real, updated_at text);
            insert into orders values (1, 5, '2026-01-01'), (2, 6, '2026-01-02');"""
        )
    (tmp_path / "till.yml").write_text(TILL.format(file=file))
    loader = SourcesLoader(load_sources(tmp_path))
    monkeypatch.setattr("ingestion.registry.LOADERS", (*LOADERS, loader))
    assert loader.load().failures == ()
    before = stack.sql(f"select id, total from {ORDERS} order by id")
    assert before == [(1, 5.0), (2, 6.0)]
    stack.sql(f"update {ORDERS} set total = -1 where id = 1")
    with sqlite3.connect(file) as database:
        database.execute("delete from orders where id = 2")
    stack.drop(tables=["raw.till_orders"])
    (run,) = stack.tick()
    assert run.success
    assert stack.sql(f"select id, total from {ORDERS} order by id") == before


FILES = "freelancer_raw.files_orders"


@pytest.mark.parametrize("there", [True, False])
def test_a_table_of_files_is_read_from_its_processed_files_or_left_and_not_healed(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    inbox = Incoming(stack.home)
    inbox.drop("orders/1.csv", "id,amount\n1,5\n2,6\n")
    inbox.drop("orders/2.csv", "id,amount\n3,7\n")
    report = inbox.process().report
    write_report(ArtifactStore(str(stack.home / "artifacts")), "a-run", report)
    before = stack.sql(f"select * from {FILES} order by id")
    stack.sql(f"update {FILES} set amount = -1 where id = 1")
    spoilt = stack.sql(f"select * from {FILES} order by id")
    if not there:
        (stack.home / "incoming/processed/orders/2.csv").unlink()
    stack.drop(tables=["raw.files_orders"])
    (run,) = stack.tick()
    assert run.success
    after = stack.sql(f"select * from {FILES} order by id")
    assert after == (before if there else spoilt)
