"""Exact values from an API and from SQLite, in one column with room for all of them."""

import re
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest

from support.http_server import Reply, Request, http_server

EITHER = pytest.mark.parametrize("warehouses", ["duckdb", "ducklake"], indirect=True)


WHEN = ("later", "together")
# A value, the next load's, both as they are read back, and the type of their column.
NEXT = [
    ("100", "99.5", [(1, Decimal("100")), (2, Decimal("99.5"))], "DECIMAL(38,1)"),
    ("7", '"A7"', [(1, "7"), (2, "A7")], "VARCHAR"),
    ("true", '"maybe"', [(1, "true"), (2, "maybe")], "VARCHAR"),
    ("null", "true", [(1, None), (2, True)], "BOOLEAN"),
    ("12", "12345678901234567890", [(1, 12), (2, 12345678901234567890)], "DECIMAL(38,0)"),
    ('"2026-01-05"', '"on receipt"', [(1, "2026-01-05"), (2, "on receipt")], "VARCHAR"),
    ('{"a": 1.10}', '"none"', [(1, '{"a": 1.10}'), (2, "none")], "VARCHAR"),
    ("0.1", "1e-45", [(1, "0.1"), (2, "1E-45")], "VARCHAR"),
    ('""', "null", [(1, ""), (2, None)], "VARCHAR"),
]


@EITHER
def test_a_value_that_has_no_room_makes_some(warehouses, source, api):
    lists, url = api
    source.declare_api(url, *(f"{when}{n}" for n in range(len(NEXT)) for when in WHEN))
    before, after = {}, {}
    for n, (first, second, _, _) in enumerate(NEXT):
        one, two = f'{{"id": 1, "v": {first}}}', f'{{"id": 2, "v": {second}}}'
        before |= {f"later{n}": f"[{one}]", f"together{n}": f"[{one}, {two}]"}
        after |= {f"later{n}": f"[{two}]", f"together{n}": f"[{two}]"}
    for lists.bodies in (before, after):
        assert source.load().failed == {}
    for n, (first, second, rows, type_) in enumerate(NEXT):
        assert [source.rows(f"{when}{n}", "id, v") for when in WHEN] == [rows] * 2, (first, second)
        assert source.types(f"later{n}") == {"id": "BIGINT", "v": type_}, (first, second)


def test_a_list_that_changes_its_spelling_has_a_column_for_each(source, api):
    lists, url = api
    source.declare_api(url, "t")
    for body in (
        '[{"id": 1, "clientId": "a"}]',
        '[{"id": 2, "client_id": "b"}]',
        '[{"id": 3, "Client ID": "c", "client_id": "d", "clientId": "e"}]',
    ):
        lists.bodies = {"t": body}
        assert source.load().failed == {}
    rows = source.rows("t")
    assert rows == [(1, "a", None, None), (2, None, "b", None), (3, "e", "d", "c")]


def test_a_key_that_the_api_spells_its_own_way_is_the_key(source, api):
    lists, url = api
    tables = {"t": {"path": "t", "primary_key": ["invoiceId"]}}
    source.declare(kind="rest_api", base_url=url, tables=tables)
    lists.bodies = {"t": '[{"invoiceId": "a", "n": 1}, {"invoiceId": "a", "n": 2}]'}
    told = source.load()
    assert (told.failed, told.merged_away) == ({}, {"api_t": 1})
    lists.bodies = {"t": '[{"invoiceId": "a", "n": 3}]'}
    source.load()
    assert source.rows("t") == [("a", 3)]


@EITHER
@pytest.mark.parametrize("key", [["id"], []])
def test_a_list_without_rows_is_a_table_and_stays_one(warehouses, source, api, key):
    lists, url = api
    source.declare(kind="rest_api", base_url=url, tables={"t": {"path": "t", "primary_key": key}})
    lists.bodies = {"t": "[]"}
    for _ in range(2):
        assert source.load().failed == {}
        assert source.query("select count(*) from freelancer_raw.api_t") == [(0,)]
    lists.bodies = {"t": '[{"id": 7, "n": 1.5}]'}
    assert source.load().failed == {}
    assert source.rows("t", "id, n") == [(7, Decimal("1.5"))]
    lists.bodies = {"t": "[]"}
    source.load()
    assert source.rows("t", "id, n") == ([(7, Decimal("1.5"))] if key else [])


