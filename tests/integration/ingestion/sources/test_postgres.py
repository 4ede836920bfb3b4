"""Postgres tables keep their types; types that Arrow lacks are still loaded exactly."""

from collections.abc import Callable
from decimal import Decimal

import pytest
import sqlalchemy

TABLES = """
create table t (
  id bigint primary key, n integer, fixed numeric(12, 2), free numeric, price double precision,
  flag boolean, day date, at timestamptz, wall timestamp, clock time, who uuid, doc jsonb,
  tags text[], raw bytea, took interval, "clientId" text, client_id text, "Client ID" text);
insert into t values
  (1, 7, 1234567890.12, 0.12345678901234567890123, 0.1, true, '2026-01-05',
   '2026-01-05 10:00:00.123456+02', '2026-01-05 10:00:00', '10:00:00.5',
   '00000000-0000-0000-0000-000000000001', '{"a": 70368744177664.01}', '{a,"b c"}', '\\x00ff',
   '1 day 02:00:00.123456', 'a', 'b', 'c'),
  (2, null, null, 123456789012, null, null, null, null, null, null, null, null, null, null,
   null, null, null, null);
create table empty_table (id bigint primary key, free numeric, fixed numeric(12, 2), doc json);
"""


@pytest.fixture
def run(database_url) -> Callable[[str], None]:
    engine = sqlalchemy.create_engine(address(database_url))

    def execute(script: str) -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql(script)

    yield execute
    engine.dispose()


def address(url: str) -> str:
    return url.replace("postgres://", "postgresql://")


def test_types_are_those_of_the_database(source, database_url, run):
    run(TABLES)
    keyed = {"primary_key": ["id"]}
    tables = {"t": keyed, "empty_table": keyed}
    source.declare(kind="sql_database", url=address(database_url), tables=tables)
    for _ in range(2):
        told = source.load()
        assert (told.failed, told.rows) == ({}, {"api_t": 2, "api_empty_table": 0})
    assert source.types("t") == {
        "id": "BIGINT", "n": "BIGINT", "fixed": "DECIMAL(12,2)", "free": "DECIMAL(38,23)",
        "price": "DOUBLE", "flag": "BOOLEAN", "day": "DATE", "at": "TIMESTAMP WITH TIME ZONE",
        "wall": "TIMESTAMP", "clock": "TIME", "who": "VARCHAR", "doc": "JSON", "tags": "JSON",
        "raw": "BLOB", "took": "VARCHAR", "client_id": "VARCHAR", "client_id_2": "VARCHAR",
        "client_id_3": "VARCHAR",
    }  # fmt: skip
    first, second = source.rows("t", "free::varchar, doc, tags, took, client_id_2")
    assert first == (
        "0.12345678901234567890123", '{"a": 70368744177664.01}', '["a","b c"]',
        "1 day 02:00:00.123456", "b",
    )  # fmt: skip
    assert second[0] == "123456789012.00000000000000000000000"
    assert source.types("empty_table") == {
        "id": "BIGINT", "free": "VARCHAR", "fixed": "DECIMAL(12,2)", "doc": "JSON",
    }  # fmt: skip


def test_a_column_that_gets_another_type_at_the_source_widens(source, database_url, run):
    run("create table t (id bigint primary key, n integer); insert into t values (1, 100)")
    tables = {"t": {"primary_key": ["id"]}}
    source.declare(kind="sql_database", url=address(database_url), tables=tables)
    source.load()
    run("alter table t alter column n type numeric(10, 1); insert into t values (2, 99.5)")
    assert source.load().failed == {}
    assert source.rows("t") == [(1, Decimal("100.0")), (2, Decimal("99.5"))]
    run("alter table t alter column n type text; insert into t values (3, 'free')")
    assert source.load().failed == {}
    assert source.rows("t", "id, n") == [(1, "100.0"), (2, "99.5"), (3, "free")]


