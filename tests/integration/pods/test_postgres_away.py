"""Postgres goes away while the daemon works: no run is given up, and none runs twice."""

import json
import logging
import time
from contextlib import closing

import dagster as dg
import psycopg2
import pytest
from dagster import DagsterEventType, DagsterRunStatus
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher import LaunchRunContext
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.storage.tags import AUTO_RETRY_RUN_ID_TAG, WILL_RETRY_TAG
from dagster._core.test_utils import create_run_for_test, instance_for_test
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget, GrpcServerTarget
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from pods.connections import keep_connections
from pods.daemon import PodMonitor
from pods.retries import RetryDaemon
from pods.watch import LAUNCHING, fail_hopeless_runs
from support.code_server import code_server
from support.servers import free_port

# As a Postgres that is told to end does: it closes the connection amid a statement.
CUT = """
create sequence cuts;
create function cut() returns trigger language plpgsql as $$
begin
    if new.event like '%{mark}%' and nextval('cuts') <= {times} then
        perform pg_terminate_backend(pg_backend_pid());
        perform pg_sleep(10);
    end if;
    return new;
end $$;
create trigger cut before insert on event_logs for each row execute function cut();
"""
logger = logging.getLogger(__name__)


@dg.op
def work(): ...


@dg.job
def daily():
    work()


@pytest.fixture
def instance(settings, database_url):
    more = {
        "storage": {"postgres": {"postgres_url": database_url}},
        "run_coordinator": {"module": "dagster", "class": "QueuedRunCoordinator"},
    }
    with instance_for_test(overrides=settings | more) as instance:
        yield instance


@pytest.fixture
def cut(database_url):
    """Cut the connections of the first statements that store an event with these words."""

    def cut(mark: str, times: int) -> None:
        connection = psycopg2.connect(database_url)
        connection.autocommit = True
        connection.cursor().execute(CUT.format(mark=mark, times=times))
        connection.close()

    return cut


def starting(instance, seconds_ago: float = 0, **tags):
    repository = RepositoryPythonOrigin(
        "python", ModuleCodePointer("daily", "defs"), container_image="daily:1"
    )
    run = create_run_for_test(
        instance,
        "daily",
        status=DagsterRunStatus.NOT_STARTED,
        job_code_origin=JobPythonOrigin("daily", repository),
        tags=tags,
    )
    event = dg.DagsterEvent(DagsterEventType.RUN_STARTING.value, "daily")
    instance.report_dagster_event(event, run.run_id, timestamp=time.time() - seconds_ago)
    return instance.get_run_by_id(run.run_id)


def launch(instance, run):
    instance.run_launcher.launch_run(LaunchRunContext(dagster_run=run, workspace=None))


@pytest.mark.parametrize(
    "mark", ["Creating Kubernetes run worker job", "Kubernetes run worker job created"]
)
def test_a_connection_that_breaks_amid_a_launch_costs_no_run_and_makes_one_job(
    api, instance, cut, mark
):
    cut(mark, times=2)
    run = starting(instance)
    launch(instance, run)
    assert list(api.jobs) == [f"dagster-run-{run.run_id}"]
    assert len(api.made) == 1


def test_a_database_that_stays_away_is_not_waited_for_for_ever(api, instance, cut, monkeypatch):
    monkeypatch.setattr("pods.launcher.PATIENCE_S", 0)
    cut("Creating Kubernetes run worker job", times=1000)
    with pytest.raises(OperationalError):
        launch(instance, starting(instance))
    assert not api.jobs


def test_a_job_that_is_there_already_is_a_launch_that_went_well(api, instance):
    run = starting(instance)
    api.add_job(f"dagster-run-{run.run_id}", run.run_id, active=1)
    launch(instance, run)
    assert not api.made


def test_a_run_whose_launch_was_cut_off_before_it_made_a_job_is_launched_again(api, instance):
    forgotten = starting(instance, seconds_ago=LAUNCHING.total_seconds() + 1)
    going_on = starting(instance, seconds_ago=1)
    for _ in range(2):
        fail_hopeless_runs(instance, instance.run_launcher, logger)
    assert list(api.jobs) == [f"dagster-run-{forgotten.run_id}"]
    assert len(api.made) == 1
    for run in (forgotten, going_on):
        assert instance.get_run_by_id(run.run_id).status == DagsterRunStatus.STARTING
    # It has all of its time to start.
    assert time.time() - instance.get_run_stats(forgotten.run_id).launch_time < 60


