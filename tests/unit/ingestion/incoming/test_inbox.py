"""Which files count as arrived, which table each belongs to, and how they leave."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.files.listing import Export
from ingestion.files.names import table_name
from ingestion.incoming.inbox import Inbox, Target, quiet_files, target_of
from ingestion.settings import IncomingSettings
from stack.settings import SettingsError, load_settings


@pytest.mark.parametrize(
    ("path", "table"),
    [
        ("orders.csv", "orders"),
        ("Orders 2026-07.CSV.gz", "orders_2026_07"),
        ("orders/2026/07.parquet", "orders"),
        ("Rechnungen für März.jsonl", "rechnungen_fur_marz"),
        ("__a__b__.ndjson.gz", "a_b"),
        ("2026.json", "2026"),
        ("umsatz.xlsx", "umsatz"),
        ("exports.zip", "exports"),
    ],
)
def test_a_file_belongs_to_the_table_it_is_named_for(path, table):
    assert target_of(path) == Target(table)


@pytest.mark.parametrize("path", ["orders.pdf", "orders", "orders.bz2", "---.csv"])
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


@pytest.mark.parametrize("inbox", [None, "s3://bucket/in"])
def test_files_cannot_be_moved_to_where_they_arrive(stack_home, monkeypatch, inbox):
    if inbox:
        monkeypatch.setenv("INCOMING_URL", inbox)
    monkeypatch.setenv("INCOMING_PROCESSED_URL", f"{inbox or stack_home / 'incoming'}/")
    with pytest.raises(SettingsError, match=r"INCOMING_PROCESSED_URL: got .* another folder"):
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


@pytest.fixture
def inbox(stack_home, tmp_path, monkeypatch) -> Inbox:
    (stack_home / "incoming" / "sub").mkdir(parents=True)
    monkeypatch.setenv("INCOMING_PROCESSED_URL", str(tmp_path / "done"))
    return Inbox.open(load_settings(IncomingSettings))


def drop(inbox: Inbox, path: str, content: str) -> Export:
    """Write a file, as it is listed then."""
    inbox.fs.pipe_file(f"{inbox.root}/{path}", content.encode())
    return next(file for file in inbox.files() if file.path == path)


def test_a_file_keeps_its_path(inbox, tmp_path):
    inbox.to_processed(drop(inbox, "sub/a.csv.gz", "1"))
    assert (tmp_path / "done/sub/a.csv.gz").read_text() == "1"
    assert inbox.files() == []


def test_a_name_that_is_taken_gets_a_suffix(inbox, tmp_path):
    for content in ("1", "22"):
        inbox.to_processed(drop(inbox, "sub/a.csv.gz", content))
    kept = {file.name: file.read_text() for file in (tmp_path / "done/sub").iterdir()}
    assert kept.pop("a.csv.gz") == "1"
    ((name, content),) = kept.items()
    assert (name[:2], name[-7:], content) == ("a-", ".csv.gz", "22")


def test_a_file_of_another_version_stays_and_one_that_is_gone_is_no_error(inbox):
    before = drop(inbox, "a.csv", "1")
    drop(inbox, "a.csv", "22")
    inbox.to_processed(before)
    assert [file.path for file in inbox.files()] == ["a.csv"]
    inbox.to_processed(Export("0", "b.csv", "1/2/3", 1, "b.csv"))


@pytest.mark.parametrize("dropped_again", [False, True])
def test_a_file_written_to_at_the_last_moment_comes_back(inbox, monkeypatch, dropped_again):
    file = drop(inbox, "a.csv", "1")
    rename = os.rename
    source = Path(inbox.root) / "a.csv"

    def write_then_rename(*arguments):
        with source.open("a") as opened:
            opened.write("2")
        monkeypatch.setattr(os, "rename", rename)
        rename(*arguments)
        if dropped_again:
            drop(inbox, "a.csv", "333")

    monkeypatch.setattr(os, "rename", write_then_rename)
    inbox.to_processed(file)
    contents = sorted(inbox.fs.cat_file(f"{inbox.root}/{f.path}") for f in inbox.files())
    assert contents == ([b"12", b"333"] if dropped_again else [b"12"])


def test_a_move_that_is_a_copy_is_a_move_all_the_same(inbox, tmp_path, monkeypatch):
    """Between two mounts a file gets another inode."""

    def two_mounts(*_):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    file = drop(inbox, "a.csv", "1")
    monkeypatch.setattr(os, "rename", two_mounts)
    inbox.to_processed(file)
    assert (tmp_path / "done/a.csv").read_text() == "1"
    assert inbox.files() == []


def test_files_move_to_another_kind_of_storage(inbox):
    replace(inbox, processed_url="memory://processed").to_processed(drop(inbox, "sub/a.csv", "1"))
    assert fsspec.filesystem("memory").cat_file("/processed/sub/a.csv") == b"1"
    assert inbox.files() == []


def test_names_that_differ_only_in_what_a_table_name_drops_are_two_tables():
    long = "x" * 100
    for one, other in (("订单2025", "客户2025"), (f"{long}a", f"{long}b"), ("日本", "中国")):
        assert target_of(f"{one}.csv") != target_of(f"{other}.csv")
        assert target_of(f"{one}.csv") == target_of(f"{one}/later.csv")
