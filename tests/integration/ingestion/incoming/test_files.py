"""Arrived files of each kind become raw tables, each row once; bad ones are quarantined."""

import errno
import json
import os
from pathlib import Path

import pytest
from aiohttp import ServerDisconnectedError
from botocore.exceptions import EndpointConnectionError
from click.testing import CliRunner

from ingestion.files import reading
from ingestion.files.dialect import find_dialect
from ingestion.files.fetching import FileReader
from ingestion.incoming import load_run
from ingestion.incoming.loader import FilesLoader
from ingestion.quarantine_cli import quarantine
from stack.errors import StackError
from stack.load_report import ColumnWidened
from stack.raw import Column, RawTable
from support.incoming import Incoming
from support.reports import Told

CSV = "id,amount,day\n1,2.5,2026-01-31\n2,,2026-02-01\n"
LINES = '{"id": 1, "amount": 2.5, "day": "2026-01-31"}', '{"id": 2, "day": "2026-02-01"}'
FORMATS = {
    "orders.csv": CSV,
    "orders.csv.gz": CSV,
    "orders.json": f"[{', '.join(LINES)}]",
    "orders.json.gz": f"[{', '.join(LINES)}]",
    "orders.jsonl": "\n".join(LINES),
    "orders.ndjson.gz": "\n".join(LINES),
}


@pytest.fixture(params=["duckdb", "ducklake"])
def incoming(request, stack_home, monkeypatch) -> Incoming:
    """An inbox for each destination."""
    monkeypatch.setenv("DLT_DESTINATION", request.param)
    return Incoming(stack_home)


@pytest.fixture
def inbox(stack_home) -> Incoming:
    """An inbox where the destination makes no difference."""
    return Incoming(stack_home)


def test_each_format_becomes_a_table_with_inferred_types(incoming):
    for number, (name, content) in enumerate(FORMATS.items()):
        incoming.drop(name.replace("orders", f"Orders {number}", 1), content)
    incoming.parquet(
        "orders_6.parquet",
        "select * from (values (1::int, 2.5::float, date '2026-01-31'), (2, null, '2026-02-01')) "
        "t (id, amount, day)",
    )
    report = incoming.process()
    assert report.quarantined == {}
    for number in range(7):
        found = incoming.rows(
            f"select id, amount, day::varchar, typeof(id), typeof(day) from files_orders_{number} "
            "order by id"
        )
        assert found == [
            (1, 2.5, "2026-01-31", "BIGINT", "DATE"),
            (2, None, "2026-02-01", "BIGINT", "DATE"),
        ]
    assert incoming.waiting() == {}
    assert len(incoming.processed()) == 7


def test_every_row_says_where_it_is_from(inbox):
    inbox.drop("orders/2026/07.csv", "Order ID\n1\n")
    inbox.process()
    ((order, file, file_id),) = inbox.rows("select order_id, _file, _file_id from files_orders")
    assert (order, file, len(file_id)) == (1, "orders/2026/07.csv", 64)


def test_the_same_content_loads_once_into_a_table(incoming):
    incoming.drop("orders.csv", "id\n1\n")
    incoming.process()
    incoming.drop("orders.csv", "id\n1\n")
    incoming.drop("orders/copy.csv", "id\n1\n")
    incoming.drop("others.csv", "id\n1\n")
    report = incoming.process()
    assert sorted(report.again) == ["orders.csv", "orders/copy.csv"]
    assert incoming.loaded() == {("files_orders", "(1,)"): 1, ("files_others", "(1,)"): 1}
    kept = incoming.processed()
    assert len(kept) == 4, "a file of the same name is kept beside the first"


def test_the_same_content_twice_in_a_batch_loads_once(inbox):
    for name in ("orders/1.csv", "orders/2.csv"):
        inbox.drop(name, "id\n1\n2\n")
    inbox.process()
    assert inbox.rows("select count(*) from files_orders") == [(2,)]
    assert inbox.waiting() == {}


def test_files_with_other_columns_extend_the_table(incoming):
    incoming.drop("orders/1.csv", "id,amount\n1,2.5\n")
    incoming.drop("orders/2.csv", "id,note\n2,new\n")
    incoming.process()
    incoming.drop("orders/3.jsonl", '{"id": 3, "tags": ["a"], "note": "json"}\n')
    report = incoming.process()
    assert [name for name, *_ in report.columns_added["files_orders"]] == ["tags"]
    assert incoming.rows(
        "select id, amount, note, tags::varchar from files_orders order by id"
    ) == [
        (1, 2.5, None, None),
        (2, None, "new", None),
        (3, None, "json", '["a"]'),
    ]


