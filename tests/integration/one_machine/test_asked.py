"""`stack query` records queries, and still answers if it can't record them."""

import getpass
from datetime import date

from stack.activity import ActivityLog
from support.stack_process import COMMAND, StackProcess

SQL = "select count(*) as answer from information_schema.tables where table_name = 'Bob'"


def test_a_query_is_noted_by_who_asked_it_and_without_its_values(tmp_path):
    stack = StackProcess(tmp_path / "stack")
    done = stack.run(COMMAND, "query", SQL)
    assert "answer" in done.stdout, done.stderr
    [read] = ActivityLog(str(stack.home / "artifacts")).since(date.min)
    assert (read.user, read.tables) == (getpass.getuser(), ("information_schema.tables",))
    assert "(table_name = $1)" in read.statement


def test_a_query_is_answered_where_nothing_can_be_written(tmp_path):
    stack = StackProcess(tmp_path / "stack")
    (tmp_path / "no_folder").write_text("")
    stack.environment["ARTIFACTS_URL"] = str(tmp_path / "no_folder")
    done = stack.run(COMMAND, "query", SQL)
    assert (done.returncode, done.stderr) == (0, "")
    assert "answer" in done.stdout
