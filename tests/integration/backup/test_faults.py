"""Nothing is lost or half done: a bad backup, a stack in use, a kill, a full disk."""

import re
import resource
import shlex
import tarfile
from contextlib import contextmanager

import pytest

from ingestion.backup import restoring
from ingestion.backup.errors import BackupError
from stack.commands import main
from stack.one_machine.home import HomeError
from support.stack_process import ROOT

from .conftest import KINDS


@pytest.fixture
def run(monkeypatch, capsys):
    """A command of a stack: its exit code, and what it says."""

    def run_one(stack, *arguments):
        stack.open()
        monkeypatch.delenv("DAGSTER_HOME")
        monkeypatch.setattr("sys.argv", ["stack", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        monkeypatch.setenv("DAGSTER_HOME", "/nonexistent")
        return ended.value.code, *capsys.readouterr()

    return run_one


@pytest.fixture
def backed_up(new, tmp_path):
    file = tmp_path / "a.tar.gz"
    new().fill().backup(file)
    return file


def untouched(stack):
    return not any(stack.home.iterdir())


def cut(content):
    return content[: len(content) // 2]


def cut_a_little(content):
    return content[:-20]


def flip(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize(
    "damage", [cut, cut_a_little, flip, lambda _: b"", lambda _: b"some text", lambda c: c[5:]]
)
def test_a_damaged_backup_is_refused_and_changes_nothing(new, backed_up, damage):
    backed_up.write_bytes(damage(backed_up.read_bytes()))
    there = new()
    with pytest.raises(BackupError, match=r"backup.*use another one|no end"):
        there.restore(backed_up)
    assert untouched(there)


def test_another_content_than_was_saved_is_noticed(new, backed_up, tmp_path):
    altered = tmp_path / "altered.tar.gz"
    with tarfile.open(backed_up) as old, tarfile.open(altered, "w:gz") as changed:
        for info in old:
            content = old.extractfile(info)
            if info.name == "incoming/new.csv":
                content, info.size = (tmp_path / "new").open("w+b"), 3
                content.write(b"a,b"), content.seek(0)
            changed.addfile(info, content)
    with pytest.raises(BackupError, match=r"incoming/new.csv: found another content"):
        new().restore(altered)


def test_a_tar_of_something_else_and_no_file_are_refused(new, tmp_path):
    with tarfile.open(tmp_path / "b.tar.gz", "w:gz") as other:
        other.add(__file__, "file")
    with pytest.raises(BackupError, match="a tar of another kind"):
        new().restore(tmp_path / "b.tar.gz")
    with pytest.raises(BackupError, match=r"c.tar.gz: found no backup"):
        new().restore(tmp_path / "c.tar.gz")
    with pytest.raises(BackupError, match=r"empty/: found no backup"):
        new().restore(f"{tmp_path}/empty/")


@pytest.mark.parametrize("kind", KINDS)
def test_a_stack_in_use_is_left_alone(new, tmp_path, kind):
    new(kind).fill().backup(tmp_path / "a.tar.gz")
    used = new(kind).fill()
    before = used.contents()
    with pytest.raises(BackupError, match="expected an empty stack"):
        used.restore(tmp_path / "a.tar.gz")
    assert used.contents() == before


def test_a_file_that_waits_is_reason_enough_to_refuse(new, backed_up):
    there = new()
    there.open().write("incoming/mine.csv", b"1")
    with pytest.raises(BackupError, match=r"incoming: found a file, mine.csv"):
        there.restore(backed_up)


@pytest.mark.parametrize("kind", ["machine", "lake"])
def test_what_was_there_is_moved_aside_where_that_is_asked_for(new, tmp_path, kind):
    old = new(kind).fill()
    old.backup(tmp_path / "a.tar.gz")
    before = old.contents()
    old.write("incoming/later.csv", b"1")
    old.restore(tmp_path / "a.tar.gz", replace=True)
    assert old.contents() == before
    [aside] = old.home.glob("before-restore-*")
    assert (aside / "incoming" / "later.csv").exists()
    made = old.backup(tmp_path / "b.tar.gz")
    assert made.files == old.backup(tmp_path / "c.tar.gz").files
    with tarfile.open(tmp_path / "b.tar.gz") as saved:
        assert not any("before-restore" in name for name in saved.getnames())


def test_what_is_elsewhere_is_not_replaced(new, tmp_path):
    old = new("servers").fill()
    old.backup(tmp_path / "a.tar.gz")
    before = old.contents()
    with pytest.raises(BackupError, match="Dagster's database: found 1 runs"):
        old.restore(tmp_path / "a.tar.gz", replace=True)
    assert old.contents() == before


def test_a_stack_of_another_kind_is_told_what_to_set(new, backed_up):
    for kind, told in (("lake", "DLT_DESTINATION"), ("servers", "DAGSTER_POSTGRES_URL")):
        with pytest.raises(BackupError, match=f"{told}.*: the backup was made with"):
            new(kind).restore(backed_up)
    there = new(WAREHOUSE_PATH=str(backed_up.parent / "other.duckdb"))
    with pytest.raises(BackupError, match=r"WAREHOUSE_PATH.*found other; set it"):
        there.restore(backed_up)


class Killed(BaseException):
    """As the process was."""


@pytest.mark.parametrize(
    ("kind", "after"), [("machine", 1), ("machine", 25), ("lake", 12), ("servers", 12)]
)
def test_a_restore_that_was_killed_is_finished_by_the_next_and_nothing_runs_before(
    new, tmp_path, monkeypatch, kind, after
):
    old = new(kind).fill()
    old.backup(tmp_path / "a.tar.gz")
    new(kind).fill().backup(tmp_path / "b.tar.gz")
    there, files = new(kind), 0
    make_file = restoring.File

    def until_killed(*facts):
        nonlocal files
        files += 1
        if files > after:
            raise Killed
        return make_file(*facts)

    with monkeypatch.context() as patch:
        patch.setattr(restoring, "File", until_killed)
        try:
            there.restore(tmp_path / "a.tar.gz")
        except Killed:
            with pytest.raises(HomeError, match="not restored to its end; run the same"):
                there.instance().__enter__()
            with pytest.raises(BackupError, match="another backup was begun"):
                there.restore(tmp_path / "b.tar.gz")
    if files > after:
        there.restore(tmp_path / "a.tar.gz")
    assert there.contents() == old.contents()


def test_a_disk_that_is_full_leaves_no_backup(new, tmp_path, run):
    stack = new().fill()
    target = tmp_path / "backups"
    target.mkdir()
    with largest_file(600_000):
        code, _, told = run(stack, "backup", f"{target}/")
    assert (code, told.count("\n")) == (2, 1)
    assert list(target.iterdir()) == []
    assert list((stack.home / "scratch" / "backup").iterdir()) == []


@contextmanager
def largest_file(size):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("where", ["", "backups/", "incoming/a.tar.gz"])
def test_a_backup_is_not_put_into_what_it_saves(new, where):
    stack = new().fill()
    with pytest.raises(BackupError, match="part of the backup; choose another place"):
        stack.backup(f"{stack.home}/{where}")


def test_a_backup_that_is_there_is_not_written_over(new, backed_up):
    with pytest.raises(BackupError, match="found a file; delete it"):
        new().fill().backup(backed_up)


def test_a_data_file_that_is_gone_is_told_and_nothing_is_written(new, tmp_path):
    stack = new("lake").fill()
    next((stack.home / "lake" / "data").rglob("*.parquet")).unlink()
    with pytest.raises(BackupError, match=r"data file .*: found nothing there"):
        stack.backup(tmp_path / "a.tar.gz")
    assert list(tmp_path.glob("*a.tar.gz*")) == []


def test_the_commands_say_what_they_do(new, tmp_path, run):
    folder = {"BACKUP_URL": str(tmp_path / "b")}
    stack, there = new(**folder).fill(), new(**folder)
    code, told, _ = run(stack, "backup")
    assert (code, told.splitlines()[-1].startswith(f"{tmp_path}/b/freelancer-data-")) == (0, True)
    assert run(stack, "backup", "--list")[1].startswith("freelancer-data-")
    assert "is whole:" in run(stack, "restore", "--check")[1]
    code, _, told = run(stack, "restore")
    assert (code, told.count("\n"), "expected an empty stack" in told) == (2, 1, True)
    assert "restored: the stack is as of" in run(there, "restore", "latest")[1]
    assert "nothing to do" in run(there, "restore", "--once")[1]
    assert "BACKUP_RECIPIENT=age1" in run(there, "backup-key")[1]


def test_a_key_may_be_in_a_file(new, tmp_path, run):
    pair = run(new(), "backup-key")[1]
    (tmp_path / "key").write_text(pair)
    recipient = re.search(r"age1\w+", pair)[0]
    new(BACKUP_RECIPIENT=recipient).fill().backup(tmp_path / "a.tar.gz.age")
    there = new()
    source = str(tmp_path / "a.tar.gz.age")
    assert run(there, "restore", "--check", source)[0] == 2
    assert run(there, "restore", source, "--identity", str(tmp_path / "key"))[0] == 0


def test_the_page_on_backups_can_be_followed(new, tmp_path, run, monkeypatch):
    text = (ROOT / "docs" / "backup.md").read_text()
    [block] = re.findall(r"^```sh\n(stack backup /.*?)^```", text, re.MULTILINE | re.DOTALL)
    usb = f"{tmp_path}/usb/"
    lines = block.replace("/media/usb/", usb).strip().splitlines()
    commands = [shlex.split(line, comments=True)[1:] for line in lines]
    assert [command[0] for command in commands] == [*["backup"] * 3, *["restore"] * 2]
    monkeypatch.chdir(tmp_path)
    stack, there = new(BACKUP_URL=usb).fill(), new()
    before = stack.contents()
    for command in commands:
        code, _, told = run(stack if command[0] == "backup" else there, *command)
        assert code == 0, told
    assert there.contents() == before
