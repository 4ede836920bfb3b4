"""Rows missing from a new full export are marked; other exports mark none."""

import os
import sqlite3

import pytest

import stack.raw
from ingestion.incoming.declared import Declared
from ingestion.incoming.loader import FilesLoader
from ingestion.loaders import Scope
from ingestion.sources.declarations import load_sources
from ingestion.sources.loader import SourcesLoader
from stack.declarations import DeclarationError
from stack.settings import WarehouseSettings, load_settings
from stack.warehouse import connect
from support.books import Exports
from support.incoming import Incoming

STATE = "select id, n, _removed_at is not null from files_orders order by id"


@pytest.fixture(params=["duckdb", "ducklake"])
def inbox(request, stack_home, monkeypatch) -> Incoming:
    monkeypatch.setenv("DLT_DESTINATION", request.param)
    return Incoming(stack_home)


def declare(home, table: str = "orders", read: str = "{key: [id]}") -> None:
    (home / "files").mkdir(exist_ok=True)
    rules = f"tables: [{table}]\nfull_export: true\nread: {read}\n"
    (home / "files" / f"{table}.yml").write_text(rules)


def arrive(inbox: Incoming, name: str, text: str, day: int) -> None:
    """A file arrives that was written on a day of 2026."""
    file = inbox.drop(name, text)
    at = 1_767_225_600 + day * 86_400
    os.utime(file, (at, at))


def test_rows_that_are_gone_are_marked_and_come_back(inbox, stack_home):
    declare(stack_home)
    arrive(inbox, "orders/1.csv", "id,n\n1,1\n2,1\n3,1\n", 1)
    inbox.process()
    assert inbox.rows(STATE) == [(1, 1, False), (2, 1, False), (3, 1, False)]
    arrive(inbox, "orders/2.csv", "id,n\n1,2\n3,1\n4,1\n", 2)
    report = inbox.process().report
    assert inbox.rows(STATE) == [(1, 2, False), (2, 1, True), (3, 1, False), (4, 1, False)]
    assert report.tables["files_orders"].rows_removed == 1
    assert report.unaccounted() == {}
    (removed,) = inbox.rows("select _removed_at::varchar from files_orders where id = 2")
    assert removed == ("2026-01-03 00:00:00",)
    # The first state again, byte for byte, in a later export.
    arrive(inbox, "orders/3.csv", "id,n\n1,1\n2,1\n3,1\n", 3)
    inbox.process()
    assert inbox.rows(STATE) == [(1, 1, False), (2, 1, False), (3, 1, False), (4, 1, True)]
    assert len(inbox.processed()) == 3


def test_several_full_exports_of_one_batch_end_as_the_newest_has_it(inbox, stack_home):
    declare(stack_home)
    arrive(inbox, "orders/first.csv", "id,n\n0,1\n1,1\n", 1)
    inbox.process()
    arrive(inbox, "orders/b.csv", "id,n\n1,3\n", 3)
    arrive(inbox, "orders/a.csv", "id,n\n1,2\n2,2\n", 2)
    report = inbox.process().report
    assert inbox.rows(STATE) == [(0, 1, True), (1, 3, False), (2, 2, True)]
    assert report.unaccounted() == {}


@pytest.mark.parametrize(
    ("text", "day", "told"),
    [
        ("id,n\n1,5\n", 1, "before the full export of 2026-01-03"),
        ("id,n\n", 3, "would mark all rows of files_orders as removed"),
        ("id,n\n1,5\n2\n", 3, "loaded whole, or not at all"),
    ],
)
def test_what_would_mark_rows_by_mistake_is_refused(stack_home, text, day, told):
    inbox = Incoming(stack_home)
    declare(stack_home)
    arrive(inbox, "orders/1.csv", "id,n\n1,1\n2,1\n", 2)
    inbox.process()
    arrive(inbox, "orders/2.csv", text, day)
    inbox.process()
    assert inbox.rows(STATE) == [(1, 1, False), (2, 1, False)]
    assert told in inbox.set_aside()["orders/2.csv"].reason


def test_a_table_without_a_key_has_no_full_export(stack_home):
    inbox = Incoming(stack_home)
    declare(stack_home, read="{}")
    inbox.drop("orders.csv", "id,n\n1,1\n")
    inbox.process()
    assert "has no key" in inbox.set_aside()["orders.csv"].reason
    (stack_home / "files" / "orders.yml").write_text("files: ['a/*']\nfull_export: true\n")
    with pytest.raises(DeclarationError, match="name the tables, too"):
        Declared.load(stack_home / "files")


def test_equal_rows_are_told_by_how_many_there_are(stack_home):
    inbox = Incoming(stack_home)
    declare(stack_home, read="{key: [id, n], occurrence: true}")
    arrive(inbox, "orders/1.csv", "id,n\n1,1\n1,1\n1,1\n", 1)
    inbox.process()
    arrive(inbox, "orders/2.csv", "id,n\n1,1\n1,1\n", 2)
    inbox.process()
    assert inbox.rows(STATE) == [(1, 1, False), (1, 1, False), (1, 1, True)]


def test_a_key_that_becomes_text_is_still_the_same_key(inbox, stack_home):
    declare(stack_home)
    arrive(inbox, "orders/1.csv", "id,n\n1,1\n2,1\n", 1)
    inbox.process()
    arrive(inbox, "orders/2.csv", "id,n\n1,1\nA7,1\n", 2)
    inbox.process()
    assert inbox.rows(STATE) == [("1", 1, False), ("2", 1, True), ("A7", 1, False)]