@pytest.mark.parametrize("type_", ["timestamptz", "timestamp", "date", "text"])
def test_rows_without_a_cursor_and_a_first_value_in_quotes(source, database_url, run, type_):
    run(
        f"create table t (id bigint primary key, at {type_}); insert into t values "
        "(1, '2026-01-01'), (2, null), (3, '2026-01-03'), (4, '2025-12-31')"
    )
    first = "2026-01-01" if type_ in ("date", "text") else "2026-01-01T00:00:00Z"
    tables = {"t": {"primary_key": ["id"], "cursor": "at", "initial_value": first}}
    source.declare(kind="sql_database", url=address(database_url), tables=tables)
    assert source.load().rows == {"api_t": 3}
    assert source.rows("t", "id") == [(1,), (2,), (3,)]
    run("insert into t values (5, null), (6, '2026-01-04'), (7, '2026-01-02')")
    assert source.load().failed == {}
    assert source.rows("t", "id") == [(1,), (2,), (3,), (5,), (6,)]


BEYOND = """
create domain amount as numeric(10, 2);
create table t (
  id bigint primary key, day date, wall timestamp, at timestamptz, clock time,
  fixed numeric(12, 2), paid amount, till date);
insert into t values
  (1, 'infinity', '12026-01-05 10:00', '-infinity', '24:00', 'NaN', 1.50, '9999-12-31'),
  (2, '2026-01-05', '2026-01-05 10:00', '2026-01-05 10:00Z', '10:00', 2.50, 2.25, '2026-01-05');
"""


def test_values_that_no_other_type_has_are_the_text_of_the_database(source, database_url, run):
    run(BEYOND)
    tables = {"t": {"primary_key": ["id"]}}
    source.declare(kind="sql_database", url=address(database_url), tables=tables)
    for _ in range(2):
        assert source.load().failed == {}
        first, second = source.rows(
            "t", "id, day, wall, clock, fixed, paid::varchar, till::varchar"
        )
        assert first[1:] == (
            "infinity", "12026-01-05 10:00:00", "24:00:00", "NaN", "1.50", "9999-12-31",
        )  # fmt: skip
        assert second[1:] == (
            "2026-01-05", "2026-01-05 10:00:00", "10:00:00", "2.50", "2.25", "2026-01-05",
        )  # fmt: skip
        assert source.rows("t", 'id, "at"')[0] == (1, "-infinity")
    assert source.types("t")["till"] == "DATE"


@pytest.mark.parametrize(
    ("type_", "first", "second"),
    [
        ("numeric", "0.1", "0.10000000000000000001"),
        ("numeric", "-5", "-4"),
        ("text", "a1", "B1"),
        ("text", "2026-01-01T10:00:00+02:00", "2026-01-01T09:30:00Z"),
    ],
)
def test_a_later_row_is_read_whatever_its_type(  # noqa: PLR0917
    source, database_url, run, type_, first, second
):
    run(f"create table t (id bigint primary key, at {type_}); insert into t values (1, '{first}')")
    tables = {"t": {"primary_key": ["id"], "cursor": "at"}}
    source.declare(kind="sql_database", url=address(database_url), tables=tables)
    source.load()
    run(f"insert into t values (2, '{second}'), (3, null)")
    assert source.load().failed == {}
    assert source.rows("t", "id") == [(1,), (2,), (3,)]


@pytest.mark.parametrize(
    ("type_", "value", "told"),
    [
        ("boolean", "true", "the cursor at is boolean"),
        ("timestamp", "infinity", "the cursor at has values such as infinity"),
    ],
)
def test_a_cursor_that_never_moves_is_refused(source, database_url, run, type_, value, told):  # noqa: PLR0917
    run(f"create table t (id bigint primary key, at {type_}); insert into t values (1, '{value}')")
    tables = {"t": {"primary_key": ["id"], "cursor": "at"}}
    source.declare(kind="sql_database", url=address(database_url), tables=tables)
    assert told in source.load().failed["api"]
