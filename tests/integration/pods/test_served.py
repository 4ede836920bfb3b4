"""A run that was queued while its code server was replaced starts on the new image."""

import dagster as dg
import pytest
from dagster import DagsterEventType, DagsterRunStatus
from dagster._core.launcher import LaunchRunContext
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin
from dagster._core.remote_representation.code_location import GrpcServerCodeLocation
from dagster._core.test_utils import create_run_for_test

from support.code_server import code_server
from support.servers import free_port

OLD, NEW = ("acme/daily@sha256:" + digit * 64 for digit in "12")


@pytest.fixture
def port():
    return free_port()


def queued(instance, location: GrpcServerCodeLocationOrigin, **tags) -> str:
    """A run as the webserver makes one of what the server says."""
    served = GrpcServerCodeLocation(location, instance)
    job = served.get_repository("__repository__").get_full_job("daily")
    run = create_run_for_test(
        instance,
        "daily",
        status=DagsterRunStatus.NOT_STARTED,
        remote_job_origin=job.get_remote_origin(),
        job_code_origin=job.get_python_origin(),
        tags=tags,
    )
    served.cleanup()
    return run.run_id


def launched(instance, run_id: str) -> dg.DagsterRun:
    event = dg.DagsterEvent(DagsterEventType.RUN_STARTING.value, "daily")
    instance.report_dagster_event(event, run_id)
    run = instance.get_run_by_id(run_id)
    instance.run_launcher.launch_run(LaunchRunContext(dagster_run=run, workspace=None))
    return instance.get_run_by_id(run_id)


def container(api):
    [job] = api.made
    return job["spec"]["template"]["spec"]["containers"][0]


def said(instance, run_id):
    return [e.message for e in instance.all_logs(run_id) if e.message.startswith("It starts")]


def test_it_starts_on_the_image_and_with_the_pod_of_today_and_says_on_what_it_was_queued(
    api, instance, port, tmp_path
):
    with code_server(tmp_path, port, OLD, "100m") as location:
        run_id = queued(instance, location, option="kept")
    with code_server(tmp_path, port, NEW, "200m"):
        run = launched(instance, run_id)
    assert container(api)["image"] == NEW
    assert container(api)["resources"]["requests"]["cpu"] == "200m"
    assert run.tags["dagster/image"] == NEW
    assert (run.tags["stack/queued-on"], run.tags["option"]) == (OLD, "kept")
    # Pods of its steps, and a retry, take their image from the record.
    assert run.job_code_origin.repository_origin.container_image == NEW
    assert said(instance, run_id) == [f"It starts on {NEW}; it was queued on {OLD}."]


def test_one_whose_image_is_still_served_or_can_not_be_asked_for_starts_as_it_was_queued(
    api, instance, port, tmp_path
):
    with code_server(tmp_path, port, OLD, "100m") as location:
        run_id, later = queued(instance, location), queued(instance, location)
        before = instance.get_run_by_id(run_id)
        run = launched(instance, run_id)
    assert container(api)["image"] == run.tags["dagster/image"] == OLD
    assert "stack/queued-on" not in run.tags
    assert run.job_code_origin == before.job_code_origin
    assert said(instance, run_id) == []

    api.made.clear()
    run = launched(instance, later)
    assert container(api)["image"] == OLD
    assert "stack/queued-on" not in run.tags
    [told] = said(instance, later)
    assert told == f"It starts on {OLD}: its code server can't be asked for its own."