def test_bad_files_go_to_quarantine_with_the_reason_and_the_others_load(incoming):
    incoming.drop("orders.csv", "id,amount\n1,2\n")
    incoming.process()
    bad = {
        "empty.csv": ("", "the file is empty"),
        "broken.json": ('{"a": [1', "line 1: it is no JSON"),
        "cut.parquet": (b"PAR1" + b"x" * 100, "Parquet that is cut off or broken"),
        "wrong.csv.gz.parquet": (b"\x1f\x8b", "compressed by gzip, and truncated"),
        "notes.pdf": ("hello", "its name ends with none of csv"),
        "scan.csv": (b"%PDF-1.7 x", "it is a PDF"),
        "---.csv": ("a\n1\n", "no letter or digit"),
        "origin.csv": ("id,_file\n1,x\n", "its column _file"),
    }
    for name, (content, _) in bad.items():
        incoming.drop(name, content)
    incoming.drop("good [1] *.csv", "id\n1\n")
    report = incoming.process()
    for name, (_, reason) in bad.items():
        assert reason in report.quarantined[name]
        entry = incoming.set_aside()[name]
        assert entry.reason == report.quarantined[name]
        assert Path(entry.place).exists()
    assert incoming.waiting() == {}
    assert incoming.loaded() == {("files_orders", "(1, 2)"): 1, ("files_good_1", "(1,)"): 1}


def test_a_value_without_room_widens_its_column_and_nothing_that_was_there_changes(incoming):
    incoming.drop("orders/1.csv", "id,amount,day\n1,2,2026-01-31\n")
    incoming.process()
    incoming.drop("orders/2.csv", "id,amount,day\n2,2.50,2026-02-01 10:00\n")
    report = incoming.process()
    assert report.tables["files_orders"].columns_widened == (
        ColumnWidened(name="amount", before="BIGINT", after="DECIMAL(38,2)"),
        ColumnWidened(name="day", before="DATE", after="TIMESTAMP"),
    )
    incoming.drop("orders/3.csv", "id,amount,day\n3,much,2026-02-02\nx4,01,2026-02-03\n")
    incoming.process()
    rows = incoming.rows("select id, amount, day::varchar from files_orders order by _file, id")
    assert rows == [
        ("1", "2.00", "2026-01-31 00:00:00"),
        ("2", "2.50", "2026-02-01 10:00:00"),
        ("3", "much", "2026-02-02 00:00:00"),
        ("x4", "01", "2026-02-03 00:00:00"),
    ]


def test_files_of_a_batch_widen_a_column_that_the_first_of_them_made(incoming):
    for n, amount in enumerate(["1", "2.5", "3"]):
        incoming.drop(f"orders/{n}.csv", f"id,amount\n{n},{amount}\n")
    incoming.process()
    rows = incoming.rows("select amount::varchar from files_orders order by id")
    assert rows == [("1.0",), ("2.5",), ("3.0",)]


def test_a_column_without_a_value_gets_its_type_from_the_first_that_comes(inbox):
    inbox.drop("orders/1.csv", "id,paid_on\n1,\n")
    inbox.process()
    inbox.drop("orders/2.csv", "id,paid_on\n2,2026-02-01\n")
    inbox.process()
    rows = inbox.rows("select typeof(paid_on), paid_on::varchar from files_orders order by id")
    assert rows == [("DATE", None), ("DATE", "2026-02-01")]


def test_a_header_keeps_its_column_when_it_comes_alone(inbox):
    inbox.drop("orders/1.csv", "Id,ID\n1,x\n")
    inbox.process()
    inbox.drop("orders/2.csv", "ID,n\ny,1\n")
    inbox.process()
    assert inbox.rows("select id, id_2 from files_orders order by _file") == [(1, "x"), (None, "y")]


def test_a_day_that_nothing_decides_is_read_as_its_column_was_before(inbox):
    inbox.drop("orders/1.csv", "id,day\n1,25/02/2026\n")
    inbox.process()
    inbox.drop("orders/2.csv", "id,day\n2,03/02/2026\n")
    inbox.process()
    found = inbox.rows("select day::varchar from files_orders order by id")
    assert found == [("2026-02-25",), ("2026-02-03",)]


