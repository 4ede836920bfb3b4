"""The facts about a stack with real runs."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    GrpcServerCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    ScheduleInstigatorData,
    TickData,
    TickStatus,
)
from dagster_shared.error import SerializableErrorInfo

from observability.facts.looking import Watch, look
from observability.facts.model import Failure, Outcome
from observability.metrics.counting import Sums, count
from observability.metrics.declared_runs import TICK_FAILURES
from stack.monitoring import State
from support.observed import FAILS, ROWS


@pytest.fixture
def facts(observed):
    return look(observed.instance)


def test_everything_could_be_looked_at(facts):
    assert facts.unknown == {}


def test_a_table_is_told_as_its_last_load_left_it(facts):
    [orders] = facts.tables
    assert orders.path == ("raw", "orders")
    assert (orders.rows, orders.bytes, orders.rows_set_aside) == (ROWS, 900, 2)
    assert orders.owners == ("team:analytics",)


def test_a_failed_run_says_its_step_and_what_the_step_raised(facts):
    failed = next(found for found in facts.pipelines if found.pipeline == "failing")
    assert failed.outcome is Outcome.FAILED
    assert failed.runs[0].failure == Failure(FAILS, "broken")


def test_pipelines_are_the_newest_first(facts):
    begun = [found.begun for found in facts.pipelines]
    assert begun == sorted(begun, reverse=True)
    assert {found.pipeline for found in facts.pipelines} == {"loading", "failing", "looking"}


def test_what_waits_for_a_person_is_told(facts):
    assert [(a.type, a.severity) for a in facts.alerts if a.type.startswith("dbt")] == [
        ("dbt_test_failure", "error")
    ]
    assert [(e.entry, e.table, e.records) for e in facts.set_aside] == [("a1b2", "orders", 3)]


def test_an_outage_is_told_since_it_began_and_is_over_when_it_is(observed):
    watch = Watch(observed.instance)
    [mill] = watch.facts().outages
    assert (mill.name, mill.state, mill.sentence) == ("mill", "down", "as told")
    assert mill.since is not None
    observed.run("looking")
    assert watch.facts().outages == (replace(mill, at=watch.facts().outages[0].at),)
    observed.mill = State.OK
    observed.run("looking")
    [mill] = watch.facts().outages
    assert (mill.state, mill.since) == ("ok", None)
    observed.mill = State.DOWN
    observed.run("looking")


def checks(facts):
    return {check.name: check for check in facts.checks if check.path == ("raw", "orders")}


def test_a_check_fails_since_it_failed_first_and_not_once_it_passes(observed):
    watch = Watch(observed.instance)
    first = checks(watch.facts())
    assert (first["whole"].passed, first["whole"].since) == (True, None)
    assert (first["recent"].passed, first["recent"].severity) == (False, "warn")
    observed.run("loading")
    again = checks(watch.facts())["recent"]
    assert (again.passed, again.since) == (False, first["recent"].since)
    assert again.at > first["recent"].at
    assert checks(look(observed.instance))["recent"].since == again.since
    observed.check_passes = True
    observed.run("loading")
    assert (checks(watch.facts())["recent"].passed, checks(watch.facts())["recent"].since) == (
        True,
        None,
    )
    observed.check_passes = False
    observed.run("loading")
    failed = checks(watch.facts())["recent"]
    assert failed.since > again.since


def test_a_second_look_reads_what_changed_and_nothing_else(observed):
    watch = Watch(observed.instance)
    before = watch.facts()
    observed.run("loading")
    after = watch.facts()
    loaded = [found for found in after.pipelines if found.pipeline == "loading"]
    assert len(loaded) == len([f for f in before.pipelines if f.pipeline == "loading"]) + 1
    assert after.tables[0].materialised > before.tables[0].materialised
    assert after == replace(look(observed.instance), at=after.at, alerts=(), set_aside=(),
                            stores=(), reach=(), unknown=after.unknown)  # fmt: skip


def test_what_cannot_be_looked_at_is_named_and_hides_nothing_else(observed, monkeypatch):
    monkeypatch.setenv("ALERTS_URL", "nothing-like-this://alerts")
    facts = look(observed.instance)
    assert set(facts.unknown) == {"alerts"}
    assert "nothing-like-this" in facts.unknown["alerts"]
    assert facts.tables
    assert facts.set_aside


def schedule(observed, name, began):
    location = GrpcServerCodeLocationOrigin(host="nowhere", port=1, location_name="ingestion")
    repository = RemoteRepositoryOrigin(location, "__repository__")
    state = InstigatorState(
        RemoteInstigatorOrigin(repository, name),
        InstigatorType.SCHEDULE,
        InstigatorStatus.RUNNING,
        ScheduleInstigatorData("0 2 * * *", began.timestamp()),
    )
    return observed.instance.add_instigator_state(state)


def tick(observed, state, at, status):
    failed = status is TickStatus.FAILURE
    told = TickData(
        state.instigator_origin_id, state.instigator_name, state.instigator_type, status,
        at.timestamp(), run_ids=[], selector_id=state.selector_id,
        error=SerializableErrorInfo("no such folder", [], "OSError") if failed else None,
    )  # fmt: skip
    return observed.instance.create_tick(told)


def test_a_schedule_is_told_with_its_last_tick_and_when_the_next_is_due(observed):
    state = schedule(observed, "nightly", datetime(2026, 11, 1, tzinfo=UTC))
    watch = Watch(observed.instance)

    def nightly():
        return next(found for found in watch.facts().automation if found.name == "nightly")

    assert (nightly().last_tick, nightly().next_tick) == (
        None,
        datetime(2026, 11, 1, 2, tzinfo=UTC),
    )
    for day in (1, 2):
        at = datetime(2026, 11, day, 2, tzinfo=UTC)
        tick(observed, state, at, TickStatus.SUCCESS if day == 1 else TickStatus.FAILURE)
    assert (nightly().kind, nightly().location, nightly().running) == (
        "schedule",
        "ingestion",
        True,
    )
    assert (nightly().last_tick, nightly().last_status) == (at, "failure")
    assert nightly().last_error == "no such folder"
    assert nightly().next_tick == datetime(2026, 11, 3, 2, tzinfo=UTC)


def test_failed_ticks_count_once_from_when_counting_began(observed):
    began = datetime(2026, 11, 2, tzinfo=UTC)
    state = schedule(observed, "weekly", began)
    for day, status in ((1, TickStatus.FAILURE), (3, TickStatus.FAILURE), (4, TickStatus.SUCCESS)):
        tick(observed, state, datetime(2026, 11, day, 2, tzinfo=UTC), status)

    def failed(sums):
        return dict(sums.counted(TICK_FAILURES))["schedule", "weekly", "ingestion"]

    sums = count(observed.instance, Sums.begin(began))
    assert failed(sums) == 1
    assert failed(count(observed.instance, sums)) == 1
    tick(observed, state, datetime(2026, 11, 5, 2, tzinfo=UTC), TickStatus.FAILURE)
    assert failed(count(observed.instance, sums)) == 2
