"""Schedules in a real daemon."""

import time
from datetime import UTC, datetime, timedelta

import dagster as dg
import yaml
from dagster._core.scheduler.instigation import ScheduleInstigatorData, TickStatus

from stack.automation import start
from stack.pipelines import DAILY, Stage
from support.daemon import daemon, stack_of_locations, wait_for
from support.stack_process import ROOT

LOCATION = """
import dagster as dg
from stack.locations import Location, location_definitions
from stack.pipelines import Stage

@dg.asset
def quick_asset() -> None: ...

defs = location_definitions(Location(stage=Stage("ingestion"), settings=[], assets=[quick_asset]))
"""


def test_the_nights_that_a_daemon_missed_are_made_up_for_by_one_run(stack_home):
    stack = stack_of_locations(stack_home, {str(Stage.INGESTION): LOCATION})
    config = stack.home / "dagster" / "dagster.yaml"
    scheduler = yaml.safe_load((ROOT / "dagster.yaml").read_text())["scheduler"]
    config.write_text(config.read_text() + yaml.safe_dump({"scheduler": scheduler}))
    with dg.DagsterInstance.from_config(str(config.parent)) as instance:
        assert start(instance, DAILY.schedule.name, stack.home / "workspace.yaml")
        (state,) = instance.all_instigator_state()
        four_days_ago = (datetime.now(UTC) - timedelta(days=4)).timestamp()
        began = ScheduleInstigatorData(DAILY.schedule.cron, four_days_ago)
        instance.update_instigator_state(state.with_data(began))
        now = time.time()
        with daemon(stack):
            wait_for(lambda: ended(instance), stack)
        ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id)
        runs = instance.get_runs()
    due = [datetime.fromtimestamp(tick.timestamp, UTC) for tick in ticks]
    assert [(at.hour, at.minute) for at in due] == [(2, 0)]
    assert now - due[0].timestamp() < timedelta(days=1).total_seconds()
    assert [tick.status for tick in ticks] == [TickStatus.SUCCESS]
    assert [run.job_name for run in runs] == [DAILY.name]


def ended(instance: dg.DagsterInstance) -> bool:
    return any(run.status == dg.DagsterRunStatus.SUCCESS for run in instance.get_runs())