def test_a_list_that_fails_stops_none_of_its_siblings(source, api):
    lists, url = api
    source.declare_api(url, "good", "gone", "without_key", "twice")
    lists.bodies = {
        "good": '[{"id": 1}]',
        "without_key": '[{"id": 1}, {"n": 2}]',
        "twice": '[{"id": 1, "n": 1, "n": 2}]',
    }
    told = source.load()
    assert told.rows == {"api_good": 1}
    reason = told.failed["api"]
    assert "gone: 404" in reason
    assert "without_key: 1 of 2 rows have no id" in reason
    assert "'n' twice" in reason
    lists.bodies["without_key"] = '[{"id": 1}, {"id": 2}]'
    assert source.load().rows == {"api_good": 1, "api_without_key": 2}


def test_rows_without_a_cursor_come_each_time_and_changed_ones_at_its_last_value_too(source, api):
    lists, url = api
    source.declare_api(url, "t", cursor="at", initial_value="2026-01-01")
    lists.bodies = {
        "t": '[{"id": 1, "at": "2026-01-02", "n": 1}, {"id": 2, "n": 1}, {"id": 3, "at": null}, '
        '{"id": 4, "at": "2025-12-31"}]'
    }
    told = source.load()
    assert (told.rows, told.merged_away) == ({"api_t": 3}, {"api_t": 1})
    lists.bodies = {
        "t": '[{"id": 1, "at": "2026-01-02", "n": 2}, {"id": 2, "n": 2}, {"id": 5, "at": null}]'
    }
    assert source.load().failed == {}
    assert source.rows("t", "id, n") == [(1, 2), (2, 2), (3, None), (5, None)]


SQLITE = """
create table mixed (id integer primary key, n integer, flag boolean, price real,
                    paid numeric(12, 2), at datetime, doc json, raw blob);
insert into mixed values
  (1, 7, 1, 0.1, 0.10, '2026-01-01 10:00:00', '{"a": 1.10}', x'00ff'),
  (2, 7.5, 0, 2, 1234567890.12, null, '[1]', null),
  (3, 9007199254740993, null, null, 5, '2026-01-03 10:00:00', null, x'41');
create table empty_table (id integer primary key, n integer, price real, at datetime, name text);
"""
EVERY = {"mixed": {"primary_key": ["id"], "cursor": "at"}, "empty_table": {"primary_key": ["id"]}}


@EITHER
def test_sqlite_holds_any_value_in_any_column(warehouses, source, tmp_path):
    file = tmp_path / "shop.db"
    source.declare_sqlite(file, SQLITE, **EVERY)
    assert source.load().failed == {}
    assert source.types("mixed") == {
        "id": "BIGINT", "n": "DECIMAL(18,1)", "flag": "BOOLEAN", "price": "DOUBLE",
        "paid": "DECIMAL(18,2)", "at": "TIMESTAMP", "doc": "JSON", "raw": "BLOB",
    }  # fmt: skip
    assert source.rows("mixed", "id, n::varchar, flag, price, paid::varchar, doc, raw") == [
        (1, "7.0", True, 0.1, "0.10", '{"a": 1.10}', b"\x00\xff"),
        (2, "7.5", False, 2.0, "1234567890.12", "[1]", None),
        (3, "9007199254740993.0", None, None, "5.00", None, b"A"),
    ]
    assert source.types("empty_table") == {
        "id": "BIGINT", "n": "BIGINT", "price": "DOUBLE", "at": "TIMESTAMP", "name": "VARCHAR",
    }  # fmt: skip
    more = """insert into mixed values (4, 'about 8', 'x', 'dear', 'free', 'soon', 'no', 'text');
    insert into empty_table values (1, 'x', 1.5, '2026-01-01T00:00:00Z', '01067');"""
    source.declare_sqlite(file, more, **EVERY)
    assert source.load().failed == {}
    assert source.rows("mixed", "id, n, flag, price, paid, \"at\", doc, raw")[3] == (
        4, "about 8", "x", "dear", "free", "soon", "no", "text",
    )  # fmt: skip
    # The third is at the cursor's last value, and so was read again.
    assert [n for _, n in source.rows("mixed", "id, n")] == [
        "7.0", "7.5", "9007199254740993", "about 8",
    ]  # fmt: skip
    assert source.types("empty_table")["at"] == "TIMESTAMP WITH TIME ZONE"
    assert source.rows("empty_table", "n, price, name") == [("x", 1.5, "01067")]


def test_a_table_that_is_gone_is_read_from_its_beginning(source, tmp_path):
    source.declare_sqlite(tmp_path / "shop.db", SQLITE, **EVERY)
    source.load()
    source.query("drop table freelancer_raw.api_mixed")
    assert source.load().failed == {}
    assert source.query("select count(*) from freelancer_raw.api_mixed") == [(3,)]


