"""Which files count as arrived, and which table each belongs to."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.incoming.arrivals import Inbox, Target, quiet_files, table_name, target_of
from ingestion.settings import IncomingSettings
from stack.settings import SettingsError, load_settings


@pytest.mark.parametrize(
    ("path", "table", "format_"),
    [
        ("orders.csv", "orders", "csv"),
        ("Orders 2026-07.CSV.gz", "orders_2026_07", "csv"),
        ("orders/2026/07.parquet", "orders", "parquet"),
        ("Rechnungen für März.jsonl", "rechnungen_fur_marz", "jsonl"),
        ("__a__b__.ndjson.gz", "a_b", "jsonl"),
        ("2026.json", "2026", "json"),
    ],
)
def test_a_file_belongs_to_the_table_it_is_named_for(path, table, format_):
    assert target_of(path) == Target(table, format_)


@pytest.mark.parametrize("path", ["orders.txt", "orders", "orders.parquet.gz", "日本.csv"])
def test_other_files_belong_nowhere_for_a_reason(path):
    assert isinstance(target_of(path), str)


@given(st.text())
def test_a_table_name_is_one_that_dlt_leaves_as_it_is(text):
    from dlt.common.normalizers.naming.snake_case import NamingConvention

    name = f"files_{table_name(text)}".rstrip("_")
    assert NamingConvention().normalize_identifier(name) == name


def test_files_in_the_making_and_files_that_are_done_with_are_passed_over(stack_home, monkeypatch):
    monkeypatch.setenv("INCOMING_PROCESSED_URL", str(stack_home / "incoming" / "old" / "loaded"))
    folder = stack_home / "incoming"
    for name in (
        "a.csv", "sub/b.csv", "old/c.csv", "old/loaded/d.csv", "quarantine/e.csv",
        ".hidden.csv", "f.csv.part", "~g.csv", ".folder/h.csv",
    ):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("a\n1\n")
    files = Inbox.open(load_settings(IncomingSettings)).files()
    assert {file.path for file in files} == {"a.csv", "sub/b.csv", "old/c.csv"}


@pytest.mark.parametrize("name", ["INCOMING_PROCESSED_URL", "INCOMING_QUARANTINE_URL"])
@pytest.mark.parametrize("inbox", [None, "s3://bucket/in"])
def test_files_cannot_be_moved_to_where_they_arrive(stack_home, monkeypatch, name, inbox):
    if inbox:
        monkeypatch.setenv("INCOMING_URL", inbox)
    monkeypatch.setenv(name, f"{inbox or stack_home / 'incoming'}/")
    with pytest.raises(SettingsError, match=f"{name}: got .* another folder"):
        load_settings(IncomingSettings)


def test_an_inbox_that_does_not_exist_yet_is_empty(stack_home):
    assert Inbox.open(load_settings(IncomingSettings)).files() == []


def test_a_run_by_hand_takes_files_at_rest_of_tables_that_no_run_holds(stack_home):
    folder = stack_home / "incoming"
    folder.mkdir(parents=True)
    for name in ("rest.csv", "held.csv", "growing.csv"):
        (folder / name).write_text("a\n1\n")
    for name in ("rest.csv", "held.csv"):
        os.utime(folder / name, (1e9, 1e9))
    assert list(quiet_files(load_settings(IncomingSettings), {"held"})) == ["rest.csv"]
