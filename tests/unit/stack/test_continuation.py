"""A pipeline continues in the next location exactly once, whatever happens in between."""

from datetime import UTC, datetime

import dagster as dg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stack.continuation import LOAD_ONLY_TAG, continuation_sensor, continue_run
from stack.locations import Location, location_definitions
from stack.options import RESOURCE, RUN_OPTIONS, options_config
from stack.pipelines import DAILY, FILES, INCREMENTAL_SYNC, PIPELINES, Stage
from stack.tags import PIPELINE_ID_TAG
from support.examples import examples

SUCCESS = dg.DagsterRunStatus.SUCCESS


@dg.op(required_resource_keys={RESOURCE})
def some_step():
    pass


@dg.job(resource_defs=RUN_OPTIONS)
def some_slice():
    some_step()


def sensor_of(stage: Stage) -> dg.SensorDefinition:
    jobs = [
        (p, dg.define_asset_job(p.name, selection=dg.AssetSelection.assets()))
        for p in PIPELINES
        if stage in p.stages
    ]
    sensor = continuation_sensor(stage, jobs)
    assert sensor is not None
    return sensor


def finish(
    instance, stage, pipeline=DAILY, *, status=SUCCESS, at=None, run_config=None, **tags
) -> str:
    tags = {"pipeline": pipeline.name, "stage": str(stage), **tags}
    run = instance.create_run_for_job(
        some_slice, tags=tags, status=dg.DagsterRunStatus.STARTED, run_config=run_config
    )
    if status == SUCCESS:
        instance.report_dagster_event(
            dg.DagsterEvent(event_type_value="PIPELINE_SUCCESS", job_name="some_slice"),
            run.run_id,
            timestamp=at.timestamp() if at else None,
        )
    elif status == dg.DagsterRunStatus.FAILURE:
        instance.report_run_failed(run)
    return run.run_id


def tick(instance, sensor, cursor=None):
    context = dg.build_sensor_context(instance=instance, cursor=cursor)
    result = sensor.evaluate_tick(context)
    return result.run_requests or [], result.cursor


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def test_a_finished_stage_starts_the_next_one_with_the_pipelines_id(instance):
    first = finish(instance, Stage.INGESTION)
    requests, _ = tick(instance, sensor_of(Stage.TRANSFORMATION))
    assert [(r.run_key, r.job_name, r.tags[PIPELINE_ID_TAG]) for r in requests] == [
        (first, "daily_data_pipeline", first)
    ]


def test_the_id_of_the_first_run_is_carried_through_all_stages(instance):
    finish(instance, Stage.TRANSFORMATION, **{PIPELINE_ID_TAG: "the-first"})
    requests, _ = tick(instance, sensor_of(Stage.QUALITY))
    assert requests[0].tags[PIPELINE_ID_TAG] == "the-first"


def test_later_stages_leave_the_queue_first(instance):
    priorities = []
    for stage, before in [(Stage.TRANSFORMATION, Stage.INGESTION), (Stage.CATALOG, Stage.QUALITY)]:
        finish(instance, before)
        requests, _ = tick(instance, sensor_of(stage))
        priorities.append(int(requests[0].tags["dagster/priority"]))
    assert priorities == sorted(set(priorities))


def test_a_failed_stage_starts_nothing_and_its_retry_does(instance):
    sensor = sensor_of(Stage.TRANSFORMATION)
    finish(instance, Stage.INGESTION, status=dg.DagsterRunStatus.FAILURE)
    requests, cursor = tick(instance, sensor)
    assert requests == []
    retry = finish(instance, Stage.INGESTION)
    requests, _ = tick(instance, sensor, cursor)
    assert [r.run_key for r in requests] == [retry]


def test_a_pipeline_without_the_stage_is_left_alone(instance):
    finish(instance, Stage.TRANSFORMATION, INCREMENTAL_SYNC)
    assert tick(instance, sensor_of(Stage.QUALITY))[0] == []


def test_skipped_validations_lead_straight_to_the_catalog(instance):
    finish(instance, Stage.TRANSFORMATION, **{"option/skip_validations": "true"})
    assert tick(instance, sensor_of(Stage.QUALITY))[0] == []
    requests, _ = tick(instance, sensor_of(Stage.CATALOG))
    assert requests[0].tags["option/skip_validations"] == "true"


