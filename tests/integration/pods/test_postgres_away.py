"""Postgres goes away while the daemon works: no run is given up, and none is made twice."""

import logging
import time
import uuid
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
from dagster._core.workspace.load_target import PythonFileTarget
from dagster._daemon.auto_run_reexecution.event_log_consumer import EventLogConsumerDaemon
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from pods.connections import keep_connections
from pods.retries import make_missed_retries, missed_retries
from pods.watch import LAUNCHING, fail_hopeless_runs

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
def database(postgres_url):
    """URL of an empty database."""
    name = f"pods_{uuid.uuid4().hex}"
    admin = psycopg2.connect(postgres_url)
    admin.autocommit = True
    admin.cursor().execute(f"create database {name}")
    admin.close()
    return f"{postgres_url.rpartition('/')[0]}/{name}"


@pytest.fixture
def instance(settings, database):
    storage = {"storage": {"postgres": {"postgres_url": database}}}
    with instance_for_test(overrides=settings | storage) as instance:
        yield instance


@pytest.fixture
def cut(database):
    """Cut the connections of the first statements that store an event with these words."""

    def cut(mark: str, times: int) -> None:
        connection = psycopg2.connect(database)
        connection.autocommit = True
        connection.cursor().execute(CUT.format(mark=mark, times=times))
        connection.close()

    return cut


def starting(instance, seconds_ago: float = 0):
    repository = RepositoryPythonOrigin(
        "python", ModuleCodePointer("daily", "defs"), container_image="daily:1"
    )
    run = create_run_for_test(
        instance,
        "daily",
        status=DagsterRunStatus.NOT_STARTED,
        job_code_origin=JobPythonOrigin("daily", repository),
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


def test_a_run_whose_launch_was_cut_off_before_it_made_a_job_is_launched_again(api, instance):
    forgotten = starting(instance, seconds_ago=LAUNCHING.total_seconds() + 1)
    going_on = starting(instance, seconds_ago=1)
    for _ in range(2):
        fail_hopeless_runs(instance, instance.run_launcher, logger)
    assert list(api.jobs) == [f"dagster-run-{forgotten.run_id}"]
    assert len(api.made) == 1
    for run in (forgotten, going_on):
        assert instance.get_run_by_id(run.run_id).status == DagsterRunStatus.STARTING


def connected_as(store) -> int:
    with store.connect() as connection:
        return connection.execute(text("select pg_backend_pid()")).scalar()


def test_the_daemon_keeps_its_connection_and_makes_another_where_it_is_lost(instance, database):
    keep_connections(instance)
    run = starting(instance)
    kept = connected_as(instance.run_storage)
    assert connected_as(instance.run_storage) == kept
    with closing(psycopg2.connect(database)) as admin, admin.cursor() as cursor:
        cursor.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )
        assert cursor.rowcount >= 2
    assert [found.run_id for found in instance.get_runs()] == [run.run_id]
    assert instance.all_logs(run.run_id)
    assert connected_as(instance.run_storage) != kept


@pytest.fixture
def workspace(instance):
    target = PythonFileTarget(__file__, "daily", None, "daily")
    with WorkspaceProcessContext(instance, target) as context:
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


def consume(workspace):
    daemon = EventLogConsumerDaemon(event_log_fetch_limit=100)
    list(daemon.run_iteration(workspace))


def test_a_retry_that_dagsters_daemon_has_passed_by_is_made_once(
    instance, workspace, failed, monkeypatch
):
    list(make_missed_retries(workspace, logger))  # Dagster's daemon may yet look at it
    assert instance.get_runs_count() == 1
    with monkeypatch.context() as patch:  # it looks before the run's status is stored
        patch.setattr(instance, "get_run_records", lambda *_, **__: [])
        instance.daemon_cursor_storage.set_cursor_values(
            {"EVENT_LOG_CONSUMER_CURSOR-PIPELINE_FAILURE": "0"}
        )
        consume(workspace)
    assert [record.dagster_run.run_id for record in missed_retries(instance)] == [failed]
    for _ in range(2):
        list(make_missed_retries(workspace, logger))
    retry = instance.get_run_by_id(failed).tags[AUTO_RETRY_RUN_ID_TAG]
    assert instance.get_run_by_id(retry).parent_run_id == failed
    assert instance.get_runs_count() == 2


def test_a_retry_that_dagsters_daemon_has_made_is_not_made_again(instance, workspace, failed):
    instance.daemon_cursor_storage.set_cursor_values(
        {"EVENT_LOG_CONSUMER_CURSOR-PIPELINE_FAILURE": "0"}
    )
    consume(workspace)
    list(make_missed_retries(workspace, logger))
    assert instance.get_runs_count() == 2
