"""A REST API and SQL databases, loaded by the files in the how-to page."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy

from ingestion.loaders import Scope
from ingestion.sources.declarations import load_sources
from ingestion.sources.loader import SourcesLoader
from stack.declarations import DeclarationError
from stack.settings import WarehouseSettings
from stack.warehouse import connect
from support.http_server import Reply, Request, http_server
from support.reports import Told
from support.stack_process import ROOT

PAGE = (ROOT / "docs/how-to/add-a-source.md").read_text()
TOKEN = "t0ken-of-the-crm"
PAGE_SIZE = 3


def example(file: str) -> str:
    found = re.search(rf"^```yaml sources/{file}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


class Crm:
    """An API of contacts: pages, a bearer token, and whatever goes wrong next."""

    def __init__(self) -> None:
        self.contacts = [contact(i) for i in range(1, 8)]
        self.faults: list[Reply] = []
        self.asked: list[str] = []

    def __call__(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Reply(401, {"detail": "no"})
        if self.faults:
            return self.faults.pop(0)
        query = parse_qs(urlsplit(request.path).query)
        (since,) = query["updated_since"]
        self.asked.append(since)
        offset = int(query.get("offset", ["0"])[0])
        found = [c for c in self.contacts if c["updated_at"] >= since]
        rest = found[offset + PAGE_SIZE :]
        # The last row of a page comes again on the next one, as where rows move meanwhile.
        page = found[max(0, offset - 1) : offset + PAGE_SIZE]
        path = f"/contacts?updated_since={since}&offset={offset + PAGE_SIZE}"
        link = f"http://{request.headers['host']}{path}" if rest else None
        return Reply(200, {"results": page, "next": link})


def contact(number: int, day: int = 1) -> dict:
    return {
        "id": number,
        "name": f"c{number}",
        "tags": ["a"],
        "updated_at": f"2026-01-{day:02}T00:00:00Z",
    }


@pytest.fixture(params=["duckdb", "ducklake"])
def warehouse(request, stack_home, monkeypatch) -> WarehouseSettings:
    monkeypatch.setenv("DLT_DESTINATION", request.param)
    return WarehouseSettings(stack_home=stack_home, dlt_destination=request.param)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    folder = tmp_path / "sources"
    folder.mkdir()
    monkeypatch.setenv("DLT_SOURCES_DIR", str(folder))
    return folder


@pytest.fixture
def crm(folder, monkeypatch):
    api = Crm()
    with http_server(api) as server:
        (folder / "crm.yml").write_text(example("crm.yml"))
        monkeypatch.setenv("CRM_URL", server.url)
        monkeypatch.setenv("CRM_TOKEN", TOKEN)
        yield api


def load(folder, **options):
    return Told(SourcesLoader(load_sources(folder)).load(Scope(**options)))


def rows(warehouse: WarehouseSettings, query: str) -> list[tuple]:
    with connect(warehouse) as connection:
        return connection.execute(query).fetchall()


CONTACTS = "select id, name from freelancer_raw.crm_contacts order by id"


def test_an_api_is_read_page_by_page_and_then_only_what_is_new(crm, folder, warehouse):
    crm.faults = [Reply(429, {}, {"Retry-After": "1"}), Reply(503, {})]
    first = load(folder)
    assert first.failed == {}
    assert rows(warehouse, CONTACTS) == [(i, f"c{i}") for i in range(1, 8)]
    crm.contacts[0] = contact(1, day=9) | {"name": "renamed"}
    crm.contacts.append(contact(8, day=9))
    crm.asked.clear()
    second = load(folder)
    assert second.failed == {}
    assert set(crm.asked) == {"2026-01-01T00:00:00Z"}
    assert rows(warehouse, CONTACTS) == [(1, "renamed"), *((i, f"c{i}") for i in range(2, 9))]
    load(folder)
    assert crm.asked[-1] == "2026-01-09T00:00:00Z"


def test_a_page_that_fails_after_others_loses_and_doubles_nothing(
    crm, folder, warehouse, monkeypatch
):
    answer = Crm.__call__
    faulty = {"still": True}

    def fail_on_second_page(request: Request) -> Reply:
        if "offset=3" in request.path and faulty["still"]:
            return Reply(404, {"detail": "gone"})
        return answer(crm, request)

    with http_server(fail_on_second_page) as server:
        monkeypatch.setenv("CRM_URL", server.url)
        broken = load(folder)
        assert "404" in broken.failed["crm"]
        faulty["still"] = False
        assert load(folder).failed == {}
    assert [row[0] for row in rows(warehouse, CONTACTS)] == list(range(1, 8))


def test_a_refused_token_fails_only_its_source_and_is_shown_nowhere(
    crm, folder, warehouse, monkeypatch, tmp_path
):
    monkeypatch.setenv("CRM_TOKEN", "wrong-t0ken")
    monkeypatch.setenv("SHOP_DB", f"sqlite:///{till(tmp_path)}")
    (folder / "till.yml").write_text(example("till.yml"))
    report = load(folder)
    assert list(report.failed) == ["crm"]
    assert "401" in report.failed["crm"]
    assert "wrong-t0ken" not in report.failed["crm"]
    assert report.rows == {"till_orders": 2, "till_prices": 1}


def till(tmp_path) -> str:
    file = tmp_path / "till.db"
    with sqlite3.connect(file) as database:
        database.executescript(
            """create table orders (id integer primary key, total numeric(10, 2), updated_at text);
            create table prices (sku text primary key, price real);
            insert into orders values (1, 9.5, '2026-01-01'), (2, 3, '2026-01-02');
            insert into prices values ('a', 1.5);"""
        )
    return str(file)


ORDERS = "select id, total::double from freelancer_raw.till_orders order by id"


def test_tables_of_sqlite_are_read_from_where_they_were_left(
    folder, warehouse, tmp_path, monkeypatch
):
    file = till(tmp_path)
    monkeypatch.setenv("SHOP_DB", f"sqlite:///{file}")
    (folder / "till.yml").write_text(example("till.yml"))
    assert load(folder).failed == {}
    with sqlite3.connect(file) as database:
        database.execute("update orders set total = 4, updated_at = '2026-01-05' where id = 2")
        database.execute("update orders set total = 0 where id = 1")  # not by its cursor
        database.execute("insert into orders values (3, 1, '2026-01-05')")
    assert load(folder).failed == {}
    assert rows(warehouse, ORDERS) == [(1, 9.5), (2, 4.0), (3, 1.0)]
    assert load(folder, full_refresh=True).failed == {}
    assert rows(warehouse, ORDERS) == [(1, 0.0), (2, 4.0), (3, 1.0)]


def test_tables_of_postgres_in_a_schema(folder, stack_home, postgres_url, monkeypatch):
    url = postgres_url.replace("postgres://", "postgresql://")
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("create schema if not exists sales")
        connection.exec_driver_sql("drop table if exists sales.orders")
        connection.exec_driver_sql(
            "create table sales.orders (id bigint primary key, total numeric(10, 2), "
            "updated_at timestamptz)"
        )
        connection.exec_driver_sql("insert into sales.orders values (1, 2.5, '2026-01-01Z')")
    engine.dispose()
    monkeypatch.setenv("SHOP_DB", url)
    text = example("till.yml").replace("tables:", "schema: sales\ntables:").split("  prices:")[0]
    (folder / "till.yml").write_text(text)
    assert load(folder).failed == {}
    assert rows(WarehouseSettings(stack_home=stack_home), ORDERS) == [(1, 2.5)]


def test_the_asset_materialises_what_loaded_and_its_check_names_what_did_not(crm, folder, tmp_path):
    broken = example("till.yml").replace("${SHOP_DB}", f"sqlite:///{tmp_path}/none/there.db")
    (folder / "till.yml").write_text(broken)
    # The assets are made when the module is imported, so a process of its own.
    code = """
