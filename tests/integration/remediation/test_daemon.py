"""The sensor in a real daemon: an alert passes through the locations into the archive."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import dagster as dg

from integration.remediation.stack import JOB, Stack
from stack.pipelines import REMEDIATION, Stage
from stack.settings import WarehouseSettings
from stack.warehouse import connect
from support.daemon import daemon, skipped_with, stack_of_locations, wait_for

# A location as it is, but with one sensor, which looks each second.
LOCATION = """
from dataclasses import replace
from {stage}.location import LOCATION
from stack.locations import location_definitions
from stack.remediation.sensor import alert_sensor

sensors = [alert_sensor(running=True, interval_s=1)] if "{stage}" == "ingestion" else []
defs = location_definitions(replace(LOCATION, sensors=sensors))
"""
SENSOR = "data_quality_alert_sensor"
CLIENTS = "freelancer_raw.books_clients"


def test_an_alert_runs_each_stage_once_when_its_folder_is_back_and_is_archived_as_healed(
    healthy_home: Callable[[str], Path], stack_home: Path
) -> None:
    shutil.copytree(healthy_home("duckdb"), stack_home)
    sources = {str(stage): LOCATION.format(stage=stage) for stage in REMEDIATION.stages}
    mount = stack_home / "mount"
    mount.touch()
    stack = stack_of_locations(stack_home, sources, {"ALERTS_URL": str(mount / "alerts")})
    with connect(WarehouseSettings(stack_home=stack_home)) as connection:
        before = connection.execute(f"select * from {CLIENTS} order by all").fetchall()
        connection.execute(f"insert into {CLIENTS} select * from {CLIENTS} where client_id = 1")
    with dg.DagsterInstance.from_config(str(stack_home / "dagster")) as instance:
        here = Stack(stack_home, instance)
        here.alerts.mkdir()
        (here.alerts / "broken.json").write_text('{"type":')
        here.drop(tables=["raw.books_clients"])
        with daemon(stack):
            wait_for(lambda: skipped_with(instance, SENSOR, "can't be listed"), stack)
            mount.unlink()
            mount.symlink_to(stack_home)
            wait_for(here.archived, stack)
        (archived,) = here.archived()
        runs = instance.get_runs(dg.RunsFilter(job_name=JOB))
    assert archived["handling"]["outcome"] == "healed", json.dumps(archived, indent=2)
    stages = [run["stage"] for run in archived["handling"]["runs"]]
    assert stages == [Stage.INGESTION, Stage.TRANSFORMATION, Stage.QUALITY]
    assert len(runs) == len(stages)
    assert (here.alerts / "rejected" / "broken.json.reason.txt").exists()
    with connect(WarehouseSettings(stack_home=stack_home)) as connection:
        assert connection.execute(f"select * from {CLIENTS} order by all").fetchall() == before
