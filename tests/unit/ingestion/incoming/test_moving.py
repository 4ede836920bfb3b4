"""Files leave the inbox whole, under a name of their own, or not at all."""

import os
from pathlib import Path

import fsspec
import pytest

from ingestion.incoming import moving
from ingestion.incoming.arrivals import Inbox
from ingestion.incoming.moving import move
from ingestion.settings import IncomingSettings
from stack.settings import load_settings


@pytest.fixture
def inbox(stack_home) -> Inbox:
    (stack_home / "incoming" / "sub").mkdir(parents=True)
    return Inbox.open(load_settings(IncomingSettings))


def drop(inbox: Inbox, path: str, content: str) -> str:
    """Write a file; its version."""
    inbox.fs.pipe_file(f"{inbox.root}/{path}", content.encode())
    return {file.path: file.version for file in inbox.files()}[path]


def test_a_file_keeps_its_path(inbox, tmp_path):
    version = drop(inbox, "sub/a.csv.gz", "1")
    assert move(inbox, "sub/a.csv.gz", version, str(tmp_path)) == f"{tmp_path}/sub/a.csv.gz"
    assert inbox.files() == []


def test_a_name_that_is_taken_gets_a_suffix(inbox, tmp_path):
    for content in ("1", "22"):
        move(inbox, "sub/a.csv.gz", drop(inbox, "sub/a.csv.gz", content), str(tmp_path))
    kept = {file.name: file.read_text() for file in (tmp_path / "sub").iterdir()}
    assert kept.pop("a.csv.gz") == "1"
    ((name, content),) = kept.items()
    assert (name[:2], name[-7:], content) == ("a-", ".csv.gz", "22")


def test_a_file_of_another_version_stays(inbox, tmp_path):
    version = drop(inbox, "a.csv", "1")
    drop(inbox, "a.csv", "22")
    assert move(inbox, "a.csv", version, str(tmp_path)) is None
    assert [file.path for file in inbox.files()] == ["a.csv"]


def test_a_file_that_is_gone_is_no_error(inbox, tmp_path):
    assert move(inbox, "a.csv", "1/2/3", str(tmp_path)) is None


@pytest.mark.parametrize("dropped_again", [False, True])
def test_a_file_written_to_at_the_last_moment_comes_back(
    inbox, tmp_path, monkeypatch, dropped_again
):
    version = drop(inbox, "a.csv", "1")
    look, carry = moving._as_listed, inbox.fs.mv
    source = f"{inbox.root}/a.csv"

    def look_then_write(*arguments):
        found = look(*arguments)
        with Path(source).open("a") as file:
            file.write("2")
        return found

    def move_then_drop(*arguments):
        carry(*arguments)
        monkeypatch.setattr(inbox.fs, "mv", carry)
        if dropped_again:
            drop(inbox, "a.csv", "333")

    monkeypatch.setattr(moving, "_as_listed", look_then_write)
    monkeypatch.setattr(inbox.fs, "mv", move_then_drop)
    assert move(inbox, "a.csv", version, str(tmp_path)) is None
    contents = sorted(inbox.fs.cat_file(f"{inbox.root}/{f.path}") for f in inbox.files())
    assert contents == ([b"12", b"333"] if dropped_again else [b"12"])


def test_a_move_that_is_a_copy_is_a_move_all_the_same(inbox, tmp_path, monkeypatch):
    """Between two mounts a file gets another inode."""
    version = drop(inbox, "a.csv", "1")

    def copy_and_remove(source, target):
        times = Path(source).stat()
        inbox.fs.cp_file(source, target)
        os.utime(target, (times.st_atime, int(times.st_mtime)))
        inbox.fs.rm_file(source)

    monkeypatch.setattr(inbox.fs, "mv", copy_and_remove)
    assert move(inbox, "a.csv", version, str(tmp_path)) == f"{tmp_path}/a.csv"
    assert inbox.files() == []


def test_files_move_to_another_kind_of_storage(inbox):
    version = drop(inbox, "sub/a.csv", "1")
    move(inbox, "sub/a.csv", version, "memory://processed")
    assert fsspec.filesystem("memory").cat_file("/processed/sub/a.csv") == b"1"
    assert inbox.files() == []
