"""Profiles are bounded, and one bad view stops nothing."""

import duckdb
import pytest

from catalog.inventory import ColumnFacts, TableFacts, profiled, read_inventory
from stack.settings import WarehouseSettings


@pytest.fixture
def connection():
    """A warehouse in memory, under the name that the settings give it."""
    connection = duckdb.connect()
    connection.execute("attach ':memory:' as warehouse; use warehouse")
    for schema in ("freelancer_raw", "marts", "elsewhere"):
        connection.execute(f"create schema {schema}")
    connection.execute('create table marts.t as select 1 as id, null::int as "odd ""name"""')
    return connection


@pytest.fixture
def settings(stack_home):
    """Of the DuckDB file `warehouse`."""
    return WarehouseSettings(stack_home=stack_home)


def test_rows_and_nulls_are_counted(connection, settings):
    [table] = read_inventory(connection, settings)
    assert (table.rows, table.kind) == (1, "table")
    assert [(c.name, c.nulls) for c in table.columns] == [("id", 0), ('odd "name"', 1)]


def test_a_table_above_the_bound_gets_its_row_count_only(connection):
    connection.execute("create table marts.big as select i from range(10) r(i)")
    big = TableFacts("marts", "big", "table", (ColumnFacts("i", "BIGINT", nullable=True),))
    assert profiled(connection, big, max_cells=10).columns[0].nulls == 0
    bounded = profiled(connection, big, max_cells=9)
    assert (bounded.rows, bounded.columns[0].nulls) == (10, None)


def test_a_view_whose_table_is_gone_is_listed_without_counts(connection, settings):
    connection.execute("create table marts.base as select 1 as a")
    connection.execute("create view marts.broken as select a from marts.base")
    connection.execute("drop table marts.base")
    tables = {t.name: t for t in read_inventory(connection, settings)}
    assert tables["broken"].kind == "view"
    assert tables["broken"].rows is None
    assert tables["t"].rows == 1


def test_dlts_bookkeeping_and_other_schemas_are_left_out(connection, settings):
    connection.execute("create table freelancer_raw._dlt_loads (a int)")
    connection.execute("create table elsewhere.t (a int)")
    assert [t.name for t in read_inventory(connection, settings)] == ["t"]
