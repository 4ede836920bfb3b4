"""A command puts back what was set aside, and nothing of it is lost or overwritten."""

import json
import os
from pathlib import Path

import fsspec
import pytest
from click.testing import CliRunner, Result

from ingestion.incoming import load_run
from ingestion.incoming.loader import FilesLoader
from ingestion.loaders import Scope
from ingestion.quarantine_cli import quarantine
from stack.quarantine import Entry
from support.incoming import Incoming

BANKS = Path(__file__).parents[3] / "unit/ingestion/layouts/samples_of_banks"
WIDE = "id,amount\n1,2\n2,3,4\n3,5\n"


@pytest.fixture
def inbox(stack_home) -> Incoming:
    return Incoming(stack_home)


def command(*arguments: str) -> Result:
    """`stack quarantine` with these arguments."""
    return CliRunner().invoke(quarantine, arguments, standalone_mode=False)


def only_entry(inbox: Incoming) -> Entry:
    (entry,) = inbox.set_aside().values()
    return entry


def declare(home: Path, text: str) -> None:
    (home / "files").mkdir(parents=True, exist_ok=True)
    (home / "files" / "rules.yml").write_text(text)


@pytest.mark.parametrize(
    "name",
    [
        "a [1] *?.json", 'x::y "&" \\ %20#.json', "in ~/b.json", " padded .json", "two\nlines.json",
        os.fsdecode(b"orders/\xe9t\xe9.json"), os.fsdecode(b"\xff" * 200 + b".json"),
        "日本.json", f"{'n' * 250}.json",
    ],
)  # fmt: skip
def test_a_file_of_any_name_comes_back_and_belongs_to_its_table(inbox, name):
    inbox.drop(name, "[")
    inbox.process()
    entry = only_entry(inbox)
    Path(entry.place).write_text('[{"id": 1}]')
    assert command("put-back", entry.id).return_value == 0
    assert inbox.process().rows == {entry.table: 1}
    assert inbox.set_aside() == {}


def test_a_file_is_renamed_in_the_quarantine(inbox):
    inbox.drop("bank/report.dat", "id\n1\n")
    inbox.process()
    kept = Path(only_entry(inbox).place)
    kept.rename(kept.with_suffix(".csv"))
    kept.with_name(".report.csv.swp").write_text("of an editor")
    command("put-back", "all")
    assert inbox.process().files == {"files_bank": ["bank/report.csv"]}


def test_one_that_can_not_be_put_back_holds_up_none_of_the_others(inbox):
    for name in ("a.json", "b.json", "c.json"):
        inbox.drop(name, "[")
    inbox.process()
    inbox.drop("a.json", "[]")
    Path(inbox.set_aside()["b.json"].place).unlink()
    told = command("put-back", "all")
    assert told.return_value == 2
    assert "another file of this name in the inbox" in told.stderr
    assert "found no files in" in told.stderr
    assert list(inbox.set_aside()) == ["a.json", "b.json"]
    assert (inbox.folder / "a.json").read_text() == "[]"
    assert (inbox.folder / "c.json").read_text() == "["


def test_a_quarantine_that_moved_still_gives_back(inbox, stack_home, monkeypatch):
    inbox.drop("a.json", "[")
    inbox.process()
    (stack_home / "quarantine").rename(stack_home / "moved")
    monkeypatch.setenv("QUARANTINE_URL", str(stack_home / "moved"))
    command("put-back", "all")
    assert list(inbox.waiting()) == ["a.json"]


def test_files_and_rows_come_back_from_a_store(inbox, monkeypatch):
    memory = fsspec.filesystem("memory")
    monkeypatch.setenv("QUARANTINE_URL", "memory://set-aside")
    inbox.drop("a [1] *.json", "[")
    inbox.drop("a1.csv", WIDE)
    inbox.process()
    try:
        for kept in memory.find("/set-aside"):
            if kept.endswith(".jsonl"):
                memory.pipe_file(kept, memory.cat_file(kept).replace(b'"3", "4"', b'"3"'))
            elif "[1]" in kept:
                memory.pipe_file(kept, b'[{"id": 7}]')
        assert command("put-back", "all").return_value == 0
        assert inbox.process().rows == {"files_a_1": 1, "files_a1": 1}
        assert inbox.set_aside() == {}
    finally:
        memory.rm("/set-aside", recursive=True)


def test_a_file_that_changed_meanwhile_stays_and_no_entry_waits_for_it(inbox, monkeypatch):
    inbox.drop("a.json", "[")
    stage = load_run.FileReader.stage

    def stage_then_write(*arguments, **options):
        try:
            return stage(*arguments, **options)
        finally:
            inbox.drop("a.json", '[{"id": 1}]')

    monkeypatch.setattr(load_run.FileReader, "stage", stage_then_write)
    report = inbox.process()
    assert "has changed" in report.left["a.json"]
    assert inbox.set_aside() == {}
    assert list(inbox.waiting()) == ["a.json"]


@pytest.mark.parametrize("name", ["orders.csv", "orders/2026/07.csv", "processed.csv", "Größe.csv"])
def test_rows_come_back_into_the_table_of_their_file(inbox, name):
    inbox.drop(name, WIDE)
    inbox.process()
    entry = only_entry(inbox)
    kept = Path(entry.place)
    kept.write_text(kept.read_text().replace('"3", "4"', '"3.4"'))
    command("put-back", entry.id)
    assert inbox.process().rows == {entry.table: 1}
    assert inbox.rows(f"select max(amount)::varchar, count(*) from {entry.table}") == [("5.0", 3)]


