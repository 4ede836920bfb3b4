"""`stack logs` on real runs."""

import pytest
from click.testing import CliRunner

from observability.run_logs.cli import logs
from observability.run_logs.finding import UnknownRunError
from stack.errors import StackError
from stack.freshness import FreshnessPolicy
from support.nights import MART, instance_of, night
from support.stack_process import COMMAND, StackProcess

POLICIES = {MART: FreshnessPolicy(by="06:00")}


@pytest.fixture
def runs(stack_home, monkeypatch):
    """The ids of a good and of a bad night."""
    with instance_of(monkeypatch) as instance:
        good = night(instance, POLICIES).run_id
        bad = night(instance, POLICIES, fails="no payments").run_id
    monkeypatch.delenv("DAGSTER_HOME")
    return good, bad


def printed(*arguments):
    result = CliRunner().invoke(logs, arguments)
    if result.exception:
        raise result.exception
    return [line.strip() for line in result.stdout.splitlines()]


def test_a_good_run_is_told_by_its_ids_beginning(runs, monkeypatch):
    lines = printed(runs[0][:8])
    assert lines[0] == f"daily_data_pipeline {runs[0]}: success"
    said = [line.split(maxsplit=2)[-1] for line in lines[1:]]
    assert said[0] == "began"
    assert "dbt_run: some tables are to be made" in said
    assert "marts/cash_in: made: 3 rows, 2 loaded" in said
    assert said[-1] == "succeeded"
    assert not any("a detail" in line for line in lines)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    assert any("a detail" in line for line in printed(runs[0], "--level", "debug"))


def test_the_last_run_that_failed_says_why_and_where(runs):
    lines = printed("last", "--level", "error", "--follow")
    assert lines[0] == f"daily_data_pipeline {runs[1]}: failure"
    assert lines[1].endswith("error   dbt_run: failed")
    assert lines[2] == "stack.errors.StackError: books: found no payments"
    assert lines[3] == "KeyError: 'day'"
    assert lines[4].startswith("at nights.py:")
    assert lines[5].endswith("Steps failed: ['dbt_run'].")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("zzz", "run zzz: found none; the newest are "),
        ("daily_pipeline", "did you mean daily_data_pipeline?"),
        ("%", "run %: found none"),
    ],
)
def test_an_unknown_run_is_a_line_that_names_near_ones(runs, name, said):
    with pytest.raises(UnknownRunError) as caught:
        printed(name)
    assert said in str(caught.value)
    assert runs[1][:8] in str(caught.value)


def test_an_unknown_step_is_a_line_that_names_those_there_are(runs):
    with pytest.raises(StackError, match=r"step dbt_rum: found none .* expected one of dbt_run"):
        printed("daily_data_pipeline", "--step", "dbt_rum")


def test_an_empty_stack_has_no_runs(stack_home):
    found = StackProcess(stack_home).run(COMMAND, "logs", "last")
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr == (
        "run last: found none; nothing has run yet; `make run` or `stack run` begins\n"
    )
