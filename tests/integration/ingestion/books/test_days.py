"""Rebuilding days: exactly these, from all exports, any number of times."""

import random
import signal
import subprocess
import sys
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.loading import days as rebuilding
from stack.partitions import Days, days_of, range_tags
from support.books import load_books
from support.examples import examples

HEADER = "time_entry_id,project_id,worked_on,minutes,billable,note,updated_at\n"
START = date(2025, 1, 1)


def entries(*rows: tuple[int, int, int, int]) -> str:
    """A CSV of time entries: id, day from START, minutes, hour of the change."""
    return HEADER + "".join(
        f"{key},1,{START + timedelta(day)},{minutes},true,,2025-06-01 {hour:02}:00:00\n"
        for key, day, minutes, hour in rows
    )


def table(exports, where: str = "true") -> list[tuple]:
    return exports.rows(
        "select time_entry_id, worked_on, minutes from books_time_entries "
        f"where {where} order by all"
    )


def span(first: int, last: int) -> Days:
    return Days(START + timedelta(first), START + timedelta(last))


def test_exactly_the_days_are_rebuilt(exports):
    exports.write("time_entries/a.csv", entries((1, 0, 10, 1), (2, 1, 20, 1), (3, 2, 30, 1)))
    load_books()
    exports.rows("update books_time_entries set minutes = 99")
    exports.rows("insert into books_time_entries (time_entry_id, worked_on) "
                 "values (7, '2025-01-02'), (8, '2025-01-03')")  # fmt: skip

    report = load_books(days=span(1, 1))

    assert [(k, m) for k, _, m in table(exports)] == [(1, 99), (2, 20), (3, 99), (8, None)]
    assert report.tables["books_time_entries"].rows_loaded == 1
    before = table(exports)
    load_books(days=span(1, 1))
    assert table(exports) == before


def test_what_is_new_of_other_days_is_left_for_a_run_without_days(exports_in_a_file):
    exports = exports_in_a_file
    exports.write("time_entries/a.csv", entries((1, 0, 10, 1)))
    load_books()
    exports.write("time_entries/b.csv", entries((2, 0, 20, 2), (3, 1, 30, 2)))
    exports.clients("clients/a.csv", "1,A,2025-01-01")

    load_books(days=span(0, 0))

    assert [k for k, *_ in table(exports)] == [1, 2]
    assert exports.rows("select count(*) from books_clients") == [(1,)], "merged as always"
    load_books()
    assert [k for k, *_ in table(exports)] == [1, 2, 3]


def test_a_row_that_moved_into_the_days_is_there_once(exports_in_a_file):
    exports = exports_in_a_file
    exports.write("time_entries/a.csv", entries((1, 5, 10, 1)))
    load_books()
    exports.write("time_entries/b.csv", entries((1, 0, 10, 2)))
    load_books(days=span(0, 0))
    assert table(exports) == [(1, START, 10)]


@pytest.mark.parametrize("trouble", ["gone", "unreadable"])
def test_days_stay_if_an_export_of_the_table_cannot_be_read(exports_in_a_file, trouble, caplog):
    exports = exports_in_a_file
    exports.write("time_entries/a.csv", entries((1, 0, 10, 1)))
    file = exports.write("time_entries/b.csv", entries((2, 0, 20, 1)))
    load_books()
    before = table(exports)
    if trouble == "gone":
        file.unlink()
    else:
        file.write_text(HEADER + "x,1,2025-01-01,1,true,,2025-06-01\n")

    with caplog.at_level("WARNING"):
        load_books(days=span(0, 0))

    assert table(exports) == before
    assert "books_time_entries: its days are left as they are: time_entries/b.csv" in caplog.text


def test_a_rebuild_that_breaks_off_changes_nothing(exports):
    exports.write("time_entries/a.csv", entries((1, 0, 10, 1), (2, 1, 20, 1)))
    load_books()
    before = table(exports)
    replace = rebuilding._replace

    def broken(connection, target, *rest):
        connection.execute("insert into rebuilt select * from rebuilt")
        connection.execute("alter table rebuilt rename column minutes to lost")
        replace(connection, target, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rebuilding, "_replace", broken)
        with pytest.raises(Exception, match="minutes"):
            load_books(days=span(0, 1))
    assert table(exports) == before


# Rebuilds the days, and dies by SIGKILL when the rows are out and in, but not committed.
KILLED = """
import os, signal, sys
from datetime import date
from ingestion.books import BooksLoader
from ingestion.loaders import Scope
from ingestion.loading import days as rebuilding
from stack.partitions import Days

class Dying:
    def __init__(self, connection):
        self.connection = connection
    def execute(self, statement, *values):
        if statement == "commit":
            os.kill(os.getpid(), signal.SIGKILL)
        return self.connection.execute(statement, *values)

replace = rebuilding._replace
rebuilding._replace = lambda connection, *rest: replace(Dying(connection), *rest)
BooksLoader().load(Scope(days=Days(*map(date.fromisoformat, sys.argv[1:]))))
"""


def test_a_rebuild_that_is_killed_in_its_middle_changes_nothing(exports):
    exports.write("time_entries/a.csv", entries((1, 0, 10, 1), (2, 1, 20, 1)))
    load_books()
    exports.rows("update books_time_entries set minutes = 99")
    days = span(0, 1)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(days.first), str(days.last)],
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert [m for *_, m in table(exports)] == [99, 99]
    load_books(days=days)
    assert [m for *_, m in table(exports)] == [10, 20]


STEPS = st.lists(
    st.one_of(
        st.just("export"),
        st.just("normal"),
        st.tuples(st.integers(0, 6), st.integers(0, 6)).map(lambda d: (min(d), max(d))),
    ),
    max_size=8,
)


@settings(max_examples=examples(6))
@given(STEPS, st.randoms(use_true_random=False))
def test_any_order_of_rebuilds_and_runs_ends_as_a_full_load(tmp_path_factory, steps, rnd):
    from support.books import Exports

    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("any_order")
        patch.setattr("stack.settings.env_files", tuple)
        patch.setenv("STACK_HOME", str(home))
        exports, newest = Exports(home), {}
        for number, step in enumerate(["export", *steps, "normal"]):
            if step == "export":
                rows = [_row(rnd, key, number) for key in rnd.sample(range(8), 4)]
                exports.write(f"time_entries/{number}.csv", entries(*rows))
                newest |= {key: (key, START + timedelta(d), m) for key, d, m, _ in rows}
            elif step == "normal":
                load_books()
            else:
                load_books(days=span(*step))
        assert table(exports) == sorted(newest.values())


def _row(rnd: random.Random, key: int, hour: int) -> tuple[int, int, int, int]:
    return key, rnd.randrange(7), rnd.randrange(100), hour


def test_the_days_of_a_run_are_those_of_its_partitions():
    assert days_of({}) is None
    assert days_of({"dagster/partition": "2025-01-03"}) == span(2, 2)
    assert days_of(range_tags(span(2, 5))) == span(2, 5)
    with pytest.raises(ValueError, match="first day is after the last"):
        days_of(range_tags(span(5, 2)))
