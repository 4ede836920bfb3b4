"""Exports that arrive, change and go wrong, loaded into a real warehouse by dlt."""

import gzip
import json
import os
from datetime import date, datetime
from decimal import Decimal

import duckdb
import fsspec
import pytest

from ingestion.files import fetching
from ingestion.sample_data import write_sample_data
from stack.raw import raw_tables
from support.books import CLIENTS_HEADER, Exports, load_books

ENTRIES = (
    "select i as time_entry_id, 1::bigint as project_id, date '2025-01-01' as worked_on, "
    "15::bigint as minutes, true as billable, 'x' as note, timestamp '2025-01-01' as updated_at "
    "from range({}, {}) as t (i)"
)


def test_the_sample_books_are_loaded_as_they_were_written(exports):
    exports.folder.rmdir()
    written = write_sample_data(exports.folder)
    report = exports.load()
    assert {name: table.rows_total for name, table in report.tables.items()} == {
        f"books_{name}": rows for name, rows in written.items()
    }
    assert report.quarantined == {}
    for table in raw_tables("books"):
        declared = {c.name: c.type.upper() for c in table.columns}
        assert exports.types(table.name) == declared
    assert exports.rows("select name from books_clients where client_id = 4") == [
        ("Stiftung Delta Museum",)
    ]


def test_no_exports_at_all_are_no_error(exports_in_a_file):
    report = exports_in_a_file.load()
    assert report.files == report.quarantined == {}
    assert "no exports at" in report.report.notes[0]


def test_only_new_and_changed_files_are_loaded(exports):
    exports.clients("clients/1.csv", "1,A,2025-01-01", "2,B,2025-01-01")
    assert exports.load().files == {"books_clients": ["clients/1.csv"]}
    assert exports.load().files == {}
    exports.clients("clients/2.csv", "3,C,2025-01-01")
    assert exports.load().files == {"books_clients": ["clients/2.csv"]}
    exports.clients("clients/1.csv", "1,A,2025-01-01", "2,B renamed,2025-02-01")
    report = exports.load()
    assert report.files == {"books_clients": ["clients/1.csv"]}
    assert report.unchanged == 1
    assert exports.rows("select client_id, name from books_clients order by all") == [
        (1, "A"), (2, "B renamed"), (3, "C"),
    ]  # fmt: skip


def test_an_old_export_that_arrives_late_takes_nothing_back(exports_in_a_file):
    exports = exports_in_a_file
    exports.clients("clients/2025.csv", "1,New name,2025-06-01")
    exports.load()
    exports.clients("clients/2024.csv", "1,Old name,2024-06-01", "2,B,2024-06-01")
    exports.load()
    assert exports.rows("select client_id, name from books_clients order by all") == [
        (1, "New name"), (2, "B"),
    ]  # fmt: skip


def test_the_latest_version_of_a_row_wins_within_a_file_and_is_reported(exports_in_a_file):
    exports = exports_in_a_file
    exports.clients("clients.csv", "1,new,2025-03-01", "1,old,2025-01-01", "2,x,2025-01-01",
                    "2,y,2025-01-01")  # fmt: skip
    report = exports.load()
    assert report.merged_away == {"books_clients": 2}
    assert exports.rows("select client_id, name from books_clients order by all") == [
        (1, "new"), (2, "y"),
    ]  # fmt: skip


def test_of_equal_versions_in_two_files_the_later_file_wins(exports_in_a_file):
    exports = exports_in_a_file
    exports.clients("clients/b.csv", "1,first written,2025-01-01")
    exports.clients("clients/a.csv", "1,second written,2025-01-01")
    exports.load()
    assert exports.rows("select name from books_clients") == [("second written",)]


