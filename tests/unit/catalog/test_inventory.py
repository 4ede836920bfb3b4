"""The inventory of the warehouse."""

import duckdb
import pytest

from catalog.inventory import read_inventory
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


def test_dlts_bookkeeping_and_other_schemas_are_left_out(connection, settings):
    connection.execute("create table freelancer_raw._dlt_loads (a int)")
    connection.execute("create table elsewhere.t (a int)")
    assert [t.name for t in read_inventory(connection, settings)] == ["t"]
