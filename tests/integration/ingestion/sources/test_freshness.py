"""The newest event of a raw table, recorded by any load that may have changed it."""

import sqlite3
from datetime import UTC, datetime

import dagster as dg
import pytest

from ingestion.freshness import Newest, freshness_of
from ingestion.loader_asset import loader_asset
from ingestion.sources.declarations import load_sources
from ingestion.sources.loader import SourcesLoader
from stack.declarations import DeclarationError
from stack.freshness.newest import newest_of, policy_of
from stack.load_report import LoadReport, TableReport
from stack.settings import WarehouseSettings

ORDERS = dg.AssetKey(["raw", "till_orders"])
SCRIPT = """
create table orders (id integer primary key, ordered_on date, updated_at text);
insert into orders values (1, '2026-01-05', '1'), (2, '2062-01-01', '2');
"""
TABLE = {"primary_key": ["id"], "cursor": "updated_at"}


def test_each_load_tells_the_newest_event(source, stack_home, tmp_path):
    source.name = "till"
    policy = {"by": "06:00", "newest": "ordered_on", "at_most": "3 days"}
    source.declare_sqlite(tmp_path / "till.db", SCRIPT, orders=TABLE | {"freshness": policy})
    loader = SourcesLoader(load_sources(source.folder))
    (declared,) = freshness_of([loader]).items()
    assert declared[0] == ORDERS
    step = loader_asset("tills", [loader], "Loads tills.")
    with dg.DagsterInstance.ephemeral() as instance:

        def load():
            assert dg.materialize([step], instance=instance).success
            told = instance.get_latest_materialization_event(ORDERS)
            return told.asset_materialization.metadata

        told = load()
        assert policy_of(told) == declared[1]
        assert newest_of(told) == datetime(2026, 1, 5, tzinfo=UTC), "not that of 2062"
        with sqlite3.connect(tmp_path / "till.db") as database:
            database.execute("insert into orders values (3, '2026-02-01', '3')")
        assert newest_of(load()) == datetime(2026, 2, 1, tzinfo=UTC)
        nothing_new = TableReport(table=loader.tables()[0], rows_total=3)
        report = LoadReport(loader="till", asset="tills", tables={"till_orders": nothing_new})
        newest = Newest.since(instance, [report])
        nobody_reads = None
        again = newest.metadata(nobody_reads, WarehouseSettings(), nothing_new)
        assert newest_of(again) == datetime(2026, 2, 1, tzinfo=UTC)


def test_a_policy_with_a_mistake_is_named_by_file_and_line(source, tmp_path):
    wrong = TABLE | {"freshness": {"by": "six"}}
    source.declare_sqlite(tmp_path / "till.db", SCRIPT, orders=wrong)
    with pytest.raises(DeclarationError, match=r"api\.yml:\d+: tables\.orders\.freshness\.by: "):
        load_sources(source.folder)
