"""What any loader sets aside is shown alike in the UI: on its asset, tables and checks."""

import dagster as dg
import pytest

from ingestion.airbyte.loader import AirbyteLoader
from ingestion.books import BooksLoader
from ingestion.incoming.loader import FilesLoader
from ingestion.loader_asset import loader_asset
from ingestion.sources.loader import SourcesLoader
from support.books import Exports
from support.fake_connector import Script, declare, put
from support.incoming import Incoming

DEALS = {"deals": {"id": "integer", "title": "string"}}
READ = 'record("deals", id=1)\nrecord("deals", id="?")\nstate("deals", at=1)'


@pytest.fixture
def step(stack_home, tmp_path, monkeypatch) -> dg.AssetsDefinition:
    """A step of all loaders, each with something that it can't load."""
    monkeypatch.setenv("INCOMING_SETTLE_SECONDS", "0")
    monkeypatch.setenv("AIRBYTE_CONNECTORS_DIR", str(tmp_path / "connectors"))
    connection = declare(tmp_path / "connections", streams={"deals": {"primary_key": ["id"]}})
    put(connection, tmp_path / "connectors", Script(READ, streams=DEALS))
    Exports(stack_home).write("clients.csv", "client_id\n1\n")
    inbox = Incoming(stack_home)
    inbox.drop("orders.csv", "id,n\n1,2\n2,3,4\n3,5\n4,5,6\n5,6\n")
    inbox.drop("broken.json", "[")
    loaders = [BooksLoader(), FilesLoader(), SourcesLoader([]), AirbyteLoader([connection])]
    return loader_asset("step", loaders, "")


def rows_of(metadata, name: str) -> list[dict]:
    return [record.data for record in metadata[name].records]


def seen(rows: list[dict]) -> set[tuple]:
    return {(row["loader"], row["input"], row["table"], row["line"]) for row in rows}


ASIDE = {
    ("books", "clients.csv", "books_clients", ""),
    ("files", "broken.json", "files_broken", ""),
    ("files", "orders.csv", "files_orders", "3"),
    ("files", "orders.csv", "files_orders", "5"),
    ("airbyte", "crm.deals", "crm_deals", "record 2"),
}


def test_each_loader_shows_it_in_the_same_table(step):
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([step], instance=instance)
    shown = {
        event.asset_key.path[-1]: event.materialization.metadata
        for event in result.get_asset_materialization_events()
    }
    checks = {c.check_name: c.metadata for c in result.get_asset_check_evaluations()}
    tables = [
        rows_of(shown["step"], "set_aside_now"),
        rows_of(shown["step"], "waiting"),
        rows_of(checks["every_row_accounted_for"], "set_aside_now"),
        rows_of(checks["nothing_set_aside"], "waiting"),
    ]
    assert [seen(rows) for rows in tables] == [ASIDE] * 4
    by_input = {row["input"]: row for row in tables[0]}
    assert by_input["clients.csv"]["reason"].startswith("it lacks the columns")
    assert by_input["crm.deals"]["reason"] == 'deals.id: found "?", expected bigint'
    assert by_input["orders.csv"]["reason"] == "line 5 has 3 cells instead of 2"
    assert all(row["put back"].startswith("stack quarantine put-back ") for row in tables[0])
    assert all(row["kept at"] and row["when"].startswith("20") for row in tables[0])
    of_a_table = rows_of(shown["files_orders"], "set_aside_now")
    assert seen(of_a_table) == {row for row in ASIDE if row[2] == "files_orders"}
    assert "set_aside_now" not in shown["books_projects"]


def test_what_waits_from_earlier_loads_is_shown_until_it_is_settled(step, stack_home):
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize([step], instance=instance)
        (stack_home / "exports/books/clients.csv").unlink()
        result = dg.materialize([step], instance=instance)
    (shown,) = [
        event.materialization.metadata
        for event in result.get_asset_materialization_events()
        if event.asset_key.path == ["step"]
    ]
    of_this_load = {row[1] for row in seen(rows_of(shown, "set_aside_now"))}
    assert of_this_load == {"crm.deals"}
    waits = {row[1] for row in seen(rows_of(shown, "waiting"))}
    assert waits == {"broken.json", "orders.csv", "crm.deals"}
