"""The activity log loses no complete entry, and never stops its writer."""

import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack.activity import FOLDER, ActivityLog, Change, Read, log_query, reads_of_tables
from stack.load_report import LoadReport, TableReport
from stack.raw import RawTable
from stack.retention.activity import clear_activity
from stack.retention.report import Clock
from stack.settings import StackSettings

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = NOON.date()


def read(at: datetime = NOON, **rest) -> Read:
    return Read(at=at, **{"user": "ann", "by": "query", "tables": ("marts.a",), **rest})


def test_entries_come_back_as_they_were_written_from_their_day_on(tmp_path):
    log = ActivityLog(str(tmp_path))
    change = Change(at=NOON, table="raw.books_clients", by="books", rows=3, inserted=2, updated=1)
    log.append([read(NOON - timedelta(days=1)), read(statement="SELECT $1"), change])
    assert list(log.since(DAY)) == [read(statement="SELECT $1"), change]
    assert len(list(log.since(DAY - timedelta(days=1)))) == 3
    assert list(ActivityLog(str(tmp_path / "nowhere")).since(DAY)) == []


def test_an_object_store_gets_a_file_of_each_writer():
    log = ActivityLog("memory://activity-test/artifacts")
    for user in ("ann", "bob"):
        log.append([read(user=user)])
    assert sorted(entry.user for entry in log.since(DAY)) == ["ann", "bob"]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=5), st.data())
def test_a_line_that_a_full_disk_cut_off_takes_no_other_with_it(tmp_path_factory, sizes, data):
    folder = tmp_path_factory.mktemp("log")
    log = ActivityLog(str(folder))
    file = folder / FOLDER / f"{DAY}.jsonl"
    whole = 0
    for number, size in enumerate(sizes):
        log.append([read(count=number + 1)] * size)
        whole += size
        if size and data.draw(st.booleans()):
            content = file.read_bytes()
            lost = data.draw(st.integers(2, 20))
            file.write_bytes(content[:-lost])
            whole -= 1
    assert len(list(log.since(DAY))) == whole


def test_many_at_once_lose_nothing(tmp_path):
    script = (
        "import sys; from datetime import datetime, UTC\n"
        "from stack.activity import ActivityLog, Read\n"
        "at = datetime(2026, 3, 1, tzinfo=UTC)\n"
        "for n in range(200):\n"
        "    ActivityLog(sys.argv[1]).append([Read(at=at, user=sys.argv[2], by='query',"
        " tables=('a.b',), statement='x' * n)])\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path), f"u{n}"]) for n in range(2)
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert len(list(ActivityLog(str(tmp_path)).since(DAY))) == 400


def test_a_log_that_can_not_be_written_is_a_warning(tmp_path, caplog):
    (tmp_path / FOLDER).write_text("a file, where a folder has to be")
    ActivityLog(str(tmp_path)).append([read()])
    assert "can't be written" in caplog.text


@pytest.mark.parametrize("setting", ["off", "without_values", "with_values"])
def test_a_query_is_noted_as_the_setting_wants(tmp_path, setting):
    settings = StackSettings(artifacts_url=str(tmp_path), query_log=setting)
    log_query(settings, "select * from marts.cash_in where client = 'Bob'")
    log_query(settings, "select 'Bob'")  # reads nothing of the warehouse
    log_query(settings, "select from where")
    found = list(ActivityLog(str(tmp_path)).since(date(2026, 1, 1)))
    assert ["Bob" in entry.statement for entry in found] == {
        "off": [],
        "without_values": [False],
        "with_values": [True],
    }[setting]


def test_a_query_is_answered_though_the_log_can_not_be_written(tmp_path, caplog, capsys):
    (tmp_path / FOLDER).write_text("a file")
    log_query(StackSettings(artifacts_url=str(tmp_path)), "select * from marts.cash_in")
    assert (caplog.text, *capsys.readouterr()) == ("", "", "")


def test_reads_of_the_same_tables_are_counted_together():
    queries = [
        [("w", "s", "b"), ("w", "s", "a")],
        [("", "s", "a"), ("", "s", "b")],
        [("", "", "c")],
    ]
    [found] = reads_of_tables(queries, "dbt_test", "run")
    assert (found.tables, found.count, found.user) == (("s.a", "s.b"), 2, "dagster")


@pytest.mark.parametrize(
    ("disposition", "before", "total", "loaded", "news"),
    [
        ("append", 10, 13, 3, (3, 0)),
        ("merge", 10, 12, 5, (2, 3)),
        ("merge", 10, 10, 5, (0, 5)),
        ("merge", None, 10, 5, (None, None)),
        ("replace", 10, 4, 4, (4, 0)),
        ("days", 10, 12, 5, (None, None)),
    ],
)
def test_a_load_tells_which_rows_are_new(disposition, before, total, loaded, news):
    report = TableReport(
        table=RawTable(source="books", name="clients"),
        rows_before=before,
        rows_total=total,
        rows_loaded=loaded,
        disposition=disposition,
    )
    change = report.change("books", NOON, "run")
    assert change is not None
    assert (change.table, change.rows) == ("raw.books_clients", loaded)
    assert (change.inserted, change.updated) == news


def test_a_load_without_news_is_no_change():
    table = RawTable(source="books", name="clients")
    report = LoadReport(
        loader="books", asset="books", at=NOON, tables={"books_clients": TableReport(table=table)}
    )
    assert list(report.changes()) == []


@pytest.mark.parametrize("dry_run", [False, True])
def test_days_beyond_the_policy_go_and_what_is_no_day_stays(tmp_path, dry_run):
    log = ActivityLog(str(tmp_path))
    days = [NOON - timedelta(days=n) for n in (0, 89, 90, 91, 400)]
    log.append([read(day) for day in days])
    (tmp_path / FOLDER / "notes.txt").write_text("mine")
    cleared = clear_activity(str(tmp_path), 90, Clock(NOON), dry_run=dry_run)
    assert cleared.deleted == 2
    names = sorted(file.name for file in (tmp_path / FOLDER).iterdir())
    assert len(names) == (6 if dry_run else 4)
    assert "notes.txt" in names
    assert clear_activity(str(tmp_path), 0, Clock(NOON), dry_run=False).deleted == 0


def test_a_log_of_a_later_version_is_read_as_far_as_it_is_known(tmp_path):
    log = ActivityLog(str(tmp_path))
    log.append([read()])
    file = tmp_path / FOLDER / f"{DAY}.jsonl"
    line = json.loads(file.read_text().strip())
    file.write_text("\n".join(json.dumps({**line, **x}) for x in ({"kind": "new"}, {"more": 1})))
    assert list(log.since(DAY)) == [read()]
