"""A backup is consistent, whatever runs in the meantime."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from ingestion.backup import folders
from stack.warehouse import busy, connect
from support.holder import held


def both(stack):
    with connect(stack.settings(), read_only=True) as connection:
        tables = ("marts.cash", "marts.cash_in")
        return [connection.execute(f"select count(*) from {t}").fetchone() for t in tables]


def test_two_tables_that_are_written_together_are_saved_together(new, tmp_path):
    stack, end = new("servers").fill(), Event()
    settings = stack.settings()

    def write():
        written = 0
        with connect(settings) as connection:
            while not end.is_set():
                connection.execute("begin")
                for table in ("marts.cash", "marts.cash_in"):
                    connection.execute(f"insert into {table} values (?, 0)", [written])
                connection.execute("commit")
                written += 1
                started.set()
                if written % 5 == 0:
                    connection.execute("call ducklake_merge_adjacent_files('warehouse')")
        return written

    started = Event()
    with ThreadPoolExecutor() as pool:
        writer = pool.submit(write)
        assert started.wait(60)
        try:
            stack.backup(tmp_path / "a.tar.gz")
            stack.backup(tmp_path / "b.tar.gz")
        finally:
            end.set()
        assert writer.result() > 0
    for name in ("a.tar.gz", "b.tar.gz"):
        there = new("servers")
        there.restore(tmp_path / name)
        first, second = both(there)
        assert first == second
        assert first[0] > 900


def test_a_file_that_a_run_holds_is_waited_for(new, tmp_path, monkeypatch):
    stack, waiting = new().fill(), Event()
    monkeypatch.setattr(busy.log, "warning", lambda _: waiting.set())
    with held(stack.home / "warehouse.duckdb") as holder, ThreadPoolExecutor() as pool:
        backup = pool.submit(stack.backup, tmp_path / "a.tar.gz")
        assert waiting.wait(60)
        assert not backup.done()
        holder.let_go()
        assert backup.result().files > 0


def test_no_run_gets_the_file_while_it_is_copied(new, tmp_path, monkeypatch):
    stack = new().fill()
    seen = []

    def copy(source, target):
        with pytest.raises(AssertionError), held(source):  # it could not open the file
            pass
        seen.append(source)
        target.write_bytes(source.read_bytes())

    monkeypatch.setattr("ingestion.backup.warehouse.shutil.copyfile", copy)
    stack.backup(tmp_path / "a.tar.gz")
    assert [path.name for path in seen] == ["warehouse.duckdb"]
    there = new()
    there.restore(tmp_path / "a.tar.gz")
    assert both(there) == both(stack)


def test_a_file_that_moves_on_meanwhile_is_in_it_once_at_least(new, tmp_path, monkeypatch):
    stack = new().fill()
    home = stack.home
    for number in range(20):
        stack.write(f"incoming/{number}.csv", b"1")
        stack.write(f"quarantine/{number + 20}.csv", b"1")
    moves = iter(range(20))

    def moved(fs, path, name, writer):
        for number in (n for _, n in zip(range(2), moves, strict=False)):
            (home / f"incoming/{19 - number}.csv").rename(
                home / f"incoming/processed/{19 - number}.csv"
            )
            (home / f"quarantine/{39 - number}.csv").rename(home / f"incoming/{39 - number}.csv")
        return save(fs, path, name, writer)

    save = folders._save_file
    monkeypatch.setattr(folders, "_save_file", moved)
    stack.backup(tmp_path / "a.tar.gz")
    there = new()
    there.restore(tmp_path / "a.tar.gz")
    found = {path.name for path in there.home.rglob("*.csv")}
    assert found >= {f"{number}.csv" for number in range(40)}


def test_a_file_that_is_written_to_all_the_time_is_told_and_left_out(new, tmp_path, monkeypatch):
    stack = new().fill()
    growing = stack.home / "incoming" / "new.csv"
    facts_of = folders.facts_of

    def grow(fs, path):
        if path == str(growing):
            with growing.open("ab") as file:
                file.write(b"1,2\n")
        return facts_of(fs, path)

    monkeypatch.setattr(folders, "facts_of", grow)
    made = stack.backup(tmp_path / "a.tar.gz")
    assert made.left_out == {"incoming/new.csv": "it was written to all the time"}