def test_each_format_brings_the_same_rows(exports_in_a_file):
    exports = exports_in_a_file
    record = {
        "invoice_id": 1, "number": "2025-1", "client_id": 1, "project_id": 1, "kind": "invoice",
        "credits_invoice_id": None, "issued_on": "2025-01-01", "due_on": "2025-01-31",
        "currency": "EUR", "net_amount": 1234.1, "tax_amount": 0.0,
        "updated_at": "2025-01-01T10:00:00Z",
    }  # fmt: skip

    def record_of(number: int) -> dict:
        return record | {"invoice_id": number}

    header = ";".join(record)
    line = ";".join("" if v is None else str(v) for v in record_of(1).values())
    exports.write("invoices/1.csv", f"{header}\n{line}\n")
    exports.write("invoices/2.json", json.dumps([record_of(2)]))
    exports.write("invoices/3.jsonl", json.dumps(record_of(3)) + "\n")
    exports.write("invoices/4.jsonl.gz", gzip.compress(json.dumps(record_of(4)).encode()))
    sparse = {k: v for k, v in record_of(5).items() if v is not None}
    exports.write("invoices/5.json", json.dumps(sparse))
    values = ", ".join(
        "null as credits_invoice_id" if v is None else f"{v!r} as {k}"
        for k, v in record_of(6).items()
    )
    exports.parquet("invoices/6.parquet", f"select {values}")
    assert exports.load().quarantined == {}
    rows = exports.rows("select * exclude (invoice_id) from books_invoices")
    assert len(rows) == 6
    assert set(rows) == {
        ("2025-1", 1, 1, "invoice", None, date(2025, 1, 1), date(2025, 1, 31), "EUR",
         Decimal("1234.10"), Decimal("0.00"), datetime.fromisoformat("2025-01-01T10:00:00"))
    }  # fmt: skip


def test_headings_in_a_tools_own_style_find_their_columns(exports_in_a_file):
    exports = exports_in_a_file
    heading = "Client ID,Name,Country,Currency,paymentTermsDays,Created On,Updated At\n"
    exports.write("clients.csv", heading + "1,A,DE,EUR,30,2024-01-01,2025-01-01\n")
    assert exports.load().quarantined == {}
    assert exports.rows("select client_id, payment_terms_days from books_clients") == [(1, 30)]


UNREADABLE = {
    "invoices/empty.csv": (b"", "the file is empty (0 bytes)"),
    "invoices/short.csv": (b"invoice_id,number\n1,2\n", "it lacks the columns client_id"),
    "time_entries/junk.parquet": (b"PAR1 but not really" * 10, "cut off or broken"),
    "payments/cut.json": (b'[{"payment_id": 1, "amo', "JSON"),
    "clients/cut.csv.gz": (gzip.compress(CLIENTS_HEADER.encode() * 50)[:60], ""),
    "clients/type.csv": (
        CLIENTS_HEADER.encode() + b"7,A,DE,EUR,30,2024-01-01,2025-01-01\n"
        b"8,B,DE,EUR,soon,2024-01-01,2025-01-01\n",
        "column payment_terms_days: 1 of its values are no bigint, the first 'soon' in line 3",
    ),
    "clients/key.csv": (
        CLIENTS_HEADER.encode() + b",A,DE,EUR,30,2024-01-01,2025-01-01\n",
        "the key client_id is empty in 1 of 1 rows, the first of them row 1",
    ),
    "clients/twice.csv": (b"Client ID,client_id\n1,1\n", "more than one of its columns"),
    "taxes.csv": (b"a\n1\n", "no table is called 'taxes'"),
    "read me.pdf": (b"hello", "its name ends with none of csv"),
}


def test_unreadable_files_are_set_aside_with_a_reason_and_the_others_load(exports_in_a_file):
    exports = exports_in_a_file
    for name, (content, _) in UNREADABLE.items():
        exports.write(name, content)
    exports.clients("clients/good.csv", "1,A,2025-01-01")
    report = exports.load()
    assert report.files == {"books_clients": ["clients/good.csv"]}
    assert exports.rows("select client_id from books_clients") == [(1,)]
    assert report.quarantined.keys() == UNREADABLE.keys()
    for name, (_, reason) in UNREADABLE.items():
        assert reason in report.quarantined[name]
        assert "\n" not in report.quarantined[name]
        assert str(exports.folder) not in report.quarantined[name]
    notes = [json.loads(note.read_text()) for note in exports.quarantine.iterdir()]
    assert {note["path"]: note["reason"] for note in notes} == report.quarantined


def test_a_refused_file_is_left_until_it_changes(exports_in_a_file, monkeypatch):
    exports = exports_in_a_file
    exports.write("clients.csv", CLIENTS_HEADER + "x,A,DE,EUR,30,2024-01-01,2025-01-01\n")
    first = exports.load()
    opened = []
    monkeypatch.setattr(fetching, "stage", lambda *a: opened.append(a))
    assert exports.load().quarantined == first.quarantined
    assert opened == []


