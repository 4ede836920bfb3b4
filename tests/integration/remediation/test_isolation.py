"""Failing rows are kept complete and limited in number, on both warehouses."""

import pytest

from stack.raw import raw_tables
from stack.remediation.isolation import Query, isolate
from stack.settings import WarehouseSettings, load_settings
from stack.warehouse import connect, ensure_raw_tables

RAW = "freelancer_raw.books_clients"


@pytest.fixture(params=["duckdb", "ducklake"])
def settings(request, stack_home, monkeypatch) -> WarehouseSettings:
    """A warehouse with 30 clients: 10 without a name, number 30 there twice."""
    monkeypatch.setenv("DLT_DESTINATION", request.param)
    settings = load_settings(WarehouseSettings)
    with connect(settings) as connection:
        ensure_raw_tables(connection, settings, raw_tables("books"))
        connection.execute(
            f"insert into {RAW} (client_id, name) "
            "select n, if(n <= 10, null, 'c' || n) from range(1, 31) r(n)"
        )
        connection.execute(f"insert into {RAW} (client_id, name) values (30, 'c30'), (null, 'x')")
        connection.execute("create schema marts")
        connection.execute("create table marts.totals as select 1 as month, -5 as total")
    return settings


def clients(check: str, sql: str, *, failed: bool = True) -> Query:
    return Query("raw", "books_clients", check, sql, failed)


NAMELESS = clients("nameless", f"select client_id, name from {RAW} where name is null")
TWICE = clients(
    "twice",
    f"select client_id, count(*) as n from {RAW} group by all having client_id is null or n > 1;",
)


def run(settings, *wanted, alert="alert-1", removable=("books_clients",)):
    return isolate(alert, wanted, settings, removable=removable)


def rows(settings, query):
    with connect(settings, read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_failing_rows_go_into_the_quarantine_with_all_their_columns(settings):
    found = run(settings, NAMELESS, TWICE)
    assert [(f.check, f.failing, f.kept, f.removed) for f in found] == [
        ("nameless", 10, 10, 10),
        ("twice", 3, 3, 3),
    ]
    assert rows(settings, f"select count(*) from {RAW}") == [(19,)]
    kept = rows(
        settings,
        "select alert_key, check_name, row_json ->> 'client_id', row_json ->> 'name' "
        "from quarantine.books_clients where check_name = 'twice' order by all",
    )
    assert kept == [("alert-1", "twice", "30", "c30")] * 2 + [("alert-1", "twice", None, "x")]


def test_a_rule_about_two_tables_finds_no_more_because_rows_were_taken_out(settings):
    projects = "freelancer_raw.books_projects"
    with connect(settings) as connection:
        connection.execute(f"insert into {projects} (project_id, client_id) values (1, 1), (2, 99)")
    unknown = Query(
        "raw",
        "books_projects",
        "client_unknown",
        f"select project_id, client_id from {projects} "
        f"where client_id not in (select client_id from {RAW} where client_id is not null)",
        True,
    )
    found = run(settings, NAMELESS, unknown, removable=("books_clients", "books_projects"))
    assert [(f.check, f.removed) for f in found] == [("nameless", 10), ("client_unknown", 1)]
    assert rows(settings, f"select project_id from {projects}") == [(1,)]


def test_rows_of_a_table_that_cannot_be_loaded_again_stay(settings):
    (found,) = run(settings, NAMELESS, removable=())
    assert (found.kept, found.removed) == (10, 0)
    assert rows(settings, f"select count(*) from {RAW}") == [(32,)]


def test_the_same_alert_again_keeps_no_row_twice(settings):
    for _ in range(2):
        run(settings, NAMELESS, removable=())
    run(settings, NAMELESS, alert="alert-2", removable=())
    counted = "select alert_key, count(*) from quarantine.books_clients group by all order by all"
    assert rows(settings, counted) == [("alert-1", 10), ("alert-2", 10)]


def test_too_many_rows_are_sampled_and_none_taken_out(settings, monkeypatch):
    monkeypatch.setattr("stack.remediation.isolation.ROWS_A_CHECK", 4)
    found = run(settings, NAMELESS, TWICE)
    assert [(f.failing, f.kept, f.removed) for f in found] == [(10, 4, 0), (3, 3, 3)]
    assert "more than 4 rows" in (found[0].note or "")


def test_a_full_quarantine_keeps_what_it_has_and_no_row_is_taken_out_then(settings, monkeypatch):
    monkeypatch.setattr("stack.remediation.isolation.ROWS_A_TABLE", 15)
    for number in range(3):
        found = run(settings, NAMELESS, alert=f"alert-{number}", removable=())
    assert "takes no more" in (found[0].note or "")
    counted = "select alert_key, count(*) from quarantine.books_clients group by all order by all"
    assert rows(settings, counted) == [("alert-0", 10), ("alert-1", 5)]
    (found,) = run(settings, NAMELESS, alert="alert-3")
    assert (found.failing, found.kept, found.removed) == (10, 0, 0)
    assert rows(settings, f"select count(*) from {RAW}") == [(32,)]


def test_what_an_alert_kept_stays_when_it_finds_other_rows_later(settings):
    run(settings, NAMELESS)
    with connect(settings) as connection:
        connection.execute(f"insert into {RAW} (client_id) values (3), (77)")
    (found,) = run(settings, NAMELESS)
    assert (found.failing, found.kept, found.removed) == (2, 2, 2)
    kept = rows(settings, "select (row_json ->> 'client_id')::int from quarantine.books_clients")
    assert sorted(kept) == [*((n,) for n in range(1, 11)), (77,)]


def test_a_query_that_is_not_one_select_is_never_run(settings):
    found = run(
        settings,
        clients("drop", f"drop table {RAW}"),
        clients("two", f"select 1; drop table {RAW}"),
        clients("broken", "select nothing from nowhere"),
        NAMELESS,
    )
    assert [bool(f.note) for f in found] == [True, True, True, False]
    assert found[-1].kept == 10


def test_of_a_model_the_rows_that_the_query_shows_are_copied(settings):
    wrong = Query("marts", "totals", "negative", "select * from marts.totals where total < 0", True)
    met = Query("marts", "totals", "sum", "select sum(total) from marts.totals", False)
    (found,) = run(settings, wrong, met)
    assert (found.kept, found.removed) == (1, 0)
    assert rows(settings, "select row_json ->> 'total' from quarantine.totals") == [("-5",)]
    assert rows(settings, "select count(*) from marts.totals") == [(1,)]


def test_nothing_fails_and_nothing_is_kept(settings):
    none = clients("none", f"select client_id from {RAW} where name = 'nobody'")
    assert run(settings, none) == []
