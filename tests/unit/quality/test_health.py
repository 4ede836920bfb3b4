"""Health of the run queue."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._daemon.types import DaemonHeartbeat

from quality.health import (
    LONG_WAIT,
    SILENT_AFTER,
    Queue,
    probe_run_queue,
    queue_health,
    read_queue,
)
from stack.monitoring import State
from stack.monitoring.durations import last_durations
from stack.pipelines import INCREMENTAL_SYNC

Type = dg.DagsterEventType

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ALIVE = {"SENSOR": NOW - timedelta(seconds=20), "SCHEDULER": NOW - timedelta(seconds=5)}


def queue(waiting=0, waited=timedelta(0), heartbeats=ALIVE, failing=()):
    return Queue(
        waiting=waiting,
        oldest_since=NOW - waited if waiting else None,
        in_progress=2,
        limit=10,
        heartbeats=heartbeats,
        failing=failing,
    )


def test_a_queue_that_moves_is_ok_and_says_how_full_it_is():
    health = queue_health(queue(3, timedelta(minutes=7)), NOW)
    assert health.state is State.OK
    assert health.sentence == "run slots in use: 2 of 10, runs waiting: 3, the oldest for 7 min"


@pytest.mark.parametrize(
    ("waited", "state"),
    [(LONG_WAIT, State.OK), (LONG_WAIT + timedelta(seconds=1), State.DEGRADED)],
)
def test_a_run_that_waits_for_long_is_degraded(waited, state):
    assert queue_health(queue(1, waited), NOW).state is state


@pytest.mark.parametrize(("waiting", "state"), [(0, State.DEGRADED), (1, State.DOWN)])
def test_a_daemon_that_is_silent_is_named_and_down_if_runs_wait(waiting, state):
    silent = ALIVE | {"SENSOR": NOW - SILENT_AFTER - timedelta(seconds=1)}
    health = queue_health(queue(waiting, heartbeats=silent), NOW)
    assert health.state is state
    assert health.sentence.startswith("SENSOR: no heartbeat for 5 minutes")


def test_a_daemon_that_was_never_heard_beside_one_that_was_is_named():
    health = queue_health(queue(heartbeats=ALIVE | {"BACKFILL": None}), NOW)
    assert (health.state, health.sentence[:9]) == (State.DEGRADED, "BACKFILL:")


def test_a_daemon_with_errors_is_named():
    health = queue_health(queue(failing=["SENSOR"]), NOW)
    assert (health.state, health.sentence[:7]) == (State.DEGRADED, "SENSOR:")


@pytest.mark.parametrize(("waiting", "state"), [(0, State.NOT_CONFIGURED), (2, State.DOWN)])
def test_without_any_daemon_waiting_runs_never_start(waiting, state):
    assert queue_health(queue(waiting, heartbeats={"SENSOR": None}), NOW).state is state


# A run can't be queued without.
ORIGIN = RemoteJobOrigin(
    RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("here"), "repository"), "some_job"
)


@dg.job
def some_job():
    pass


@dg.job(name=INCREMENTAL_SYNC.name)
def nightly():
    pass


@pytest.fixture
def instance(tmp_path):
    config = {
        "run_coordinator": {
            "module": "dagster.core.run_coordinator",
            "class": "QueuedRunCoordinator",
        },
        "concurrency": {"runs": {"max_concurrent_runs": 7}},
    }
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides=config) as instance:
        yield instance


def add_run(instance, status):
    return instance.create_run_for_job(some_job, status=status, remote_job_origin=ORIGIN)


def test_the_queue_of_an_instance(instance):
    statuses = [dg.DagsterRunStatus.QUEUED] * 2 + [
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.SUCCESS,
        dg.DagsterRunStatus.FAILURE,
    ]
    before = datetime.now(UTC) - timedelta(seconds=1)
    for status in statuses:
        add_run(instance, status)
    instance.add_daemon_heartbeat(DaemonHeartbeat(NOW.timestamp(), "SENSOR", "id", []))
    found = read_queue(instance)
    assert (found.waiting, found.in_progress, found.limit) == (2, 2, 7)
    assert found.oldest_since
    assert before <= found.oldest_since <= datetime.now(UTC)
    assert found.heartbeats["SENSOR"] == NOW
    assert found.heartbeats["QUEUED_RUN_COORDINATOR"] is None
    assert found.failing == []
    numbers = probe_run_queue(instance).numbers
    assert (numbers["waiting_runs"], numbers["runs_in_progress"]) == (2, 2)
    assert 0 <= numbers["oldest_waits_s"] < 600


def test_the_last_round_of_a_pipeline_counts_the_work_of_all_its_stages(instance):
    status = dg.DagsterRunStatus.STARTED
    for id_, stage, took in (
        ("1", "ingestion", 5),
        ("1", "transformation", 7),
        ("2", "ingestion", 9),
    ):
        tags = {"pipeline/id": id_, "stage": stage}
        run = instance.create_run_for_job(nightly, status=status, tags=tags)
        for kind, at in ((Type.RUN_START, 1000.0), (Type.RUN_SUCCESS, 1000.0 + took)):
            event = dg.DagsterEvent(kind.value, job_name=run.job_name)
            instance.handle_new_event(
                dg.EventLogEntry(
                    error_info=None, level="debug", user_message="", run_id=run.run_id,
                    timestamp=at, job_name=run.job_name, dagster_event=event,
                )
            )  # fmt: skip
    assert last_durations(instance) == {INCREMENTAL_SYNC.name: 12.0}


def test_an_instance_in_memory_has_no_daemons():
    with dg.DagsterInstance.ephemeral() as instance:
        assert queue_health(read_queue(instance), NOW).state is State.NOT_CONFIGURED
