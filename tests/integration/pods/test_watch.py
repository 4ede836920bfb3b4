"""The daemon ends runs whose pod is lost or can't start, and leaves no Job of an ended run."""

import logging
from datetime import timedelta

import dagster as dg
import pytest
from dagster import DagsterEventType, DagsterRunStatus
from dagster._core.events import JobFailureData, RunFailureReason
from dagster._core.storage.tags import MAX_RETRIES_TAG, WILL_RETRY_TAG
from dagster._core.test_utils import create_run_for_test, instance_for_test

from pods.launcher import OWN, STOCK, with_launcher
from pods.watch import (
    delete_jobs_of_ended_runs,
    explain_interrupted_runs,
    fail_hopeless_runs,
)

STARTING, STARTED = DagsterRunStatus.STARTING, DagsterRunStatus.STARTED
FAILURE, CANCELED, SUCCESS = (
    DagsterRunStatus.FAILURE,
    DagsterRunStatus.CANCELED,
    DagsterRunStatus.SUCCESS,
)
NO_SECRET = {
    "phase": "Pending",
    "containerStatuses": [
        {
            "name": "dagster", "image": "x:1", "imageID": "", "ready": False, "restartCount": 0,
            "state": {
                "waiting": {
                    "reason": "CreateContainerConfigError", "message": 'secret "own" not found'
                }
            },
        }
    ],
}  # fmt: skip
EVICTED = {"phase": "Failed", "reason": "Evicted", "message": "low on memory"}
PULLING = {"phase": "Pending"}
logger = logging.getLogger(__name__)


def begin(instance, status, **tags):
    run = create_run_for_test(instance, "daily", status=DagsterRunStatus.NOT_STARTED, tags=tags)
    if status != DagsterRunStatus.NOT_STARTED:
        kinds = {
            STARTING: DagsterEventType.RUN_STARTING,
            STARTED: DagsterEventType.RUN_START,
            FAILURE: DagsterEventType.RUN_FAILURE,
            CANCELED: DagsterEventType.RUN_CANCELED,
            SUCCESS: DagsterEventType.RUN_SUCCESS,
        }
        event = dg.DagsterEvent(kinds[status].value, "daily")
        instance.report_dagster_event(event, run.run_id)
    return instance.get_run_by_id(run.run_id), f"dagster-run-{run.run_id}"


def watch(instance):
    fail_hopeless_runs(instance, instance.run_launcher, logger)


def sweep(instance):
    delete_jobs_of_ended_runs(instance, instance.run_launcher, logger)


def message_of_failure(instance, run):
    [event] = instance.all_logs(run.run_id, of_type=DagsterEventType.RUN_FAILURE)
    return event.message


def test_run_that_can_not_begin_fails_with_the_reason_and_leaves_no_job(api, instance):
    run, job = begin(instance, STARTING)
    api.add_job(job, run.run_id, active=1)
    api.add_pod(job, **NO_SECRET)
    watch(instance)
    ended = instance.get_run_by_id(run.run_id)
    assert ended.status == FAILURE
    assert message_of_failure(instance, run).startswith(f"Job {job}: its container can't be made")
    assert 'secret "own" not found' in message_of_failure(instance, run)
    assert ended.tags[WILL_RETRY_TAG] == "false"
    assert ended.tags[MAX_RETRIES_TAG] == "2"  # of what a person makes of it
    assert not api.jobs
    assert not api.pods


@pytest.mark.parametrize("status", [STARTING, STARTED])
def test_run_whose_pod_was_evicted_fails_and_is_retried(api, instance, status):
    run, job = begin(instance, status)
    api.add_job(job, run.run_id, failed=1)
    api.add_pod(job, **EVICTED)
    watch(instance)
    ended = instance.get_run_by_id(run.run_id)
    assert "low on memory" in message_of_failure(instance, run)
    assert ended.tags[WILL_RETRY_TAG] == "true"
    assert MAX_RETRIES_TAG not in ended.tags
    assert not api.jobs


def test_run_that_may_yet_begin_is_left_alone(api, instance):
    run, job = begin(instance, STARTING)
    api.add_job(job, run.run_id, active=1)
    api.add_pod(job, **PULLING)
    watch(instance)
    sweep(instance)
    assert instance.get_run_by_id(run.run_id).status == STARTING
    assert list(api.jobs) == [job]


def test_run_whose_job_is_not_made_yet_is_left_alone(instance):
    run, _ = begin(instance, STARTING)
    watch(instance)
    assert instance.get_run_by_id(run.run_id).status == STARTING


def test_run_that_ended_by_itself_meanwhile_keeps_its_end(api, instance, monkeypatch):
    run, job = begin(instance, STARTED)
    api.add_job(job, run.run_id, failed=1)
    api.add_pod(job, **EVICTED)
    stale = instance.get_run_by_id(run.run_id)
    instance.report_dagster_event(
        dg.DagsterEvent(DagsterEventType.RUN_SUCCESS.value, "daily"), run.run_id
    )
    monkeypatch.setattr(instance, "get_runs", lambda _filters: [stale])
    watch(instance)
    assert instance.get_run_by_id(run.run_id).status == SUCCESS


