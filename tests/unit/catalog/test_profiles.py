"""A table is profiled when its content has changed, and the profile reveals only what it may."""

from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from catalog.inventory import read_inventory
from catalog.profiles import Profiler, Profiles
from stack.settings import WarehouseSettings

NAME = 'first "name" x'
FIRST = datetime(2026, 3, 1, tzinfo=UTC)
PEOPLE = """
create table marts.people as select * from (values
    (1, 'Ann', 10.5, date '2026-01-01', ['x']),
    (2, null, 20.5, date '2026-02-01', null)
) as t(id, "first ""name"" x", amount, paid, tags)
"""


@pytest.fixture
def connection():
    """A warehouse in memory, under the name that the settings give it."""
    connection = duckdb.connect()
    connection.execute("attach ':memory:' as warehouse; use warehouse; create schema marts")
    connection.execute(PEOPLE)
    return connection


@pytest.fixture
def profile(connection, stack_home):
    """Profiles all tables, as of a later day each time, with what was kept the time before."""
    settings = WarehouseSettings(stack_home=stack_home)
    state = {"at": FIRST, "kept": Profiles()}

    def profile(values="numbers_and_dates", **how):
        tables = read_inventory(connection, settings)
        profiler = Profiler(
            connection, settings, values, state["at"], state["kept"].profiles, **how
        )
        state["kept"] = profiler.profiles(tables)
        state["at"] += timedelta(days=1)
        return state["kept"].profiles

    return profile


def ranges(found):
    return {f.name: (f.lowest, f.highest) for f in found.fields if f.lowest is not None}


def test_rows_nulls_distinct_values_and_ranges_are_told(profile):
    found = profile()["marts.people"]
    assert (found.rows, found.sampled, found.at) == (2, None, FIRST)
    assert [(f.name, f.nulls, f.distinct) for f in found.fields] == [
        ("id", 0, 2), (NAME, 1, 1), ("amount", 0, 2), ("paid", 0, 2), ("tags", 1, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ("none", set()),
        ("numbers_and_dates", {"id", "amount", "paid"}),
        ("all", {"id", "amount", "paid", NAME}),
    ],
)
def test_values_of_text_are_told_only_if_asked_for(profile, values, told):
    found = profile(values)["marts.people"]
    assert ranges(found).keys() == told
    assert ("Ann" in found.model_dump_json()) == (values == "all")


def test_another_choice_of_values_is_honoured_at_once(profile):
    assert ranges(profile("all")["marts.people"])
    assert not ranges(profile("none")["marts.people"])


@pytest.mark.parametrize(
    ("change", "is_read"),
    [
        ("select 1", False),
        ("create table marts.other as select 1 as a", False),
        ("update marts.people set amount = 11 where id = 1", True),
        ("insert into marts.people select * from marts.people", True),
        ("alter table marts.people add column c int", True),
    ],
)
def test_a_table_is_read_again_only_when_it_changed(connection, profile, change, is_read):
    before = profile()["marts.people"]
    connection.execute(change)
    after = profile()["marts.people"]
    assert (after != before) == is_read
    assert (after.at > FIRST) == is_read


@pytest.mark.parametrize(
    ("view", "change", "is_read"),
    [
        ("select amount from marts.people", "select 1", False),
        ("select amount from marts.people", "update marts.people set amount = 11", True),
        ("select count(*) as n from marts.below", "update marts.people set amount = 11", True),
        ("select count(*) as n from marts.below", "select 1", False),
        # Nobody can tell but by reading it, and then it is as before.
        ("select 1 as one from duckdb_settings() limit 3", "select 1", False),
    ],
)
def test_a_view_is_read_again_when_a_table_below_it_changed(
    connection, profile, view, change, is_read
):
    connection.execute('create view marts."below" as select id from marts.people where amount < 20')
    connection.execute(f"create view marts.v as {view}")
    profile()
    connection.execute(change)
    assert (profile()["marts.v"].at > FIRST) == is_read


def test_a_view_that_no_longer_runs_has_no_profile(connection, profile):
    connection.execute("create view marts.v as select amount from marts.people")
    connection.execute("alter table marts.people drop column amount")
    assert profile().keys() == {"marts.people"}


def test_a_large_table_is_sampled_and_a_large_view_counted(connection, profile):
    connection.execute("create table marts.big as select i, 'n' || i as s from range(300000) r(i)")
    connection.execute("create view marts.wide as select * from marts.big")
    found = profile(most_cells=200_000)
    big, wide = found["marts.big"], found["marts.wide"]
    assert big.rows == 300_000
    assert 0 < big.sampled < 300_000
    assert [(f.nulls, f.distinct) for f in big.fields] == [(0, None), (0, None)]
    assert (wide.rows, wide.fields) == (300_000, ())
    assert found["marts.people"].sampled is None
