"""Monitoring forgets its own old runs, and nobody else's."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from stack.monitoring.retention import KEPT, forget_old_runs

KEY = dg.AssetKey(["health", "x"])
LATER = datetime.now(UTC) + KEPT + timedelta(days=1)


@pytest.fixture
def instance(tmp_path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


def run(instance, name="monitoring", **tags):
    @dg.op
    def look(context):
        context.log_event(dg.AssetObservation(KEY))

    @dg.job(name=name, tags=tags)
    def job():
        look()

    return job.execute_in_process(instance=instance).run_id


def left(instance):
    return {r.run_id for r in instance.get_runs()}


def test_an_old_run_goes_with_its_events_output_and_file(instance, tmp_path):
    run_id = run(instance)
    assert list(tmp_path.rglob(f"*{run_id}*"))
    assert forget_old_runs(instance, "monitoring", {}, LATER) == 1
    assert left(instance) == set()
    assert instance.fetch_observations(KEY, limit=1).records == []
    assert [p for p in tmp_path.rglob(f"*{run_id}*") if "storage" not in p.parts] == []
    assert [p for p in Path(tmp_path, "storage").rglob("*") if p.is_file()] == []


def test_a_run_that_is_young_stays(instance):
    run_id = run(instance)
    almost = datetime.now(UTC) + KEPT - timedelta(minutes=1)
    assert forget_old_runs(instance, "monitoring", {}, almost) == 0
    assert left(instance) == {run_id}


def test_runs_of_other_jobs_and_other_locations_and_unfinished_ones_stay(instance):
    @dg.job(name="monitoring", tags={"stage": "catalog"})
    def unfinished():
        pass

    kept = {
        run(instance, "daily", stage="catalog"),
        run(instance, stage="quality"),
        instance.create_run_for_job(
            unfinished, status=dg.DagsterRunStatus.STARTED, tags={"stage": "catalog"}
        ).run_id,
    }
    run(instance, stage="catalog")
    assert forget_old_runs(instance, "monitoring", {"stage": "catalog"}, LATER) == 1
    assert left(instance) == kept


def test_of_many_only_some_go_at_a_time(instance, monkeypatch):
    monkeypatch.setattr("stack.monitoring.retention.AT_MOST", 2)

    @dg.job(name="monitoring")
    def job():
        pass

    for _ in range(3):
        instance.create_run_for_job(job, status=dg.DagsterRunStatus.SUCCESS)
    assert forget_old_runs(instance, "monitoring", {}, LATER) == 2
    assert forget_old_runs(instance, "monitoring", {}, LATER) == 1
