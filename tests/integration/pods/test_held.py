"""A stage that has nothing to do is a run like any other, but gets no pod."""

from datetime import UTC, datetime

import dagster as dg
import pytest
from dagster import DagsterEventType, DagsterRunStatus
from dagster._core.launcher import LaunchRunContext
from dagster._core.storage.tags import SENSOR_NAME_TAG
from dagster._core.test_utils import create_run_for_test

from stack.continuation import continuation_sensor
from stack.held import Claim
from stack.idle import Idle
from stack.options import options_config
from stack.pipelines import DAILY, DATA_QUALITY, FILES, PIPELINES, REMEDIATION, Stage
from stack.tags import PIPELINE_ID_TAG

ASSETS = ("dbt_run", "dbt_test")
CLAIM = Claim(fingerprint="f", run_id="the-run-that-made-it", at=datetime(2026, 1, 2, tzinfo=UTC))
IDLE = Idle(count="2 models and 3 tests", assets={"dbt_run": CLAIM, "marts/cash_in": CLAIM})
TOLD = "2 models and 3 tests hold since 2026-01-02 00:00 UTC"


class Asked:
    """Tells what it is made with, and counts how often it was asked."""

    def __init__(self, answer: Idle | None) -> None:
        self.answer, self.times = answer, 0

    def __call__(self) -> Idle | None:
        self.times += 1
        return self.answer


def finish(instance, pipeline=DAILY, stage=Stage.INGESTION, run_config=None, **tags) -> str:
    tags = {"pipeline": pipeline.name, "stage": str(stage), **tags}
    run = create_run_for_test(
        instance, pipeline.name, status=DagsterRunStatus.STARTED, tags=tags, run_config=run_config
    )
    event = dg.DagsterEvent(DagsterEventType.RUN_SUCCESS.value, pipeline.name)
    instance.report_dagster_event(event, run.run_id)
    return run.run_id


def tick(instance, ask) -> dg.SensorResult:
    jobs = [
        (p, dg.define_asset_job(p.name, selection=dg.AssetSelection.assets()))
        for p in PIPELINES
        if Stage.TRANSFORMATION in p.stages
    ]
    sensor = continuation_sensor(Stage.TRANSFORMATION, jobs, ASSETS, ask)
    return sensor.evaluate_tick(dg.build_sensor_context(instance=instance))


def launched(instance, tags, parent_run_id=None) -> dg.DagsterRun:
    """A run of these tags as the daemon leaves it after its launch."""
    from integration.pods.test_postgres_away import starting

    run = starting(instance, **tags)
    if parent_run_id:
        run = run._replace(parent_run_id=parent_run_id)
    instance.run_launcher.launch_run(LaunchRunContext(dagster_run=run, workspace=None))
    return instance.get_run_by_id(run.run_id)


@pytest.fixture
def held(instance) -> dict[str, str]:
    """Tags of a run that a continuation asked for, with those of the daemon."""
    finish(instance)
    [request] = tick(instance, Asked(IDLE)).run_requests
    of_its_job = {"pipeline": DAILY.name, "stage": str(Stage.TRANSFORMATION)}
    by_the_daemon = {SENSOR_NAME_TAG: "transformation_continuation_sensor"}
    return {**request.tags, **of_its_job, **by_the_daemon}


def test_a_stage_with_nothing_to_do_ends_without_a_job_and_says_since_when(api, instance, held):
    run = launched(instance, held)
    assert run.status == DagsterRunStatus.SUCCESS
    assert not api.made
    said = [event.message for event in instance.all_logs(run.run_id)]
    assert f"No pod is started: {TOLD}." in said
    stats = instance.get_run_stats(run.run_id)
    assert stats.start_time
    assert stats.end_time


def test_the_pipeline_goes_on_behind_it_under_the_same_id(instance, held):
    run = launched(instance, held)
    sensor = continuation_sensor(
        Stage.QUALITY, [(DAILY, dg.define_asset_job(DAILY.name, dg.AssetSelection.assets()))]
    )
    requests = sensor.evaluate_tick(dg.build_sensor_context(instance=instance)).run_requests
    assert [(r.run_key, r.tags[PIPELINE_ID_TAG]) for r in requests] == [
        (run.run_id, held[PIPELINE_ID_TAG])
    ]
    assert "held" not in requests[0].tags


def test_whoever_executes_it_again_wants_it_done(api, instance, held):
    run = launched(instance, held, parent_run_id="the-held-one")
    assert list(api.jobs) == [f"dagster-run-{run.run_id}"]


def test_a_tag_that_somebody_typed_holds_nothing(api, instance):
    run = launched(instance, {"held": "as I say"})
    assert list(api.jobs) == [f"dagster-run-{run.run_id}"]


def test_its_assets_say_since_when_they_hold(instance):
    finish(instance)
    observed = tick(instance, Asked(IDLE)).asset_events
    assert [event.asset_key.path for event in observed] == [["dbt_run"], ["marts", "cash_in"]]
    assert observed[0].metadata["holds_since"] == dg.MetadataValue.dagster_run(CLAIM.run_id)


def test_a_stage_is_asked_once_for_all_pipelines_of_a_tick(instance):
    for _ in range(3):
        finish(instance)
    ask = Asked(IDLE)
    found = tick(instance, ask)
    assert (len(found.run_requests), ask.times) == (3, 1)
    assert {request.tags["held"] for request in found.run_requests} == {TOLD}


@pytest.mark.parametrize(
    "more",
    [
        {"run_config": options_config(full=True)},
        {"run_config": options_config(target_models="cash_in")},
        {"option/full": "true"},
        {"dagster/partition": "2026-01-01"},
        {"dagster/asset_partition_range_start": "2026-01-01"},
        {"pipeline": REMEDIATION},
        {"pipeline": DATA_QUALITY, "stage": Stage.INGESTION},
    ],
)
def test_who_asked_for_more_than_usual_gets_a_pod(instance, more):
    finish(instance, **more)
    ask = Asked(IDLE)
    assert all("held" not in request.tags for request in tick(instance, ask).run_requests)
    assert ask.times == 0


def test_files_that_arrived_and_changed_nothing_need_no_pod_either(instance):
    finish(instance, FILES)
    [request] = tick(instance, Asked(IDLE)).run_requests
    assert request.tags["held"] == TOLD


def test_where_something_is_to_be_done_or_it_cannot_be_told_a_pod_is_started(instance):
    finish(instance)
    found = tick(instance, Asked(None))
    assert ["held" in request.tags for request in found.run_requests] == [False]
    assert not found.asset_events


def test_without_pods_nobody_asks():
    ask = Asked(IDLE)
    with dg.instance_for_test() as instance:
        finish(instance)
        [request] = tick(instance, ask).run_requests
    assert ("held" in request.tags, ask.times) == (False, 0)