def interrupt(instance):
    run, job = begin(instance, STARTED)
    reason = JobFailureData(None, RunFailureReason.UNEXPECTED_TERMINATION)
    instance.report_run_failed(run, "interrupted", reason)
    return run, job


def explanation(instance, run):
    for _ in range(2):  # it is told once
        explain_interrupted_runs(instance, instance.run_launcher, logger)
    [event] = instance.all_logs(run.run_id, of_type=DagsterEventType.ENGINE_EVENT)
    return event.message


def test_run_that_was_interrupted_is_told_by_whom(api, instance):
    run, job = interrupt(instance)
    api.add_job(job, run.run_id, failed=1)
    drained = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}
    api.add_pod(job, phase="Failed", conditions=[drained | {"message": "evicting"}])
    said = explanation(instance, run)
    assert "it was evicted, as when a node is drained (node node-1): evicting" in said


def test_run_whose_process_ended_well_when_it_was_told_to(api, instance):
    run, job = interrupt(instance)
    api.add_job(job, run.run_id, succeeded=1)
    pod = api.add_pod(job, phase="Succeeded")
    api.add_event(pod, "Evicted", "Pod ephemeral local storage usage exceeds 1Ki.")
    said = explanation(instance, run)
    assert said.endswith(
        "ended from outside: Evicted: Pod ephemeral local storage usage exceeds 1Ki."
    )


@pytest.mark.parametrize("status", [FAILURE, CANCELED])
def test_job_that_waits_for_a_run_that_is_over_is_deleted(api, instance, status):
    run, job = begin(instance, status)
    api.add_job(job, run.run_id, active=1)
    api.add_pod(job, **PULLING)
    api.add_job("dagster-step-1", run.run_id, active=1)
    sweep(instance)
    assert not api.jobs
    assert not api.pods


def test_pod_of_a_run_that_has_just_failed_may_end_by_itself(api, instance):
    run, job = begin(instance, FAILURE)
    api.add_job(job, run.run_id, active=1, ready=1)
    sweep(instance)
    assert list(api.jobs) == [job]


@pytest.mark.parametrize("status", [STARTED, SUCCESS])
def test_job_of_a_run_that_goes_on_or_went_well_is_left_alone(api, instance, status):
    run, job = begin(instance, status)
    api.add_job(job, run.run_id, age=timedelta(hours=2), active=1)
    sweep(instance)
    assert list(api.jobs) == [job]


def test_jobs_of_another_release_and_finished_ones_are_left_alone(api, instance):
    run, job = begin(instance, FAILURE)
    condition = {"type": "Failed", "status": "True"}
    api.add_job(job, run.run_id, failed=1, conditions=[condition])
    api.add_job("dagster-run-other", "3f0c7a52-0000-4000-8000-000000000000", active=1)
    sweep(instance)
    assert sorted(api.jobs) == sorted([job, "dagster-run-other"])


def test_silent_api_ends_no_run(api, instance):
    run, job = begin(instance, STARTED)
    api.add_job(job, run.run_id, active=1)
    api.silent = True
    assert instance.run_launcher.check_run_worker_health(run).status.value == "RUNNING"
    with pytest.raises(Exception, match="Max retries exceeded"):
        watch(instance)
    assert instance.get_run_by_id(run.run_id).status == STARTED


def test_health_of_a_run_is_what_kubernetes_says(api, instance):
    run, job = begin(instance, STARTED)
    api.add_job(job, run.run_id, failed=1)
    api.add_pod(job, **EVICTED)
    health = instance.run_launcher.check_run_worker_health(run)
    assert health.status.value == "FAILED"
    assert "low on memory" in health.msg
    api.jobs.clear()
    assert instance.run_launcher.check_run_worker_health(run).msg == "its Job was deleted"
    api.add_job(job, run.run_id, succeeded=1)
    assert "did not end the run" in instance.run_launcher.check_run_worker_health(run).msg
    ended = run.with_status(SUCCESS)
    assert instance.run_launcher.check_run_worker_health(ended).status.value == "SUCCESS"


def test_reason_leads_what_is_said_of_a_run_that_did_not_begin_in_time(api, instance):
    run, job = begin(instance, STARTING)
    api.add_job(job, run.run_id, active=1)
    said = "0/1 nodes are available: 1 Insufficient cpu."
    unschedulable = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    api.add_pod(job, phase="Pending", conditions=[unschedulable | {"message": said}])
    details = instance.run_launcher.get_run_worker_debug_info(run)
    assert details.startswith(f"Job {job}: no node takes the pod: {said}")
    assert "Pod status: Pending" in details


def test_runs_are_told_of_the_stock_launcher(instance):
    ref = with_launcher(instance.get_ref(), STOCK)
    assert (ref.run_launcher_data.module_name, ref.run_launcher_data.class_name) == STOCK
    assert with_launcher(ref, OWN).run_launcher_data == instance.get_ref().run_launcher_data


def test_daemon_refuses_a_launcher_that_it_does_not_know():
    with (
        instance_for_test() as instance,
        pytest.raises(ValueError, match=r"dagster\.yaml: run_launcher is .*K8sRunLauncher"),
    ):
        with_launcher(instance.get_ref(), OWN)