def test_a_run_that_was_cut_off_and_whose_job_is_refused_fails_and_says_why(instance):
    tags = {"dagster-k8s/config": json.dumps({"container_config": {"image": ""}})}
    refused = starting(instance, LAUNCHING.total_seconds() + 1, **tags)
    cut_off = starting(instance, LAUNCHING.total_seconds() + 2)
    fail_hopeless_runs(instance, instance.run_launcher, logger)
    assert instance.get_run_by_id(refused.run_id).status == DagsterRunStatus.FAILURE
    [failure] = instance.all_logs(refused.run_id, of_type=DagsterEventType.RUN_FAILURE)
    assert failure.message.startswith("its Job can't be made")
    assert instance.get_run_by_id(cut_off.run_id).status == DagsterRunStatus.STARTING
    assert instance.run_launcher.jobs_of(cut_off).exists(f"dagster-run-{cut_off.run_id}")


def connected_as(store) -> int:
    with store.connect() as connection:
        return connection.execute(text("select pg_backend_pid()")).scalar()


def test_the_daemon_keeps_its_connection_and_makes_another_where_it_is_lost(instance, database_url):
    keep_connections(instance)
    run = starting(instance)
    kept = connected_as(instance.run_storage)
    assert connected_as(instance.run_storage) == kept
    with closing(psycopg2.connect(database_url)) as admin, admin.cursor() as cursor:
        cursor.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )
        assert cursor.rowcount >= 2
    assert [found.run_id for found in instance.get_runs()] == [run.run_id]
    assert instance.all_logs(run.run_id)
    assert connected_as(instance.run_storage) != kept


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with code_server(tmp_path_factory.mktemp("server"), free_port(), "daily:1", "1") as origin:
        yield GrpcServerTarget(
            host=origin.host, port=origin.port, socket=None, location_name="daily"
        )


@pytest.fixture
def workspace(instance, server):
    with WorkspaceProcessContext(instance, server) as context:
        yield context


@pytest.fixture
def failed(instance, workspace):
    """A run that failed from outside, and is to be retried."""
    location = workspace.create_request_context().get_code_location("daily")
    [repository] = location.get_repositories().values()
    job = repository.get_full_job("daily")
    run = instance.create_run_for_job(
        daily,
        remote_job_origin=job.get_remote_origin(),
        job_code_origin=job.get_python_origin(),
    )
    instance.report_run_failed(run, "its pod is gone")
    assert instance.get_run_by_id(run.run_id).tags[WILL_RETRY_TAG] == "true"
    return run.run_id


def pass_by(workspace):
    """The daemon has looked at all failures, if not at their runs."""
    cursors = {"EVENT_LOG_CONSUMER_CURSOR-PIPELINE_FAILURE": "0"}
    workspace.instance.daemon_cursor_storage.set_cursor_values(cursors)


def consume(workspace):
    """One look of the daemon that makes retries."""
    list(RetryDaemon(event_log_fetch_limit=100).run_iteration(workspace))


def monitor(workspace):
    """One look of the run monitor."""
    assert not [error for error in PodMonitor(1).run_iteration(workspace) if error]


def retry_of(instance, run_id):
    return instance.get_run_by_id(instance.get_run_by_id(run_id).tags[AUTO_RETRY_RUN_ID_TAG])


def test_a_retry_that_the_daemon_has_passed_by_is_made_once(
    instance, workspace, failed, monkeypatch
):
    pass_by(workspace)
    monitor(workspace)  # the daemon is still to look at it
    assert instance.get_runs_count() == 1
    with monkeypatch.context() as patch:  # it looks before the run's status is stored
        patch.setattr(instance, "get_run_records", lambda *_, **__: [])
        consume(workspace)
    for _ in range(2):
        monitor(workspace)
    assert retry_of(instance, failed).parent_run_id == failed
    assert instance.get_runs_count() == 2


def test_a_retry_that_the_daemon_has_made_is_not_made_again(instance, workspace, failed):
    pass_by(workspace)
    consume(workspace)
    monitor(workspace)
    assert instance.get_runs_count() == 2


@pytest.mark.parametrize("event", ["Retrying the run", "Launched as an automatic retry"])
def test_a_connection_that_breaks_amid_a_retry_costs_no_retry(
    instance, workspace, failed, cut, event
):
    pass_by(workspace)
    cut(event, times=1)
    consume(workspace)
    assert retry_of(instance, failed).status == DagsterRunStatus.NOT_STARTED
    for _ in range(2):
        monitor(workspace)
    assert retry_of(instance, failed).status == DagsterRunStatus.QUEUED
    assert instance.get_runs_count() == 2


def test_a_run_that_can_not_be_retried_is_tried_once_and_says_so(instance, workspace, failed):
    gone = WorkspaceProcessContext(instance, EmptyWorkspaceTarget())
    pass_by(workspace)
    with gone as context:
        consume(context)
        for _ in range(2):
            monitor(context)
    assert instance.get_run_by_id(failed).tags[WILL_RETRY_TAG] == "false"
    events = instance.all_logs(failed, of_type=DagsterEventType.ENGINE_EVENT)
    assert ["Failed to retry run" in event.message for event in events].count(True) == 1
    assert instance.get_runs_count() == 1
