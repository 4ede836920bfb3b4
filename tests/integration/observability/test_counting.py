"""However often counting is interrupted, each ended run counts once, and none is missed."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.storage.dagster_run import DagsterRunStatus
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from observability.metrics.counting import Sums, count
from observability.metrics.declared_runs import (
    COMPLETED_RUNS,
    RUN_DURATION,
    RUN_WAIT,
    STAGE_DURATION,
    STEP_DURATION,
)
from observability.metrics.kept import KEY, Counter
from stack.retention.runs import delete_run
from support.examples import examples

BEGAN = datetime(2026, 11, 20, 2, tzinfo=UTC)
ENDS = {
    "success": dg.DagsterEventType.RUN_SUCCESS,
    "failure": dg.DagsterEventType.RUN_FAILURE,
    "canceled": dg.DagsterEventType.RUN_CANCELED,
}


def end_run(instance, at, status="success", job="nightly", **tags):
    """A run that started ten seconds before it ended."""
    run = dg.DagsterRun(job_name=job, status=DagsterRunStatus.STARTED, tags=tags)
    instance.run_storage.add_historical_run(run, run_creation_time=at - timedelta(seconds=12))
    for kind, moment in (
        (dg.DagsterEventType.RUN_START, at - timedelta(seconds=10)),
        (ENDS[status], at),
    ):
        event = dg.DagsterEvent(kind.value, job)
        instance.run_storage.handle_run_event(run.run_id, event, moment)
    return run.run_id


def total(sums, metric=COMPLETED_RUNS):
    return sum(value for _, value in sums.counted(metric))


def test_runs_count_by_job_location_and_status(fresh):
    sums = Sums.begin(BEGAN)
    location = {"dagster/code_location": "ingestion", "stage": "ingestion"}
    end_run(fresh, BEGAN + timedelta(minutes=1), **location)
    end_run(fresh, BEGAN + timedelta(minutes=2), "failure", **location)
    end_run(fresh, BEGAN + timedelta(minutes=3), "canceled")
    end_run(fresh, BEGAN - timedelta(minutes=1))  # before it began
    found = count(fresh, sums)
    assert dict(found.counted(COMPLETED_RUNS)) == {
        ("nightly", "ingestion", "success"): 1,
        ("nightly", "ingestion", "failure"): 1,
        ("nightly", "__unknown__", "canceled"): 1,
    }
    assert {labels: h.sum for labels, h in found.observed(RUN_DURATION)}[
        "nightly", "ingestion", "success"
    ] == pytest.approx(10)
    assert {labels: h.sum for labels, h in found.observed(RUN_WAIT)}[
        "nightly", "ingestion"
    ] == pytest.approx(4)
    assert [labels for labels, _ in found.observed(STAGE_DURATION)] == [("nightly", "ingestion")]


def test_steps_are_timed_of_runs_that_happened(observed):
    sums = Sums.begin()
    observed.run("loading")
    observed.run("failing")
    found = {
        labels: sum(h.counts)
        for labels, h in count(observed.instance, sums).observed(STEP_DURATION)
    }
    assert found == {("loading", "orders"): 1, ("failing", "broken"): 1}


def test_a_run_that_gets_a_tag_long_after_its_end_does_not_count_again(fresh):
    sums = Sums.begin(BEGAN)
    old = end_run(fresh, BEGAN + timedelta(minutes=1))
    sums = count(fresh, sums)
    end_run(fresh, BEGAN + timedelta(hours=5))
    sums = count(fresh, sums)
    fresh.add_run_tags(old, {"seen": "by a person"})
    assert total(count(fresh, sums)) == 2


def test_a_clock_that_is_ahead_hides_no_run_and_counts_none_twice(fresh):
    sums = Sums.begin(datetime.now(UTC) - timedelta(minutes=1))
    end_run(fresh, datetime.now(UTC) + timedelta(days=2))
    for _ in range(3):
        sums = count(fresh, sums)
        end_run(fresh, datetime.now(UTC))
    assert total(count(fresh, sums)) == 4


def test_runs_that_are_deleted_stay_counted(fresh):
    sums = Sums.begin(BEGAN)
    ids = [end_run(fresh, BEGAN + timedelta(minutes=n)) for n in range(1, 4)]
    sums = count(fresh, sums)
    for run_id in ids:
        delete_run(fresh, run_id)
    assert total(count(fresh, sums)) == 3


@settings(max_examples=examples(20), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_each_run_counts_once_over_crashes_and_late_news(fresh, data):
    """Runs end at any moment and become visible up to nine minutes late, in any order."""
    fresh.run_storage.wipe()
    kept = sums = Sums.begin(BEGAN)
    minute, ended = 10, 0
    for _ in range(data.draw(st.integers(1, 8))):
        minute += data.draw(st.integers(0, 30))
        for late in data.draw(st.lists(st.integers(0, 9), max_size=3)):
            end_run(fresh, BEGAN + timedelta(minutes=minute - late))
            ended += 1
        event = data.draw(st.sampled_from(["count", "keep", "crash", "rest"]))
        if event == "count":
            sums = count(fresh, sums)
        elif event == "keep":
            kept = sums = count(fresh, sums)
        elif event == "crash":
            sums = Sums.model_validate_json(kept.model_dump_json())
        before = total(sums)
        assert before <= ended
    assert total(count(fresh, sums)) == ended


def test_a_process_goes_on_where_the_one_before_it_ended(fresh):
    first = Counter(fresh)
    first.count()
    now = datetime.now(UTC)
    end_run(fresh, now)
    first.count()
    first.save()
    end_run(fresh, now + timedelta(milliseconds=1))  # nobody watches
    second = Counter(fresh)
    second.count()
    assert total(second.sums) == 2


def test_sums_that_cannot_be_read_begin_anew(fresh, caplog):
    fresh.run_storage.set_cursor_values({KEY: '{"began": "of another version"}'})
    counter = Counter(fresh)
    counter.count()
    assert total(counter.sums) == 0
    assert "counting begins anew" in caplog.text


def test_what_is_remembered_of_runs_does_not_grow(fresh):
    sums = Sums.begin(BEGAN)
    for n in range(30):
        end_run(fresh, BEGAN + timedelta(minutes=15 * n + 1))
    sums = count(fresh, sums)
    assert total(sums) == 30
    assert len(sums.seen) == 1