def test_a_file_without_the_declaration_marks_nothing(inbox):
    inbox.drop("orders/1.csv", "id,n\n1,1\n2,1\n")
    inbox.process()
    inbox.drop("orders/2.csv", "id,n\n1,2\n")
    inbox.process()
    assert "_removed_at" not in [row[0] for row in inbox.rows("describe files_orders")]


def test_marks_outlast_that_the_table_is_read_again(inbox, stack_home):
    declare(stack_home)
    for day, ids in enumerate((("1", "2"), ("1", "3"), ("1", "4")), 1):
        rows = "".join(f"{number},{day}\n" for number in ids)
        arrive(inbox, f"orders/{day}.csv", f"id,n\n{rows}", day)
        inbox.process()
    query = "select id, n, _removed_at::varchar from files_orders order by id"
    before = inbox.rows(query)
    inbox.rows("delete from files_orders where id = 4")
    FilesLoader().load(Scope(tables=frozenset({"files_orders"})))
    assert [row[0] for row in before] == [1, 2, 3, 4]
    assert inbox.rows(query) == before


def test_entries_that_a_time_tracker_lost_are_marked_and_clients_stay(inbox, stack_home):
    header = (
        "Project,Client,Description,Task,User,Group,Email,Tags,Billable,Start Date,Start Time,"
        "End Date,End Time,Duration (h),Duration (decimal),Billable Rate (EUR),"
        "Billable Amount (EUR)\n"
    )
    entry = (
        "Website,{client},Work,,Me,,me@example.com,,Yes,2026-01-0{n},09:00:00,2026-01-0{n},"
        "10:00:00,01:00:00,1.00,80.00,80.00\n"
    )
    declare(stack_home, "clockify_detailed", read="{dates: ymd}")
    both = entry.format(client="Nord", n=5) + entry.format(client="Süd", n=6)
    arrive(inbox, "time-1.csv", header + both, 1)
    assert not inbox.process().quarantined
    arrive(inbox, "time-2.csv", header + entry.format(client="Nord", n=5), 2)
    assert not inbox.process().quarantined
    assert inbox.rows(
        "select worked_on::varchar, _removed_at is not null from exports_time_entries order by 1"
    ) == [("2026-01-05", False), ("2026-01-06", True)]
    assert "_removed_at" not in [row[0] for row in inbox.rows("describe exports_clients")]


def test_books_declared_as_full_exports_are_marked(stack_home, monkeypatch):
    declared = [
        table.model_copy(update={"full_export": table.table_name == "books_clients"})
        for table in stack.raw.raw_tables()
    ]
    monkeypatch.setattr(stack.raw, "_all", lambda: tuple(declared))
    exports = Exports(stack_home)
    query = "select client_id, name, _removed_at is not null from books_clients order by 1"
    file = exports.clients("clients.csv", "1,A,2025-01-01", "2,B,2025-01-01")
    exports.load()
    exports.clients("clients.csv", "1,A,2025-01-01")
    assert exports.load().report.unaccounted() == {}
    assert exports.rows(query) == [(1, "A", False), (2, "B", True)]
    os.utime(file, (1_767_225_600, 1_767_225_600))
    assert "before the full export" in exports.load().quarantined["clients.csv"]


def test_a_databases_table_read_whole_marks_what_it_lost(stack_home, tmp_path, monkeypatch):
    file = tmp_path / "shop.db"
    monkeypatch.setenv("SHOP_DB", f"sqlite:///{file}")
    with sqlite3.connect(file) as database:
        database.execute("create table items (id integer primary key, name text)")
        database.execute("create table new (id integer primary key)")
        database.executemany("insert into items values (?, ?)", [(1, "a"), (2, "b")])
    folder = tmp_path / "sources"
    folder.mkdir()
    text = (
        "kind: sql_database\nname: till\nurl: ${SHOP_DB}\n"
        "tables:\n  items: {primary_key: [id], full_export: true}\n"
        "  new: {primary_key: [id], full_export: true}\n"
    )
    (folder / "till.yml").write_text(text)
    loader = SourcesLoader(load_sources(folder))
    assert not loader.load().failures  # a table that was empty from the beginning marks nothing
    with sqlite3.connect(file) as database:
        database.execute("delete from items where id = 2")
    report = loader.load()
    assert not report.failures
    assert report.unaccounted() == {}
    settings = load_settings(WarehouseSettings)
    schema = settings.dlt_dataset_name
    query = f"select id, name, _removed_at is not null from {schema}.till_items order by id"
    with connect(settings) as connection:
        assert connection.execute(query).fetchall() == [(1, "a", False), (2, "b", True)]
    with sqlite3.connect(file) as database:
        database.execute("delete from items")
    (failure,) = loader.load().failures
    assert "would mark all rows of till_items as removed" in failure.reason
    with connect(settings) as connection:
        assert connection.execute(query).fetchall() == [(1, "a", False), (2, "b", True)]
    (folder / "till.yml").write_text(text.replace("primary_key: [id], ", "", 1))
    with pytest.raises(DeclarationError, match="full_export needs a primary_key"):
        load_sources(folder)