def test_numbers_of_another_unit_than_their_columns_are_refused(inbox):
    first_and_second = {
        "dollars": ("12,50 €", "$3.00", "its amount is in $, and in EUR in the files"),
        "none": ("12,50 €", "3,00", "its amount is in no unit, and in EUR in the files"),
        "fraction": ("19 %", "0.07", "its amount is in no unit, and in % in the files"),
        "francs": ("19", "7.50 CHF", "its amount is in CHF, and in no unit in the files"),
        "same": ("12,50 €", "EUR 3,00", ""),
        "words": ("twelve €", "3,00 €", ""),
        "empty": ("12,50 €", "", ""),
    }
    for number in (0, 1):
        for table, values in first_and_second.items():
            inbox.drop(f"{table}/{number}.csv", f"id;amount\n{number};{values[number]}\n")
        report = inbox.process()
    for table, (*_, told) in first_and_second.items():
        assert told in report.quarantined.get(f"{table}/1.csv", ""), table
        (count,) = inbox.rows(f"select count(*) from files_{table}")
        assert count == ((1,) if told else (2,)), table


def test_rows_that_do_not_fit_are_set_aside_with_their_lines_and_put_back_when_corrected(inbox):
    inbox.drop("orders.csv", "id,amount\n1,2\n2,3,4\n3,5\n")
    report = inbox.process()
    (aside,) = [part for _, part in report.report.set_aside()]
    assert (aside.records, aside.reason) == (1, "line 3 has 3 cells instead of 2")
    assert inbox.waiting() == {}
    (entry,) = inbox.set_aside().values()
    kept = Path(entry.place)
    kept.write_text(kept.read_text().replace('"3", "4"', '"3.4"'))
    run = CliRunner()
    told = run.invoke(quarantine, ["put-back", entry.id])
    assert "in the inbox" in told.stdout
    assert inbox.process().rows == {"files_orders": 1}
    rows = inbox.rows("select id, amount::varchar from files_orders order by id")
    assert rows == [(1, "2.0"), (2, "3.4"), (3, "5.0")]


def test_a_mended_file_loads_when_it_is_dropped_again(inbox):
    inbox.drop("orders.csv", "id\n1\n")
    inbox.drop("more/orders.csv", "")
    inbox.process()
    inbox.drop("more/orders.csv", "id\n2\n")
    assert inbox.process().rows == {"files_more": 1}


def test_a_header_alone_makes_no_table_and_does_not_decide_types(inbox):
    inbox.drop("orders.csv", "id\n")
    assert inbox.process().empty == ["orders.csv"]
    inbox.drop("orders.csv", "id\n1\n")
    inbox.process()
    assert inbox.rows("select id, typeof(id) from files_orders") == [(1, "BIGINT")]


def test_a_file_that_changed_since_it_was_listed_waits_for_the_next_look(inbox):
    inbox.drop("orders.csv", "id\n1\n")
    listed = inbox.waiting()
    inbox.drop("orders.csv", "id\n1\n2\n")
    report = Told(FilesLoader().load_batch(listed))
    assert report.left == {"orders.csv": "it has changed since it was listed"}
    assert inbox.process().rows == {"files_orders": 2}


