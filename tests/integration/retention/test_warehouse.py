"""A DuckLake shrinks and keeps its rows, even while others write."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stack.retention.report import Clock
from stack.retention.warehouse import clear_warehouse
from stack.settings import WarehouseSettings
from stack.warehouse import connect

NOW = datetime.now(UTC)
LATER, MUCH_LATER = NOW + timedelta(days=10), NOW + timedelta(days=20)


@pytest.fixture
def lake(tmp_path):
    """In a file, with a catalog in SQLite."""
    return WarehouseSettings(stack_home=tmp_path, dlt_destination="ducklake")


@pytest.fixture
def busy_lake(tmp_path, database_url):
    """One that takes many writers."""
    return WarehouseSettings(
        stack_home=tmp_path, dlt_destination="ducklake", ducklake_catalog_url=database_url
    )


def fill(settings):
    with connect(settings) as connection:
        connection.execute("create schema marts")
        connection.execute("create table marts.cash (day integer, euros integer)")
        for day in range(8):
            connection.execute("insert into marts.cash values (?, ?)", [day, 100 * day])
        connection.execute("create or replace table marts.cash_in as from marts.cash")
        connection.execute("create or replace table marts.cash_in as from marts.cash")


def rows(settings):
    with connect(settings, read_only=True) as connection:
        tables = ("marts.cash", "marts.cash_in")
        return [connection.execute(f"from {t} order by all").fetchall() for t in tables]


def snapshots(settings):
    with connect(settings, read_only=True) as connection:
        found = connection.execute("select snapshot_id from ducklake_snapshots('warehouse')")
        return {row[0] for row in found.fetchall()}


def files(settings):
    return sorted(Path(settings.lake_data).rglob("*.parquet"))


def clear(settings, now, *, days=7, alone=True, begun=None, dry_run=False):
    answer = alone if callable(alone) else lambda: alone
    cleared = clear_warehouse(settings, days, Clock(now, begun), answer, dry_run=dry_run)
    assert cleared.problems == []
    return cleared


def test_rows_are_the_same_before_and_after_and_the_files_few(lake):
    fill(lake)
    before, many = rows(lake), files(lake)
    first = clear(lake, LATER)
    assert rows(lake) == before
    assert "1 files made from smaller ones" in first.note
    clear(lake, MUCH_LATER)
    third = clear(lake, MUCH_LATER)
    assert rows(lake) == before
    assert (len(many), len(files(lake))) == (10, 2)
    assert third.after < first.before
    assert len(snapshots(lake)) == 1


def test_a_dry_run_changes_nothing(lake):
    fill(lake)
    before = rows(lake), files(lake), snapshots(lake)
    cleared = clear(lake, LATER, dry_run=True)
    assert (rows(lake), files(lake), snapshots(lake)) == before
    assert f"{len(before[2]) - 1} snapshots would be forgotten" in cleared.note


def test_young_snapshots_stay_and_all_do_for_ever_with_0_days(lake):
    fill(lake)
    before = snapshots(lake)
    clear(lake, NOW + timedelta(days=6))
    clear(lake, LATER, days=0)
    assert snapshots(lake) >= before


def test_nothing_is_forgotten_since_a_run_in_progress_began(busy_lake):
    fill(busy_lake)
    before, many = snapshots(busy_lake), files(busy_lake)
    clear(busy_lake, LATER, alone=False, begun=NOW - timedelta(minutes=1))
    assert (snapshots(busy_lake), files(busy_lake)) == (before, many)


def test_a_lake_of_one_writer_is_left_while_a_run_is_in_progress(lake):
    fill(lake)
    before = snapshots(lake), files(lake)
    assert "another run" in clear(lake, LATER, alone=False).note
    assert (snapshots(lake), files(lake)) == before


@pytest.mark.parametrize(
    "change",
    [
        "delete from marts.cash where day = 1",
        "update marts.cash set euros = 0 where day = 2",
        "insert into marts.cash values (9, 9)",
        "create or replace table marts.cash as select 1 as day, 2 as euros",
    ],
)
def test_a_writer_at_the_same_time_is_not_disturbed(busy_lake, change):
    fill(busy_lake)
    looks = iter([True])  # the run comes while a merge is being made
    with connect(busy_lake) as writer:
        writer.execute("begin")
        writer.execute(change)
        wanted = writer.execute("from marts.cash order by all").fetchall()
        cleared = clear(busy_lake, LATER, alone=lambda: next(looks, False))
        writer.execute("commit")
    assert "1 tables left for the next time" in cleared.note
    assert rows(busy_lake)[0] == wanted


def test_a_reader_ends_what_it_began(busy_lake):
    fill(busy_lake)
    with connect(busy_lake, read_only=True) as reader:
        reader.execute("begin")
        reader.execute("from marts.cash").fetchone()
        with connect(busy_lake) as writer:
            writer.execute("delete from marts.cash")
        clear(busy_lake, NOW + timedelta(hours=23))
        assert len(reader.execute("from marts.cash").fetchall()) == 8


def test_one_that_was_killed_midway_is_finished_the_next_time(lake):
    fill(lake)
    before = rows(lake)

    looks = iter([True, True])  # before the lake, before a table; then it is merged

    def killed_while_it_merges():
        for answer in looks:
            return answer
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        clear(lake, LATER, alone=killed_while_it_merges)
    assert rows(lake) == before
    assert "1 files made from smaller ones" in clear(lake, LATER).note
    assert rows(lake) == before


def test_a_duckdb_file_is_checkpointed_and_its_size_said(tmp_path):
    settings = WarehouseSettings(stack_home=tmp_path)
    assert clear(settings, LATER).before == 0
    assert not settings.duckdb_file.exists()
    fill(settings)
    before = rows(settings)
    cleared = clear(settings, LATER)
    assert cleared.after == settings.duckdb_file.stat().st_size
    assert rows(settings) == before


def test_a_lake_that_cannot_be_opened_is_told(lake):
    fill(lake)
    Path(lake.lake_catalog).write_text("no catalog")
    cleared = clear_warehouse(lake, 7, Clock(LATER), lambda: True, dry_run=False)
    assert len(cleared.problems) == 1
