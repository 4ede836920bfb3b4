"""The sensor in a real daemon: an alert goes through the locations and into the archive."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg

from integration.remediation.stack import JOB, Stack
from stack.pipelines import REMEDIATION, Stage
from stack.settings import WarehouseSettings
from stack.warehouse import connect
from support.stack_process import StackProcess

DEADLINE_S = 240.0
# A location as it is, but with one sensor, which looks each second.
LOCATION = """
from dataclasses import replace
from {stage}.location import LOCATION
from stack.locations import location_definitions
from stack.remediation.sensor import alert_sensor

sensors = [alert_sensor(running=True, interval_s=1)] if "{stage}" == "ingestion" else []
defs = location_definitions(replace(LOCATION, sensors=sensors))
"""
CLIENTS = "freelancer_raw.books_clients"


def prepare(home: Path) -> StackProcess:
    folder = home / "dagster"
    folder.mkdir(parents=True)
    (folder / "dagster.yaml").write_text(
        "telemetry: {enabled: false}\n"
        "run_coordinator:\n"
        "  module: dagster.core.run_coordinator\n"
        "  class: QueuedRunCoordinator\n"
        "  config: {dequeue_interval_seconds: 1}\n"
        "concurrency: {pools: {granularity: run, default_limit: 1}}\n"
    )
    entries = []
    for stage in REMEDIATION.stages:
        file = home / f"{stage}_location.py"
        file.write_text(LOCATION.format(stage=stage))
        entries.append(f"  - python_file: {{relative_path: {file}, location_name: {stage}}}")
    (home / "workspace.yaml").write_text("\n".join(["load_from:", *entries]))
    return StackProcess(home, {"DAGSTER_HOME": str(folder)})


def wait_for(condition: Callable[[], object], log: Path) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(log.read_text()[-4000:])
        time.sleep(0.3)


def test_an_alert_runs_each_stage_once_and_is_archived_as_healed(
    healthy_home: Callable[[str], Path], stack_home: Path
) -> None:
    shutil.copytree(healthy_home("duckdb"), stack_home)
    stack = prepare(stack_home)
    with connect(WarehouseSettings(stack_home=stack_home)) as connection:
        before = connection.execute(f"select * from {CLIENTS} order by all").fetchall()
        connection.execute(f"insert into {CLIENTS} select * from {CLIENTS} where client_id = 1")
    with dg.DagsterInstance.from_config(str(stack_home / "dagster")) as instance:
        here = Stack(stack_home, instance)
        here.alerts.mkdir()
        (here.alerts / "broken.json").write_text('{"type":')
        here.drop(tables=["raw.books_clients"])
        log = stack_home / "daemon.log"
        program = Path(sys.executable).parent / "dagster-daemon"
        with log.open("w") as output:
            daemon = subprocess.Popen(
                [program, "run", "-w", stack_home / "workspace.yaml"],
                env=stack.env(),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            try:
                wait_for(here.archived, log)
            finally:
                os.killpg(daemon.pid, signal.SIGKILL)
                daemon.wait(30)
        (archived,) = here.archived()
        runs = instance.get_runs(dg.RunsFilter(job_name=JOB))
    assert archived["handling"]["outcome"] == "healed", json.dumps(archived, indent=2)
    stages = [run["stage"] for run in archived["handling"]["runs"]]
    assert stages == [Stage.INGESTION, Stage.TRANSFORMATION, Stage.QUALITY]
    assert len(runs) == len(stages)
    assert (here.alerts / "rejected" / "broken.json.reason.txt").exists()
    with connect(WarehouseSettings(stack_home=stack_home)) as connection:
        assert connection.execute(f"select * from {CLIENTS} order by all").fetchall() == before
