"""Freshness on a real instance: what runs leave, what the check says, and what facts say."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from observability.facts.looking import Watch, look
from observability.facts.model import Freshness
from stack.freshness import FreshnessPolicy
from stack.freshness.watch import CHECK_NAME, SENSOR_NAME, changes
from stack.locations import Location, location_definitions
from stack.pipelines import Stage
from support.nights import MART, RAW, held, instance_of, made, tables

BY = FreshnessPolicy(by="00:00")
POLICIES = {MART: BY, RAW: FreshnessPolicy(newest="paid_on", at_most="3 days")}
NOW = datetime.now(UTC)
TODAY = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
YESTERDAY = TODAY - timedelta(hours=22)


@pytest.fixture
def instance(stack_home, monkeypatch):
    with instance_of(monkeypatch) as instance:
        yield instance


def definitions() -> dg.Definitions:
    step = tables(POLICIES)
    location = Location(Stage.TRANSFORMATION, settings=[], assets=[step], freshness=POLICIES)
    return location_definitions(location)


def tick(instance):
    """A look of the sensor; what it finds is stored as the daemon does."""
    sensor = next(s for s in definitions().sensors if s.name == SENSOR_NAME)
    data = sensor.evaluate_tick(dg.build_sensor_context(instance))
    for event in data.asset_events:
        instance.report_runless_asset_event(event)
    return {event.asset_key: event.passed for event in data.asset_events}


def noted(instance, key):
    """What Dagster's UI shows of the check."""
    check = dg.AssetCheckKey(key, CHECK_NAME)
    (record,) = instance.event_log_storage.get_asset_check_summary_records([check]).values()
    return record.last_completed_check_execution_record


def of(facts, key):
    return next(table for table in facts.tables if table.path == tuple(key.path))


def test_a_night_that_never_came_is_told_without_any_run(instance):
    made(instance, MART, NOW, BY)
    assert tick(instance) == {MART: True}
    assert noted(instance, MART).status.value == "SUCCEEDED"
    tomorrow = TODAY + timedelta(days=1, hours=1)
    (change,) = changes(instance, POLICIES, tomorrow)
    assert (change.asset_key, change.passed) == (MART, False)
    assert change.metadata["stale_since"].value == (TODAY + timedelta(days=1)).timestamp()


def test_an_old_table_is_stale_in_the_check_and_in_the_facts_until_it_is_made(instance):
    made(instance, MART, YESTERDAY, BY)
    made(instance, RAW, NOW, POLICIES[RAW], newest=TODAY - timedelta(days=9))
    assert tick(instance) == {MART: False, RAW: False}
    assert tick(instance) == {}, "what hasn't changed is not noted again"
    evaluation = noted(instance, MART).event.dagster_event.asset_check_evaluation_data
    assert evaluation.description.startswith(f"stale since {TODAY:%Y-%m-%d} 00:00 UTC")
    facts = look(instance)
    assert facts.unknown == {}
    assert [check.name for check in facts.checks] == [], "told once, as the table's freshness"
    mart, raw = of(facts, MART), of(facts, RAW)
    assert (mart.freshness, mart.stale_since) == (Freshness.STALE, TODAY)
    assert (raw.freshness, raw.stale_since) == (Freshness.STALE, TODAY - timedelta(days=5))
    assert (raw.newest_event, raw.policy) == (
        TODAY - timedelta(days=9),
        "newest paid_on at most 3 days old",
    )
    made(instance, MART, NOW, BY)
    assert tick(instance) == {MART: True}
    assert of(look(instance), MART).freshness is Freshness.FRESH


def test_a_table_that_holds_is_as_fresh_as_one_that_was_made(instance):
    made(instance, MART, YESTERDAY, BY)
    watch = Watch(instance)
    assert of(watch.facts(), MART).freshness is Freshness.STALE
    held(instance, MART, since=YESTERDAY, at=NOW)
    mart = of(watch.facts(), MART)
    assert (mart.freshness, mart.materialised) == (Freshness.FRESH, YESTERDAY)
    assert mart.held_since is not None
    assert tick(instance) == {MART: True}


def test_a_check_run_by_hand_says_the_same_as_the_sensor(instance):
    made(instance, MART, YESTERDAY, BY)
    job = definitions().resolve_implicit_global_asset_job_def()
    selection = [dg.AssetCheckKey(key, CHECK_NAME) for key in POLICIES]
    result = job.get_subset(asset_check_selection=set(selection)).execute_in_process(
        instance=instance
    )
    found = {e.asset_key: e for e in result.get_asset_check_evaluations()}
    assert not found[MART].passed
    assert found[RAW].description.endswith("it was never made")
    assert tick(instance) == {}
