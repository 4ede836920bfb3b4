"""The daemon retries a run that an outage interrupted, at most twice, and no others."""

import os
import signal
import threading

import dagster as dg
import duckdb
import psycopg2
import pytest
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run
from dagster._core.remote_origin import (
    InProcessCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.storage.tags import MAX_RETRIES_TAG, WILL_RETRY_TAG
from dagster._core.test_utils import instance_for_test
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from stack.locations import location_definitions
from stack.pipelines import PIPELINES, Stage
from stack.retry import ASKED_TAG, retry_when_away


@pytest.fixture
def max_retries() -> int:
    """Of the instance, for runs whose process was ended."""
    return 0


@pytest.fixture
def instance(max_retries):
    retries = {"enabled": True, "max_retries": max_retries, "retry_on_asset_or_op_failure": False}
    with instance_for_test(overrides={"run_retries": retries}) as instance:
        yield instance


def run(instance, *failures, launched=True, **tags):
    """A run whose steps fail so, one after the other; its record."""

    def step(number, failure):
        @dg.op(name=f"step_{number}")
        def work():
            failure()

        return work

    @dg.job(hooks={retry_when_away}, executor_def=dg.in_process_executor)
    def daily():
        for number, failure in enumerate(failures):
            step(number, failure)()

    where = InProcessCodeLocationOrigin(LoadableTargetOrigin(module_name="daily"))
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(where, "daily"), "daily")
    made = instance.create_run_for_job(
        daily, tags=tags, remote_job_origin=origin if launched else None, job_code_origin=None
    )
    execute_run(InMemoryJob(daily), made, instance)
    return instance.get_run_by_id(made.run_id)


@pytest.fixture
def away(postgres_by_cable, postgres_cable):
    postgres_cable.cut()
    return lambda: psycopg2.connect(postgres_by_cable)


def wrong():
    raise ValueError("a number was expected")


def ended_amid_a_query():
    """DuckDB makes an error of its own of it, at once where the query is in this very thread."""
    threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGTERM]).start()
    long = "select sum(hash(a.range * b.range)) from range(1000000) a, range(800) b"
    duckdb.connect(config={"threads": 1}).execute(long).fetchall()


def test_a_run_that_an_outage_broke_off_asks_for_two_retries(instance, away):
    done = run(instance, away)
    assert done.tags[MAX_RETRIES_TAG] == "2"
    assert done.tags[WILL_RETRY_TAG] == "true"


def test_one_step_that_met_it_is_enough(instance, away):
    assert run(instance, away, wrong).tags[WILL_RETRY_TAG] == "true"
    assert run(instance, wrong, away).tags[WILL_RETRY_TAG] == "true"


def test_a_run_that_would_fail_again_asks_for_none(instance):
    done = run(instance, wrong)
    assert MAX_RETRIES_TAG not in done.tags
    assert done.tags[WILL_RETRY_TAG] == "false"


def test_a_retry_that_fails_by_itself_is_not_made_again(instance, away):
    first = run(instance, away)
    kept = {tag: first.tags[tag] for tag in first.tags if tag != WILL_RETRY_TAG}
    assert kept[ASKED_TAG] == first.run_id
    assert run(instance, wrong, **kept).tags[WILL_RETRY_TAG] == "false"
    assert run(instance, away, **kept).tags[WILL_RETRY_TAG] == "true"


@pytest.mark.parametrize("max_retries", [3])
def test_a_run_whose_process_was_ended_is_retried_as_the_instance_says(instance):
    first = run(instance, ended_amid_a_query)
    assert MAX_RETRIES_TAG not in first.tags
    assert first.tags[WILL_RETRY_TAG] == "true"
    kept = {tag: first.tags[tag] for tag in first.tags if tag != WILL_RETRY_TAG}
    assert run(instance, wrong, **kept).tags[WILL_RETRY_TAG] == "false"


def test_how_often_a_run_is_retried_is_its_own_if_it_says_so(instance, away):
    done = run(instance, away, **{MAX_RETRIES_TAG: "0"})
    assert done.tags[WILL_RETRY_TAG] == "false"


def test_a_run_in_somebodys_process_is_left_to_him(instance, away):
    assert MAX_RETRIES_TAG not in run(instance, away, launched=False).tags


@pytest.mark.parametrize("stage", Stage)
def test_each_pipeline_but_monitoring_asks(stage, stack_home):
    from importlib import import_module

    definitions = import_module(f"{stage}.definitions").defs
    for pipeline in PIPELINES:
        if stage in pipeline.stages:
            hooks = definitions.resolve_job_def(pipeline.name).hook_defs
            assert hooks == (set() if pipeline.monitors else {retry_when_away})
    assert location_definitions