import dagster as dg, json
from ingestion.assets import dlt_ingestion_pipeline as asset
result = dg.materialize([asset], instance=dg.DagsterInstance.ephemeral())
done = [e.asset_key.to_user_string() for e in result.get_asset_materialization_events()]
check, = [e for e in result.get_asset_check_evaluations() if e.check_name == "every_source_loaded"]
print(json.dumps([result.success, done, check.passed, check.description]))
"""
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
        env=os.environ | {"STACK_HOME": str(tmp_path / "home")},
    )
    assert ran.returncode == 0, ran.stderr
    success, done, passed, description = json.loads(ran.stdout.splitlines()[-1])
    assert success
    assert "raw/crm_contacts" in done
    assert "raw/till_orders" not in done
    assert not passed
    assert description.startswith("till: ")
    assert TOKEN not in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (
            ("kind: rest_api", "kind: soap"),
            "kind: found soap, expected one of 'rest_api', 'sql_database'",
        ),
        (("kind: rest_api", "owner: team:sales"), "kind: found nothing, expected a value"),
        (("name: crm", "name: books"), "books"),
        (
            ("base_url:", "url:"),
            "url: found an unknown field, expected one of name, description, owner, kind, b",
        ),
        (("primary_key: [id]", "primary_key: []"), "primary_key"),
        (("path: contacts", "route: contacts"), "tables.contacts.route: found an unknown field"),
        (
            ("base_url: ${CRM_URL}", "base_url: ann:pw@crm.example"),
            "base_url: found '***@crm.example', expected text like",
        ),
    ],
)
def test_a_file_with_a_mistake_is_named_with_it(folder, change, word):
    (folder / "crm.yml").write_text(example("crm.yml").replace(*change))
    with pytest.raises(DeclarationError) as caught:
        load_sources(folder)
    assert "crm.yml" in str(caught.value)
    assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_variable_that_is_not_set_is_named(crm, folder, stack_home, monkeypatch):
    monkeypatch.delenv("CRM_TOKEN")
    assert "CRM_TOKEN is not set" in load(folder).failed["crm"]
