"""An outage isn't blamed on tables or sources: the run fails with it, and is retried."""

from contextlib import closing
from datetime import UTC, datetime

import dagster as dg
import duckdb
import pytest

from catalog.inventory import ColumnFacts, TableFacts
from catalog.profiles import Profiler
from ingestion.books import BooksLoader
from ingestion.loader_asset import loader_asset
from quality.declarations import Expectation, Kind, Severity, Suite
from quality.frames import cut_frames
from stack.outage import is_outage
from stack.patience import impatient
from stack.warehouse import WarehouseError
from stack.warehouse.connection import open_connection

JUDGED = {
    Kind.MEASURE: ("expect_column_max_to_be_between", {"column": "total", "min_value": 0}),
    Kind.ROWS: ("expect_column_values_to_be_between", {"column": "i", "min_value": 0}),
}


@pytest.fixture
def warehouse(lake):
    """A connection without second tries to a lake with the table `marts.t`."""
    with closing(open_connection(lake)) as connection:
        connection.execute("set http_retries = 0")
        connection.execute("create schema marts")
        connection.execute("create table marts.t as select range i, random() r from range(50000)")
        yield connection


def suite_of(kind):
    type_, kwargs = JUDGED[kind]
    measured = "select sum(r) from {table}" if kind is Kind.MEASURE else None
    expectation = Expectation(
        "marts", "t", "judged", kind, type_, kwargs, Severity.CRITICAL, "a test", measured
    )
    return Suite("marts", "t", ("i",), (expectation,))


@pytest.mark.parametrize("kind", JUDGED)
def test_an_expectation_that_can_not_be_judged_for_want_of_s3(warehouse, lake, s3_cable, kind):
    suite = suite_of(kind)
    s3_cable.answer("503 Slow Down")
    with pytest.raises(duckdb.Error) as told:
        cut_frames(warehouse, lake, suite, suite.expectations)
    assert is_outage(told.value)


def test_a_table_that_can_not_be_counted_for_the_catalog(warehouse, lake, postgres_cable):
    table = TableFacts("marts", "t", "table", columns=(ColumnFacts("r", "DOUBLE", True),))
    postgres_cable.cut()
    with pytest.raises(duckdb.Error) as told:
        Profiler(warehouse, lake, "none", datetime.now(UTC)).profiles([table])
    assert is_outage(told.value)


def test_a_source_that_is_not_loaded_for_want_of_the_catalog(lake, postgres_cable, monkeypatch):
    """It isn't required, but the pipeline is not to go on without it."""
    for name in ("dlt_destination", "ducklake_data_url"):
        monkeypatch.setenv(name.upper(), getattr(lake, name))
    monkeypatch.setenv("DUCKLAKE_CATALOG_URL", lake.lake_catalog)

    class Interrupted(BooksLoader):
        required = False

        def load(self, *arguments):
            postgres_cable.cut()
            try:
                return super().load(*arguments)
            finally:
                postgres_cable.mend()

    with impatient(), pytest.raises(WarehouseError) as told:
        dg.materialize([loader_asset("books", [Interrupted()], "books")])
    assert is_outage(told.value)
