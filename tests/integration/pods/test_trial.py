"""What `helm test` says about a run's end, and about the UI."""

import pytest
from dagster import (
    DagsterEvent,
    DagsterEventType,
    DagsterRunStatus,
    Failure,
    job,
    op,
)
from dagster._core.remote_origin import (
    GrpcServerCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.test_utils import create_run_for_test, instance_for_test

from pods.trial import TrialError, check_ui, launch, wait
from support.http_server import Reply, http_server, refused_port


@pytest.fixture(scope="module")
def instance():
    with instance_for_test() as instance:
        yield instance


CODE = GrpcServerCodeLocationOrigin(host="localhost", port=4000)
ORIGIN = RemoteJobOrigin(RemoteRepositoryOrigin(CODE, "__repository__"), "small")


def reported(instance, *events):
    run = create_run_for_test(
        instance, "small", status=DagsterRunStatus.NOT_STARTED, remote_job_origin=ORIGIN
    )
    for event in events:
        instance.report_dagster_event(DagsterEvent(event.value, "small"), run.run_id)
    return run.run_id


ENQUEUED, STARTING = DagsterEventType.RUN_ENQUEUED, DagsterEventType.RUN_STARTING
STARTED, SUCCESS = DagsterEventType.RUN_START, DagsterEventType.RUN_SUCCESS


def test_a_run_that_went_the_way_of_all_others_is_told_with_what_each_part_took(instance):
    run = reported(instance, ENQUEUED, STARTING, STARTED, SUCCESS)
    assert str(wait(instance, run, 0)) == (
        "0 s in the queue, 0 s until its Job worked, 0 s of work"
    )


def test_it_waits_while_the_run_goes_on(instance):
    run = reported(instance, ENQUEUED)
    left = [STARTING, STARTED, SUCCESS]

    def next_event(_seconds):
        event = DagsterEvent(left.pop(0).value, "small")
        instance.report_dagster_event(event, run)

    wait(instance, run, 60, pause=next_event)
    assert left == []


def test_a_run_beside_the_queue_is_no_success(instance):
    run = reported(instance, STARTED, SUCCESS)
    with pytest.raises(TrialError, match="not by way of queue and launcher"):
        wait(instance, run, 0)


def test_a_run_that_does_not_begin_is_told_with_where_it_stands(instance):
    run = reported(instance, ENQUEUED)
    with pytest.raises(TrialError, match=rf"run {run} is QUEUED after 0 s; last: .*; it goes on"):
        wait(instance, run, 0)


def test_a_location_that_is_down_takes_no_job(instance, tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", instance.root_directory)
    workspace = tmp_path / "workspace.yaml"
    with refused_port() as port:
        server = f"{{host: localhost, port: {port}, location_name: here}}"
        workspace.write_text(f"load_from: [{{grpc_server: {server}}}]")
        with pytest.raises(TrialError, match=r"^here did not take small: .*Could not reach user"):
            launch(str(workspace), "here", "small")


def test_a_step_that_failed_is_told_with_its_reason(instance):
    @op
    def look():
        raise Failure("the lake is down:\nconnection refused")

    @job
    def small():
        look()

    run = small.execute_in_process(instance=instance, raise_on_error=False).run_id
    with pytest.raises(TrialError, match=r"FAILURE: .*the lake is down: connection refused"):
        wait(instance, run, 0)


def test_a_run_whose_pod_could_not_start_is_told_with_what_the_launcher_said(instance):
    run = reported(instance, ENQUEUED, STARTING)
    instance.report_run_failed(instance.get_run_by_id(run), "no image `x` in the registry")
    with pytest.raises(TrialError, match=r"FAILURE: .*no image `x` in the registry"):
        wait(instance, run, 0)


def test_a_run_that_somebody_deleted_is_told(instance):
    run = reported(instance, ENQUEUED)
    instance.delete_run(run)
    with pytest.raises(TrialError, match="somebody deleted it"):
        wait(instance, run, 0)


@pytest.mark.parametrize(
    ("healthy", "without_login", "closed", "says"),
    [
        (200, 401, True, None),
        (200, 403, True, None),
        (200, 200, False, None),
        (200, 200, True, "answers 200 without a login"),
        (503, 401, True, "answers 503 to /-/healthy"),
    ],
)
def test_the_ui_answers_and_asks_for_a_login(healthy, without_login, closed, says):
    statuses = {"/dagster/-/healthy": healthy, "/dagster/server_info": without_login}
    with http_server(lambda request: Reply(statuses[request.path])) as server:
        url = f"http://127.0.0.1:{server.port}/dagster"
        if says is None:
            check_ui(url, closed=closed)
        else:
            with pytest.raises(TrialError, match=says):
                check_ui(url, closed=closed)
    with pytest.raises(TrialError, match="does not answer"):
        check_ui(url, closed=closed)