def test_what_is_only_loaded_leads_nowhere(instance):
    finish(instance, Stage.INGESTION, FILES, **{LOAD_ONLY_TAG: "true"})
    assert tick(instance, sensor_of(Stage.TRANSFORMATION))[0] == []
    finish(instance, Stage.INGESTION, FILES)
    assert len(tick(instance, sensor_of(Stage.TRANSFORMATION))[0]) == 1


def test_config_of_a_stages_ops_and_executor_stays_in_that_stage():
    config = {
        "ops": {"file_processing": {"config": {"files": []}}},
        "execution": {"config": {"max_concurrent": 1}},
        "loggers": {"console": {}},
    }
    tags = {"pipeline": FILES.name, "stage": str(Stage.INGESTION)}
    run = dg.DagsterRun(job_name=FILES.name, run_config=config, tags=tags)
    request = continue_run(FILES, Stage.TRANSFORMATION, run)
    assert request is not None
    assert request.run_config == {"loggers": {"console": {}}}


def test_options_in_the_run_config_lead_straight_to_the_catalog_and_go_along(instance):
    run_config = options_config(skip_validations=True, target_models="+cash_in")
    finish(instance, Stage.TRANSFORMATION, run_config=run_config)
    assert tick(instance, sensor_of(Stage.QUALITY))[0] == []
    requests, _ = tick(instance, sensor_of(Stage.CATALOG))
    assert requests[0].run_config == run_config


def test_an_option_that_only_the_stage_can_read_is_left_to_it(instance, monkeypatch):
    monkeypatch.setenv("SKIP", "false")
    config = {"resources": {RESOURCE: {"config": {"skip_validations": {"env": "SKIP"}}}}}
    finish(instance, Stage.TRANSFORMATION, run_config=config)
    assert tick(instance, sensor_of(Stage.CATALOG))[0] == []
    assert len(tick(instance, sensor_of(Stage.QUALITY))[0]) == 1


def test_partitions_are_carried(instance):
    tags = {
        "dagster/asset_partition_range_start": "2026-01-01",
        "dagster/asset_partition_range_end": "2026-01-31",
    }
    finish(instance, Stage.INGESTION, **tags)
    requests, _ = tick(instance, sensor_of(Stage.TRANSFORMATION))
    assert tags.items() <= requests[0].tags.items()


def test_a_first_tick_does_not_continue_what_ended_long_ago(instance):
    finish(instance, Stage.INGESTION, at=datetime(2026, 1, 1, tzinfo=UTC))
    assert tick(instance, sensor_of(Stage.TRANSFORMATION))[0] == []


@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(["finish", "tick", "crash"]), max_size=25))
def test_each_finished_run_is_continued_exactly_once(steps):
    """`crash`: the tick's requests were launched, but its cursor was lost."""
    sensor = sensor_of(Stage.TRANSFORMATION)
    with dg.DagsterInstance.ephemeral() as instance:
        finished, launched, requested, cursor = [], set(), [], None
        for step in [*steps, "tick", "tick"]:
            if step == "finish":
                finished.append(finish(instance, Stage.INGESTION))
                continue
            requests, new_cursor = tick(instance, sensor, cursor)
            requested += [r.run_key for r in requests]
            launched |= {r.run_key for r in requests}  # the daemon drops a key that it has seen
            if step == "tick":
                cursor = new_cursor
        assert launched == set(finished)
        assert tick(instance, sensor, cursor)[0] == []
        if "crash" not in steps:
            assert len(requested) == len(finished)


GARBLED = [
    '{"since": 1e10, "seen": {"a": 1e99}}',
    '{"since": "x", "seen": {}}',
    '{"seen": 3}',
    "[]",
]


@pytest.mark.parametrize("text", ["garbled", *GARBLED])
def test_a_cursor_that_someone_garbled_hides_no_run(instance, text):
    finish(instance, Stage.INGESTION)
    requests, cursor = tick(instance, sensor_of(Stage.TRANSFORMATION), text)
    assert len(requests) == 1
    assert tick(instance, sensor_of(Stage.TRANSFORMATION), cursor)[0] == []


def test_a_location_that_begins_every_pipeline_it_has_continues_none():
    defs = location_definitions(Location(stage=Stage.INGESTION, settings=[], assets=[]))
    assert not list(defs.sensors or [])


def test_looks_every_second_or_as_often_as_it_is_told(monkeypatch):
    assert sensor_of(Stage.CATALOG).minimum_interval_seconds == 1
    monkeypatch.setenv("CONTINUATION_INTERVAL_SECONDS", "30")
    assert sensor_of(Stage.CATALOG).minimum_interval_seconds == 30
