"""`stack status` as a process, in an empty stack, after a good night and after a bad one."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from stack.freshness import FreshnessPolicy
from support.nights import MART, RAW, instance_of, made, night
from support.stack_process import COMMAND, StackProcess

POLICIES = {MART: FreshnessPolicy(within="8 hours"), RAW: FreshnessPolicy(by="00:00")}
NOW = datetime.now(UTC)


@pytest.fixture
def stack(stack_home):
    return StackProcess(stack_home)


def status(stack, *arguments):
    found = stack.run(COMMAND, "status", *arguments)
    assert found.stderr == ""
    return found.returncode, found.stdout


def test_of_an_empty_stack_nothing_can_be_told(stack):
    code, told = status(stack)
    assert code == 2
    assert told.startswith("Nothing has run yet; `make run` begins")
    assert "nothing starts by itself" in told


def test_after_a_good_night_all_is_well(stack, monkeypatch):
    with instance_of(monkeypatch) as instance:
        assert night(instance, POLICIES).success
    code, told = status(stack)
    assert (code, told.split("  ")[0]) == (0, "All is well")
    assert "daily_data_pipeline  succeeded" in told
    assert "4 rows" in told
    assert "2: 2 fresh, 0 stale, 0 without a policy" in told


def test_after_a_bad_night_a_script_and_a_person_know_why(stack, monkeypatch):
    with instance_of(monkeypatch) as instance:
        made(instance, MART, NOW - timedelta(hours=9), POLICIES[MART])
        run_id = night(instance, POLICIES, fails="no payments").run_id
    code, told = status(stack)
    assert code == 1
    assert told.startswith("2 things need a person")
    assert "daily_data_pipeline failed in dbt_run" in told
    assert f"stack logs {run_id[:8]}" in told
    code, printed = status(stack, "--json")
    document = json.loads(printed)
    assert (code, document["exit_code"], document["state"]) == (1, 1, "needs_a_person")
    failed, stale = document["needs_a_person"]
    assert (failed["kind"], failed["run_id"]) == ("pipeline_failed", run_id)
    assert "no payments" in failed["cause"]
    assert (stale["kind"], stale["asset"]) == ("table_stale", ["marts", "cash_in"])
    (table,) = document["facts"]["tables"]
    since = datetime.fromisoformat(table["stale_since"])
    assert since == datetime.fromtimestamp((NOW - timedelta(hours=1)).timestamp(), UTC)
    assert set(document) == {
        *("version", "state", "exit_code", "sentence", "needs_a_person", "facts"),
    }