@pytest.mark.parametrize("first", ["2026-01-02 00:00:00", "2026-01-02"])
def test_a_first_value_without_quotes_is_what_people_write(source, tmp_path, first):
    tables = {"mixed": {"primary_key": ["id"], "cursor": "at", "initial_value": first}}
    source.declare_sqlite(tmp_path / "shop.db", SQLITE, **tables)
    file = source.folder / "api.yml"
    file.write_text(file.read_text().replace(f"'{first}'", first))
    assert source.load().failed == {}
    assert source.rows("mixed", "id") == [(2,), (3,)]


@EITHER
def test_a_table_that_dlt_typed_by_itself_goes_on(warehouses, source, api):
    lists, url = api
    source.declare_api(url, "t")
    source.query("create schema if not exists freelancer_raw")
    source.query(
        "create table freelancer_raw.api_t (id bigint, amount double, client_id varchar, "
        "_dlt_load_id varchar not null, _dlt_id varchar not null)"
    )
    source.query("insert into freelancer_raw.api_t values (1, 0.1, 'a', 'l', 'r')")
    lists.bodies = {"t": '[{"id": 2, "amount": 70368744177664.01, "clientId": "b"}]'}
    assert source.load().failed == {}
    assert source.rows("t", "id, amount, client_id") == [
        (1, Decimal("0.10"), "a"),
        (2, Decimal("70368744177664.01"), "b"),
    ]


@EITHER
def test_a_row_that_comes_twice_is_there_once_also_after_a_full_refresh(warehouses, source, api):
    lists, url = api
    source.declare_api(url, "t")
    lists.bodies = {"t": '[{"id": 1, "n": 1}, {"id": 2, "n": 1}, {"id": 1, "n": 2}]'}
    for scope in ({}, {"full_refresh": True}, {"tables": frozenset({"api_t"})}):
        told = source.load(**scope)
        assert (told.failed, told.rows, told.merged_away) == ({}, {"api_t": 2}, {"api_t": 1})
        assert source.rows("t", "id, n") == [(1, 2), (2, 1)]


def test_a_load_that_breaks_off_is_repeated_whole(source, api, monkeypatch):
    lists, url = api
    source.declare_api(url, "t", "u", cursor="n")
    lists.bodies = {"t": '[{"id": 1, "n": 1}]', "u": '[{"id": 1, "n": 1}]'}
    source.load()
    lists.bodies = {"t": '[{"id": 2, "n": 2.5}]', "u": '[{"id": 2, "n": "x"}]'}

    def fail(*_: object, **__: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr("ingestion.loading.pipeline._run", fail)
        assert "the disk is full" in source.load().failed["api"]
    told = source.load()
    assert told.rows == {"api_t": 1}
    assert "u: the cursor n has 'x' after 1" in told.failed["api"]
    assert source.rows("t", "id, n") == [(1, Decimal("1.0")), (2, Decimal("2.5"))]
    assert source.rows("u", "id, n") == [(1, 1)]


def test_a_table_that_cannot_be_changed_stops_none_of_its_siblings(source, api):
    lists, url = api
    source.declare_api(url, "held", "t", cursor="id")
    lists.bodies = dict.fromkeys(("held", "t"), '[{"id": 1, "n": 1}]')
    source.load()
    source.query("create index held on freelancer_raw.api_held (n)")
    lists.bodies = dict.fromkeys(("held", "t"), '[{"id": 2, "n": "x"}]')
    told = source.load()
    assert told.rows == {"api_t": 1}
    assert "held: " in told.failed["api"]
    source.query("drop index freelancer_raw.held")
    assert source.load().failed == {}
    assert source.rows("held", "id, n") == [(1, "1"), (2, "x")]


# The first load's last value, and one that is later, though as text it comes before.
LATER = [
    ("2026-01-01T10:00:00+02:00", "2026-01-01T09:30:00Z"),
    ("2026-01-01T10:00:00Z", "2026-01-01T10:00:00.5Z"),
    ("2026-01-01T10:00:00", "2026-01-01 11:00:00"),
    ("31.12.2025", "01.01.2026"),
    ("9", "10"),
]


@pytest.mark.parametrize(("first", "second"), LATER)
def test_a_later_row_is_read_however_its_cursor_is_written(source, api, first, second):
    lists, url = api
    source.declare_api(url, "t", cursor="at")
    lists.bodies = {"t": f'[{{"id": 1, "at": "{first}"}}]'}
    source.load()
    lists.bodies = {"t": f'[{{"id": 2, "at": "{second}"}}]'}
    assert source.load().failed == {}
    assert source.rows("t", "id") == [(1,), (2,)]


@pytest.mark.parametrize(("first", "second"), LATER)
def test_a_later_row_of_sqlite_is_read_however_it_is_written(source, tmp_path, first, second):
    file, table = tmp_path / "shop.db", {"primary_key": ["id"], "cursor": "Updated At"}
    script = f"""create table t (id integer primary key, "Updated At" text);
    insert into t values (1, '{first}')"""
    source.declare_sqlite(file, script, t=table)
    source.load()
    source.declare_sqlite(file, f"insert into t values (2, '{second}')", t=table)
    assert source.load().failed == {}
    assert source.rows("t", "id") == [(1,), (2,)]


def test_a_boolean_of_sqlite_that_has_more_than_two_values_keeps_them(source, tmp_path):
    script = """create table t (id integer primary key, a boolean, b boolean, c boolean);
    insert into t values (1, 1, 1, 1), (2, 0, 2, 'yes'), (3, null, null, null)"""
    source.declare_sqlite(tmp_path / "shop.db", script, t={"primary_key": ["id"]})
    assert source.load().failed == {}
    assert source.rows("t") == [(1, True, 1, "1"), (2, False, 2, "yes"), (3, None, None, None)]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'\xef\xbb\xbf[{"id": 1, "v": "M\xc3\xbcller"}]', "Müller"),
        (b'[{"id": 1, "v": "M\xfcller"}]', "isn't in UTF-8"),
        (b"<!doctype html><title>Sign in</title>", "a page of HTML or XML, expected JSON"),
        (b"", "the answer is empty, expected JSON"),
        (b'[{"id": 1}, {"id"', "isn't whole, or no JSON: .* at character 17 of 17"),
        (b'{"id": 1}\n{"id": 2}', "more than one document of JSON, at line 2"),
        (b'[{"id": 1, "v": ' + b"7" * 5000 + b"}]", "7" * 5000),
        (b"[" * 100_000, "nested too deep"),
    ],
)
def test_an_answer_is_read_exactly_or_refused_in_one_line(source, body, told):
    with http_server(lambda _: Reply(200, body)) as server:
        source.declare_api(server.url, "t")
        failed = source.load().failed
    if failed:
        assert re.search(told, failed["api"])
        assert "\n" not in failed["api"]
    else:
        assert source.rows("t", "v") == [(told,)]


