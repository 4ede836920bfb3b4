"""The daemon for Kubernetes is Dagster's, with a different run monitor and different retries."""

from types import SimpleNamespace

import pytest
from dagster import DagsterEvent, DagsterEventType, DagsterRunStatus
from dagster._core.test_utils import create_run_for_test
from dagster._daemon.controller import create_daemons_from_instance

from pods.daemon import PodMonitor, daemons
from pods.retries import RetryDaemon


@pytest.fixture
def started(instance):
    run = create_run_for_test(instance, "daily", status=DagsterRunStatus.NOT_STARTED)
    event = DagsterEvent(DagsterEventType.RUN_START.value, "daily")
    instance.report_dagster_event(event, run.run_id)
    return run.run_id


def look_once(instance):
    context = SimpleNamespace(instance=instance, create_request_context=lambda: None)
    return list(PodMonitor(interval_seconds=1).run_iteration(context))


def test_only_the_run_monitor_and_what_makes_retries_are_others(instance):
    ours = {daemon.daemon_type(): type(daemon) for daemon in daemons(instance)}
    stock = {d.daemon_type(): type(d) for d in create_daemons_from_instance(instance)}
    for kind, cls in (("MONITORING", PodMonitor), ("EVENT_LOG_CONSUMER", RetryDaemon)):
        assert ours.pop(kind) is cls
        assert stock.pop(kind) is not cls
    assert ours == stock


def test_one_look_ends_a_run_whose_pod_is_lost(api, instance, started):
    api.add_job(f"dagster-run-{started}", started, failed=1)
    errors = [found for found in look_once(instance) if found]
    assert not errors
    assert instance.get_run_by_id(started).status == DagsterRunStatus.FAILURE


def test_silent_api_is_an_error_of_the_daemon_and_ends_no_run(api, instance, started):
    api.add_job(f"dagster-run-{started}", started, active=1)
    api.silent = True
    errors = [found for found in look_once(instance) if found]
    assert errors
    assert "Max retries exceeded" in errors[0].to_string()
    assert instance.get_run_by_id(started).status == DagsterRunStatus.STARTED