def test_rows_of_files_that_are_written_as_declared_come_back(inbox, stack_home):
    declare(
        stack_home,
        "files: ['konto*']\nread:\n  encoding: cp1252\n  delimiter: ';'\n  header: [wer, betrag]\n"
        "  footer_lines: 1\n  columns:\n    betrag: {decimal: ',', name: amount}\n",
    )
    inbox.drop("konto.csv", "Müller;1,50\nGrün;2;50\nGroß;3,50\nEnde;0\n".encode("cp1252"))
    inbox.process()
    kept = Path(only_entry(inbox).place)
    kept.write_text(kept.read_text().replace('"2", "50"', '"2,50"'))
    command("put-back", "all")
    inbox.process()
    rows = inbox.rows("select wer, amount::varchar from files_konto order by amount")
    assert rows == [("Müller", "1.50"), ("Grün", "2.50"), ("Groß", "3.50")]


def test_rows_come_back_with_what_the_lines_above_the_header_say(inbox, stack_home):
    declare(
        stack_home,
        "tables: [konto]\nread:\n  header_line: 4\n"
        "  preamble: {account: 'Konto[^A-Z]*([A-Z0-9]+)'}\n",
    )
    above = 'Konto;"DE01"\nStand;"1,5"\n\n'
    text = f"{above}Tag;Betrag\n2026-01-01;1,50\n2026-01-02;2;50\n2026-01-03;1,50\n"
    inbox.drop("konto.csv", text)
    inbox.process()
    kept = Path(only_entry(inbox).place)
    kept.write_text(kept.read_text().replace('"2", "50"', '"2,50"'))
    command("put-back", "all")
    inbox.process()
    rows = inbox.rows("select account, betrag::varchar from files_konto order by tag")
    assert rows == [("DE01", "1.50"), ("DE01", "2.50"), ("DE01", "1.50")]


def test_rows_of_an_export_come_back_into_the_table_of_its_layout(inbox):
    text = (BANKS / "dkb_giro.csv").read_text("utf-8-sig")
    row = next(line for line in text.splitlines() if "Strom AG" in line)
    inbox.drop("umsaetze.csv", text.replace(row, f'{row};"too much"'))
    inbox.process()
    entry = only_entry(inbox)
    before = inbox.rows(f"select count(*) from {entry.table}")
    kept = Path(entry.place)
    kept.write_text(kept.read_text().replace(', "too much"', ""))
    command("put-back", "all")
    assert inbox.process().rows == {entry.table: 1}
    assert inbox.rows(f"select count(*) - 1, count(distinct account) from {entry.table}") == [
        (*before[0], 1)
    ]
    assert inbox.set_aside() == {}


def test_what_was_corrected_is_not_overwritten_when_the_same_rows_come_again(inbox):
    inbox.drop("orders.csv", WIDE)
    inbox.rows("create view files_orders as select 1 as id")
    assert list(inbox.process().failed) == ["orders.csv"]
    kept = Path(only_entry(inbox).place)
    kept.write_text(kept.read_text().replace('"3", "4"', '"3"'))
    inbox.rows("drop view files_orders")
    inbox.process()
    assert '"4"' not in kept.read_text()


def test_rows_are_kept_before_the_others_are_committed(inbox, monkeypatch):
    inbox.drop("orders.csv", WIDE)

    def die(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(load_run, "load", die)
    with pytest.raises(KeyboardInterrupt):
        inbox.process()
    assert "line 3" in only_entry(inbox).reason


def test_rows_that_were_settled_are_not_listed_again_when_their_file_is_read_anew(inbox):
    inbox.drop("orders.csv", WIDE)
    inbox.process()
    kept = Path(only_entry(inbox).place)
    command("settle", "all")
    report = FilesLoader().load(Scope(tables=frozenset({"files_orders"})))
    assert [found.loaded for found in report.inputs] == [2]
    assert report.unaccounted() == {}
    assert inbox.set_aside() == {}
    assert kept.exists()


def test_the_command_lists_rows_and_shows_all_of_an_entry(inbox):
    lines = "".join(f"{n},{n},{'x' * (n % 3 == 0)}\n" if n % 3 == 0 else f"{n},{n}\n"
                    for n in range(1, 37))  # fmt: skip
    inbox.drop("orders.csv", f"id,amount\n{lines}")
    inbox.process()
    listed = command().stdout.splitlines()
    assert len(listed) == 12
    assert listed[1].strip() == 'line 4 has 3 cells instead of 2: ["3", "3", "x"]'
    entry = only_entry(inbox)
    assert listed[-1].strip() == f"and 2 more: stack quarantine show {entry.id}"
    shown = command("show", entry.id[:5]).stdout.splitlines()
    assert len(shown) == 14
    assert shown[-1].strip() == 'line 37 has 3 cells instead of 2: ["36", "36", "x"]'


def test_a_line_that_was_spoilt_by_hand_is_told_and_nothing_is_lost(inbox):
    inbox.drop("orders.csv", WIDE)
    inbox.process()
    entry = only_entry(inbox)
    Path(entry.place).write_text("{not json")
    assert "it is no line of JSON any more: {not json" in command().stdout
    assert command("put-back", entry.id).return_value == 2
    assert only_entry(inbox) == entry
    assert json.loads(command("--json").stdout)[0]["id"] == entry.id