def test_no_content_is_no_rows(source):
    with http_server(lambda _: Reply(204)) as server:
        source.declare_api(server.url, "t")
        assert source.load().failed == {}
    assert source.rows("t") == []


def test_where_nobody_declared_how_a_first_page_is_not_taken_for_all(source):
    with http_server(lambda _: Reply(200, {"items": [{"id": 1}], "has_more": True})) as server:
        source.declare_api(server.url, "t")
        assert "says that there are more, in has_more" in source.load().failed["api"]


def test_a_parameter_has_the_last_value_or_is_left_out_and_its_braces_are_its_own(source):
    asked = []

    def answer(request: Request) -> Reply:
        asked.append(parse_qs(urlsplit(request.path).query))
        return Reply(200, [{"id": 1, "at": "2026-01-05T10:00:00+02:00"}])

    params = {"since": "{incremental}", "filter": '{"open": {}}', "or": "at>={incremental}"}
    with http_server(answer) as server:
        source.declare_api(server.url, "t", cursor="at", params=params)
        for _ in range(2):
            assert source.load().failed == {}
        source.declare_api(server.url, "t", data_selector="a b[")
        assert "data_selector 'a b[' is no JSON path" in source.load().failed["api"]
    later = "2026-01-05T10:00:00+02:00"
    assert asked == [
        {"filter": ['{"open": {}}']},
        {"filter": ['{"open": {}}'], "since": [later], "or": [f"at>={later}"]},
    ]


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (401, {"message": "bad token"}, '401 .*, {"message": "bad token"}; check auth'),
        (404, b"<html>", "404 .*/t; check base_url and path"),
        (422, {"detail": "since is no day"}, "422 .*since is no day.*; check path and params"),
    ],
)
def test_what_an_api_refuses_is_told_with_the_next_step(source, status, body, reason):
    with http_server(lambda _: Reply(status, body)) as server:
        source.declare_api(server.url, "t")
        assert re.search(reason, source.load().failed["api"])


def test_a_server_that_is_not_there_is_named(source, monkeypatch):
    monkeypatch.setenv("RUNTIME__REQUEST_MAX_ATTEMPTS", "1")
    source.declare_api("http://user:s3cret@127.0.0.1:1/api", "t")
    failed = source.load().failed["api"]
    assert "http://127.0.0.1:1 gave no answer: " in failed
    assert "s3cret" not in failed