def test_a_repaired_file_is_loaded_and_its_note_goes(exports_in_a_file):
    exports = exports_in_a_file
    exports.write("clients.csv", "nothing of use\n")
    assert exports.load().quarantined.keys() == {"clients.csv"}
    exports.clients("clients.csv", "1,A,2025-01-01")
    report = exports.load()
    assert report.quarantined == {}
    assert exports.rows("select name from books_clients") == [("A",)]
    assert [path.name for path in exports.quarantine.iterdir()] == ["settled"]


def test_a_removed_file_leaves_its_rows_and_its_note_goes(exports_in_a_file):
    exports = exports_in_a_file
    good = exports.clients("clients/good.csv", "1,A,2025-01-01")
    bad = exports.write("clients/bad.csv", "nothing of use\n")
    exports.load()
    good.unlink()
    bad.unlink()
    assert exports.load().quarantined == {}
    assert exports.rows("select name from books_clients") == [("A",)]
    # Seen again under the same name, it counts as new.
    exports.clients("clients/good.csv", "1,B,2025-01-01")
    assert exports.load().files == {"books_clients": ["clients/good.csv"]}


def test_a_new_column_is_added_to_the_table_and_reported(exports):
    exports.parquet("time_entries/1.parquet", ENTRIES.format(0, 10))
    exports.load()
    exports.parquet(
        "time_entries/2.parquet",
        f"select *, 'home' as place, [1, 2] as tags from ({ENTRIES.format(10, 12)})",
    )
    report = exports.load()
    assert report.columns_added == {
        "books_time_entries": [
            ("place", "VARCHAR", "time_entries/2.parquet"),
            ("tags", "JSON", "time_entries/2.parquet"),
        ]
    }
    counts = "select place, count(*) from books_time_entries group by all order by all"
    assert exports.rows(counts) == [("home", 2), (None, 10)]
    assert exports.rows(
        "select distinct tags::varchar from books_time_entries where tags is not null"
    ) == [("[1,2]",)]
    exports.parquet("time_entries/3.parquet", ENTRIES.format(12, 13))
    assert exports.load().columns_added == {}
    assert exports.rows("select count(*) from books_time_entries") == [(13,)]


def test_a_column_that_changes_type_is_taken_if_its_values_still_fit(exports_in_a_file):
    exports = exports_in_a_file
    exports.parquet("time_entries/1.parquet", ENTRIES.format(0, 10))
    exports.parquet(
        "time_entries/text.parquet",
        f"select * replace ('30' as \"minutes\") from ({ENTRIES.format(10, 12)})",
    )
    exports.parquet(
        "time_entries/float.parquet",
        f'select * replace (45.0::double as "minutes", time_entry_id::int as time_entry_id) '
        f"from ({ENTRIES.format(12, 14)})",
    )
    exports.parquet(
        "time_entries/hours.parquet",
        f'select * replace (7.5 as "minutes") from ({ENTRIES.format(14, 16)})',
    )
    report = exports.load()
    assert report.quarantined == {
        "time_entries/hours.parquet": "column minutes: 2 of its values are no bigint, the first "
        "'7.5' in row 1 (the file has it as decimal(2,1))"
    }
    assert exports.types("time_entries")["minutes"] == "BIGINT"
    found = 'select "minutes", count(*) from books_time_entries group by all order by all'
    assert exports.rows(found) == [(15, 10), (30, 2), (45, 2)]


def test_parquet_that_matches_is_imported_untouched(exports_in_a_file, monkeypatch):
    exports = exports_in_a_file
    exports.parquet("time_entries.parquet", ENTRIES.format(0, 10))

    def no_copy(*_):
        raise AssertionError("rewritten")

    monkeypatch.setattr("ingestion.files.parquet._write", no_copy)
    monkeypatch.setattr(
        "dlt.normalize.items_normalizers.arrow.ArrowItemsNormalizer._write_with_dlt_columns",
        no_copy,
    )
    assert exports.load().tables["books_time_entries"].rows_total == 10


def test_a_file_that_changes_while_it_is_read_waits_for_the_next_run(
    exports_in_a_file, monkeypatch
):
    exports = exports_in_a_file
    file = exports.clients("clients.csv", "1,A,2025-01-01")
    real = fetching.stage

    def stage_while_writing(*arguments):
        parsed = real(*arguments)
        file.write_text(file.read_text() + "2,B,DE,EUR,30,2024-01-01,2025-01-01\n")
        return parsed

    with monkeypatch.context() as patch:
        patch.setattr(fetching, "stage", stage_while_writing)
        assert "it changed while it was read" in exports.load().left["clients.csv"]
    assert exports.load().quarantined == {}
    assert exports.rows("select count(*) from books_clients") == [(2,)]