def test_a_file_written_anew_while_it_is_loaded_is_not_moved_away_unloaded(inbox, monkeypatch):
    inbox.drop("orders.csv", "id\n1\n")
    load = load_run.load

    def load_then_drop(*arguments, **options):
        inbox.drop("orders.csv", "id\n1\n2\n")
        return load(*arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(load_run, "load", load_then_drop)
        inbox.process()
    assert list(inbox.waiting()) == ["orders.csv"]


def test_a_hundred_files_load_in_batches(inbox):
    for number in range(100):
        inbox.drop(f"t{number % 10}/{number}.csv", f"id\n{number}\n")
    paths = list(inbox.waiting())
    for start in range(0, 100, 50):
        inbox.process(*paths[start : start + 50])
    assert inbox.loaded() == {(f"files_t{n % 10}", f"({n},)"): 1 for n in range(100)}
    assert len(inbox.processed()) == 100


def test_a_declared_table_keeps_its_types_and_merges_on_its_key(inbox, monkeypatch):
    columns = (Column(name="id", type="bigint"), Column(name="amount", type="decimal(18,2)"))
    table = RawTable(source="files", name="orders", columns=columns, primary_key=("id",))
    monkeypatch.setattr("ingestion.incoming.tables.raw_tables", lambda source: (table,))
    inbox.drop("orders.csv", "id,amount\n1,2\n2,2\n")
    inbox.process()
    inbox.drop("orders.csv", "id,amount\n2,3.5\n3,1\n")
    inbox.process()
    inbox.drop("orders.csv", "id,amount\n,3.5\n")
    assert "the key id is empty" in inbox.process().quarantined["orders.csv"]
    rows = inbox.rows("select id, amount::varchar, typeof(amount) from files_orders order by id")
    kept = "DECIMAL(18,2)"
    assert rows == [(1, "2.00", kept), (2, "3.50", kept), (3, "1.00", kept)]


def test_one_table_that_cannot_be_loaded_does_not_hold_up_the_others(inbox):
    inbox.drop("first.csv", "id\n1\n")
    inbox.process()
    inbox.drop("good.csv", "id\n1\n")
    inbox.drop("blocked.csv", "id\n1\n")
    inbox.rows("create view files_blocked as select 1 as id")
    report = inbox.process()
    assert list(report.failed) == ["blocked.csv"]
    assert list(inbox.waiting()) == ["blocked.csv"]
    assert inbox.rows("select id from files_good") == [(1,)]
    inbox.rows("drop view files_blocked")
    inbox.process()
    assert inbox.rows("select id from files_blocked") == [(1,)]


def test_no_name_and_no_kind_of_file_holds_up_the_others(inbox):
    inbox.drop("good.csv", "id\n1\n")
    names = [b"orders/\xe9t\xe9.csv", b"orders/" + b"n" * 251 + b".csv", b"\xff.json"]
    for number, name in enumerate(names):
        content = b"id\n%d\n" % number if name.endswith(b"csv") else b"["
        inbox.drop(os.fsdecode(name), content)
    os.mkfifo(inbox.folder / "pipe.csv")
    elsewhere = inbox.drop("real.csv", "id\n7\n").rename(inbox.folder.parent / "real.csv")
    (inbox.folder / "linked.csv").symlink_to(elsewhere)
    report = inbox.process()
    assert report.rows == {"files_good": 1, "files_orders": 2, "files_linked": 1}
    assert elsewhere.exists()
    assert {kept.reason[:9] for kept in inbox.set_aside().values()} == {"it is a p", "line 1: i"}
    assert inbox.waiting() == {}
    assert all(Path(kept.place).exists() for kept in inbox.set_aside().values())
    assert inbox.process().files == {}


def test_a_fault_of_the_reader_costs_the_one_file_that_shows_it(inbox, monkeypatch):
    def faulty(path: Path, *args: object) -> object:
        if "odd" in path.read_text():
            raise ValueError("zip() argument 2 is longer")
        return find_dialect(path, *args)

    monkeypatch.setattr(reading, "find_dialect", faulty)
    inbox.drop("good.csv", "id\n1\n")
    inbox.drop("odd.csv", "odd\n1\n")
    report = inbox.process()
    assert report.rows == {"files_good": 1}
    assert "the reader has a fault: ValueError: zip()" in report.failed["odd.csv"]
    assert list(inbox.waiting()) == ["odd.csv"]


@pytest.mark.parametrize("place", ["read", "copied"])
@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="http://s3"),
        ServerDisconnectedError(),
        OSError(errno.ENOSPC, "No space left on device"),
        MemoryError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_outage_or_a_lack_of_disk_or_memory_is_no_fault_of_a_file(
    inbox, monkeypatch, error, place
):
    def failing(*_: object) -> object:
        raise error

    where = (FileReader, "fetch") if place == "copied" else (load_run, "read_one")
    monkeypatch.setattr(*where, failing)
    inbox.drop("orders.csv", "id\n1\n")
    with pytest.raises(type(error)):
        inbox.process()
    assert list(inbox.waiting()) == ["orders.csv"]


def test_what_is_set_aside_is_listed_and_put_back_by_the_command(inbox):
    inbox.drop("orders/1.csv", "id,amount\n1,2\n")
    inbox.process()
    inbox.drop("orders/2.csv", 'id,amount\n2,"open\n')
    inbox.process()
    run = CliRunner()
    (entry,) = json.loads(run.invoke(quarantine, ["--json"]).stdout)
    assert (entry["path"], entry["table"]) == ("orders/2.csv", "files_orders")
    assert "line 2: it has a quoted value that never closes" in run.invoke(quarantine).stdout
    Path(entry["place"]).write_text("id,amount\n2,3\n")
    assert "in the inbox again" in run.invoke(quarantine, ["put-back", entry["id"][:6]]).stdout
    assert run.invoke(quarantine).stdout == "Nothing is set aside.\n"
    assert inbox.process().rows == {"files_orders": 1}
    assert isinstance(run.invoke(quarantine, ["put-back", "none"]).exception, StackError)
