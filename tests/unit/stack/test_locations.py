"""What starts by itself does so in production only."""

import dagster as dg
import pytest

from stack.locations import Location, location_definitions
from stack.pipelines import Stage

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


def test_a_wrong_setting_fails_when_the_location_loads(stack_home, monkeypatch):
    monkeypatch.setenv("DAGSTER_ENV", "production")
    with pytest.raises(ValueError, match="DAGSTER_ENV: got 'production'"):
        location_definitions(Location(stage=Stage.INGESTION, settings=[], assets=[]))
