"""Raw tables are declared once, and their declarations are consistent."""

import duckdb
import pytest

from stack.raw import raw_table, raw_tables


def test_every_table_has_a_key_among_its_columns_and_describes_itself():
    tables = raw_tables()
    assert {t.source for t in tables} >= {"books", "exports", "shop"}
    for table in tables:
        names = [column.name for column in table.columns]
        assert len(names) == len(set(names)), table
        assert set(table.primary_key) <= set(names), table
        assert table.event_date in (None, *names), table
        newest = table.freshness.newest if table.freshness else None
        assert newest in (None, *names), table
        assert table.description.endswith("."), table
        assert all(column.description.endswith(".") for column in table.columns), table


def test_every_declared_type_is_one_that_duckdb_knows():
    for column in (column for table in raw_tables() for column in table.columns):
        duckdb.sql(f"select null::{column.type}")


def test_an_unknown_table_is_answered_with_those_that_exist():
    with pytest.raises(KeyError, match=r"books\.clients"):
        raw_table("books", "customers")
