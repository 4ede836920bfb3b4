"""Nothing starts by itself outside production."""

from datetime import UTC, datetime

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from stack.locations import Location, location_definitions
from stack.pipelines import DAILY, Stage
from stack.settings import SettingsError

RUNNING, STOPPED = dg.DefaultScheduleStatus.RUNNING, dg.DefaultScheduleStatus.STOPPED


@pytest.mark.parametrize(("environment", "status"), [("prod", RUNNING), ("dev", STOPPED)])
def test_schedules_run_by_default_in_production_and_nowhere_else(
    stack_home, monkeypatch, environment, status
):
    monkeypatch.setenv("DAGSTER_ENV", environment)
    location = Location(stage=Stage.INGESTION, settings=[], assets=[])
    schedules = location_definitions(location).get_repository_def().schedule_defs
    assert {schedule.default_status for schedule in schedules} == {status}
    assert "daily_pipeline_schedule" in {schedule.name for schedule in schedules}


def nightly_tags(schedule: dg.ScheduleDefinition, instance: dg.DagsterInstance) -> dict[str, str]:
    at = datetime.now(UTC)
    with dg.build_schedule_context(instance, scheduled_execution_time=at) as context:
        [request] = schedule.evaluate_tick(context).run_requests
    return request.tags


def test_the_nightly_run_lets_nothing_hold_a_week_after_the_last_that_worked_to_its_end(stack_home):
    location = Location(stage=Stage.INGESTION, settings=[], assets=[])
    schedule = location_definitions(location).get_schedule_def("daily_pipeline_schedule")
    full = {"option/full": "true"}
    with dg.instance_for_test() as instance:
        assert full.items() <= nightly_tags(schedule, instance).items()

        def end(stage: Stage, status: str) -> None:
            tags = {"stage": str(stage), **full}
            status = dg.DagsterRunStatus[status]
            create_run_for_test(instance, "daily_data_pipeline", status=status, tags=tags)

        end(Stage.INGESTION, "SUCCESS")
        end(DAILY.stages[-1], "FAILURE")
        assert full.items() <= nightly_tags(schedule, instance).items()
        end(DAILY.stages[-1], "SUCCESS")
        assert not full.items() <= nightly_tags(schedule, instance).items()


def test_a_wrong_setting_fails_when_the_location_loads(stack_home, monkeypatch):
    monkeypatch.setenv("DAGSTER_ENV", "production")
    with pytest.raises(SettingsError, match="DAGSTER_ENV: got 'production'"):
        location_definitions(Location(stage=Stage.INGESTION, settings=[], assets=[]))


def test_a_job_runs_the_checks_that_an_asset_brings_along_and_no_twins(stack_home):
    key = dg.AssetKey("datahub_metadata_ingestion")
    own = dg.AssetCheckSpec("own", asset=key)
    other = dg.AssetCheckSpec("other", asset=key)

    @dg.multi_asset(specs=[dg.AssetSpec(key)], check_specs=[own], can_subset=True)
    def datahub_metadata_ingestion():
        yield dg.MaterializeResult()
        yield dg.AssetCheckResult(check_name="own", passed=True)

    @dg.multi_asset_check(specs=[other])
    def twin():
        raise AssertionError("runs alone only")

    location = Location(
        stage=Stage.CATALOG, settings=[], assets=[datahub_metadata_ingestion], checks=[twin]
    )
    job = location_definitions(location).get_job_def("daily_data_pipeline")
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance)
    assert [e.check_name for e in result.get_asset_check_evaluations()] == ["own"]
