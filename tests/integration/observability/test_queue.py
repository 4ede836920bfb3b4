"""Facts about queues of real runs: by pool, and what could start."""

from datetime import UTC, datetime

import dagster as dg
import pytest
from dagster import DagsterRunStatus
from dagster._core.execution.api import create_execution_plan
from dagster._core.remote_origin import (
    GrpcServerCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.run_coordinator import QueuedRunCoordinator
from dagster._core.test_utils import instance_for_test

from observability.facts.model import PoolFact
from observability.facts.queue import queue_of
from stack.run_storage import moment

QUEUED, STARTED = DagsterRunStatus.QUEUED, DagsterRunStatus.STARTED
LOCATION = GrpcServerCodeLocationOrigin(host="nowhere", port=1, location_name="ingestion")
ORIGIN = RemoteJobOrigin(RemoteRepositoryOrigin(LOCATION, "__repository__"), "work")
COORDINATOR = {"module": "dagster", "class": "QueuedRunCoordinator"}


@pytest.fixture(params=["sqlite", "postgres"])
def instance(request):
    overrides = {
        "run_coordinator": COORDINATOR,
        "concurrency": {
            "runs": {
                "max_concurrent_runs": 3,
                "tag_concurrency_limits": [{"key": "mailbox", "value": "me", "limit": 1}],
            },
            "pools": {"granularity": "run", "default_limit": 1},
        },
    }
    if request.param == "postgres":
        url = request.getfixturevalue("database_url")
        overrides["storage"] = {"postgres": {"postgres_url": url}}
    with instance_for_test(overrides=overrides) as instance:
        yield instance


def job(pools):
    def step(pool):
        @dg.op(name=f"in_{pool or 'none'}", pool=pool)
        def work(): ...

        return work

    @dg.job(name="work")
    def work():
        for pool in pools or (None,):
            step(pool)()

    return work


def run(instance, status, *pools, **tags):
    """When it was made."""
    found = job(pools)
    made = instance.create_run_for_job(
        found, create_execution_plan(found), status=status, tags=tags, remote_job_origin=ORIGIN
    )
    return moment(instance.get_run_record_by_id(made.run_id).create_timestamp)


def test_a_queue_without_runs_has_its_pools(instance):
    instance.event_log_storage.set_concurrency_slots("warehouse", 2)
    queue = queue_of(instance)
    assert (queue.queued, queue.in_progress, queue.limit) == (0, 0, 3)
    assert queue.pools == {"warehouse": PoolFact(2, 0, 0)}
    assert queue.oldest_ready is None


def test_a_full_pool_holds_its_own_runs_and_no_others(instance):
    instance.event_log_storage.set_concurrency_slots("warehouse", 0)
    first = run(instance, QUEUED, "warehouse")
    of_two = run(instance, QUEUED, "warehouse", "mails")
    assert queue_of(instance).oldest_ready is None
    run(instance, STARTED, "mails")
    run(instance, QUEUED, "mails")
    ready = run(instance, QUEUED)
    queue = queue_of(instance)
    assert (queue.queued, queue.in_progress, queue.oldest_queued) == (4, 1, first)
    assert queue.oldest_ready == ready
    assert queue.pools == {
        "mails": PoolFact(1, 1, 2, 1, of_two),
        "warehouse": PoolFact(0, 0, 2, 0, first),
    }
    instance.event_log_storage.set_concurrency_slots("warehouse", 1)
    assert queue_of(instance).oldest_ready == first


def test_a_run_with_a_limited_tag_may_have_to_wait_while_others_are_under_way(instance):
    limited = run(instance, QUEUED, mailbox="me")
    assert queue_of(instance).oldest_ready == limited
    run(instance, STARTED, mailbox="me")
    assert queue_of(instance).oldest_ready is None


def test_a_run_that_was_started_has_left_the_queue(instance):
    begun = datetime.now(UTC)
    run(instance, QUEUED)
    assert queue_of(instance).last_left is None
    [waits] = instance.get_runs()
    starting = dg.DagsterEvent(dg.DagsterEventType.RUN_STARTING.value, waits.job_name)
    instance.report_dagster_event(starting, waits.run_id)
    assert queue_of(instance).last_left is None  # nobody waits
    run(instance, QUEUED)
    left = queue_of(instance).last_left
    assert left is not None
    assert begun <= left <= datetime.now(UTC)


def test_no_limit_of_runs_is_none():
    overrides = {
        "run_coordinator": COORDINATOR,
        "concurrency": {"runs": {"max_concurrent_runs": -1}},
    }
    with instance_for_test(overrides=overrides) as instance:
        assert isinstance(instance.run_coordinator, QueuedRunCoordinator)
        assert queue_of(instance).limit is None