def test_exports_may_be_at_any_fsspec_url(exports_in_a_file, monkeypatch):
    exports = exports_in_a_file
    memory = fsspec.filesystem("memory")
    row = "1,A,DE,EUR,30,2024-01-01,2025-01-01\n"
    memory.pipe_file("/books-elsewhere/clients/1.csv", (CLIENTS_HEADER + row).encode())
    monkeypatch.setenv("BOOKS_URL", "memory://books-elsewhere")
    monkeypatch.setenv("QUARANTINE_URL", "memory://quarantine-elsewhere")
    try:
        memory.pipe_file("/books-elsewhere/clients/2.csv", b"junk")
        report = load_books()
        assert report.files == {"books_clients": ["clients/1.csv"]}
        assert len(memory.ls("/quarantine-elsewhere/books")) == 1
        assert load_books().files == {}
    finally:
        memory.rm("/books-elsewhere", recursive=True)
        memory.rm("/quarantine-elsewhere", recursive=True)
    assert exports.rows("select name from books_clients") == [("A",)]


@pytest.mark.parametrize("lost", [True, False])
def test_the_working_directory_holds_nothing_that_matters(exports_in_a_file, stack_home, lost):
    exports = exports_in_a_file
    exports.clients("clients.csv", "1,A,2025-01-01")
    exports.load()
    working = stack_home / "dlt" / "freelancer_data_books"
    for file in working.rglob("*"):
        if file.is_file():
            file.unlink() if lost else file.write_text("rubbish")
    assert exports.load().files == {}
    exports.clients("clients.csv", "1,B,2025-02-01")
    exports.load()
    assert exports.rows("select name from books_clients") == [("B",)]


def test_links_are_followed_and_what_is_no_file_is_set_aside(exports_in_a_file, tmp_path):
    exports = exports_in_a_file
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    exports.clients("real.csv", "1,A,2025-01-01").rename(elsewhere / "1.csv")
    exports.clients("real.csv", "2,B,2025-01-01").rename(elsewhere / "2.csv")
    (exports.folder / "clients.csv").symlink_to(elsewhere / "1.csv")
    (exports.folder / "clients").symlink_to(elsewhere)
    (elsewhere / "round").symlink_to(elsewhere)
    (exports.folder / "payments.csv").symlink_to(tmp_path / "gone.csv")
    os.mkfifo(exports.folder / "invoices.csv")
    report = exports.load()
    assert exports.rows("select client_id from books_clients order by all") == [(1,), (2,)]
    assert report.quarantined.keys() == {"invoices.csv", "payments.csv"}
    assert all("no file" in reason for reason in report.quarantined.values())
    assert exports.load().files == {}


@pytest.mark.parametrize("name", ["it's [mine] *", "größe; drop", '"quoted"'])
def test_a_folder_may_have_any_name(stack_home, monkeypatch, name):
    monkeypatch.setenv("STACK_HOME", str(stack_home / "home" / name.replace("[mine] *", "")))
    monkeypatch.setenv("BOOKS_URL", str(stack_home / name))
    exports = Exports(stack_home)
    exports.folder = stack_home / name
    exports.clients(f"clients/{name}.csv", "1,A,2025-01-01")
    exports.folder.joinpath("payments").mkdir()
    for number in (1, 2):
        duckdb.sql("select 1::bigint as payment_id").write_parquet(str(stack_home / "p.parquet"))
        (stack_home / "p.parquet").rename(exports.folder / f"payments/{name}-{number}.parquet")
    report = exports.load()
    assert report.rows == {"books_clients": 1}
    assert {reason[:20] for reason in report.quarantined.values()} == {"it lacks the columns"}


@pytest.mark.parametrize("name", [b"\xe9t\xe9.csv", b"n" * 251 + b".csv"])
def test_a_file_may_have_any_name(exports_in_a_file, name):
    exports = exports_in_a_file
    exports.clients("clients/other.csv", "1,A,2025-01-01")
    exports.clients(f"clients/{os.fsdecode(name)}", "2,B,2025-01-01")
    assert exports.load().rows == {"books_clients": 2}
    assert exports.load().files == {}
    exports.write(f"clients/{os.fsdecode(name[::-1])}", "nothing of use")
    assert len(exports.load().quarantined) == 1
