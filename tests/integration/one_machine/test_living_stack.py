"""How a running `make dev` deals with runs that die, or that find the warehouse in use."""

import os
import signal
from urllib.request import urlopen

import dagster as dg

from stack.pipelines import TRANSFORMATION
from stack.settings import WarehouseSettings
from support.holder import held
from support.stack_process import StackProcess

BY_HAND = f"""
import sys
sys.path.insert(0, sys.argv[1])
from dagster import DagsterInstance
from light import defs
job = defs.get_job_def("{TRANSFORMATION.name}")
job.execute_in_process(instance=DagsterInstance.get())
"""


def runs_of(dev, **filters) -> list[dg.DagsterRun]:
    return dev.instance.get_runs(dg.RunsFilter(job_name=TRANSFORMATION.name, **filters))


def test_a_run_by_hand_that_is_killed_beside_it_fails_and_gives_its_pool_back(dev):
    hold_on = dev.stack.home / "hold-on"
    hold_on.touch()
    at_home = {"DAGSTER_HOME": str(dev.stack.home / "dagster")}
    by_hand = StackProcess(dev.stack.home, dev.stack.environment | at_home)
    process = by_hand.start("-c", BY_HAND, str(dev.stack.home))
    try:
        dev.wait_for((dev.stack.home / "holds-on").exists)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        hold_on.unlink()
    (killed,) = runs_of(dev, statuses=[dg.DagsterRunStatus.STARTED])
    waits = dev.ui.launch(dev.name, TRANSFORMATION.name)
    dev.wait_for(lambda: dev.status(killed.run_id) == "FAILURE")
    dev.wait_for(lambda: dev.status(waits) == "SUCCESS")


def test_its_run_is_made_again_after_a_shell_has_held_the_warehouse(dev):
    file = WarehouseSettings(stack_home=dev.stack.home).duckdb_file
    with held(file, "reader") as holder:
        run_id = dev.ui.launch(dev.name, TRANSFORMATION.name)
        dev.wait_for(lambda: dev.status(run_id) == "FAILURE")
    dev.wait_for(lambda: again(dev, run_id) == ["SUCCESS"])
    said = [entry.user_message for entry in dev.instance.all_logs(run_id)]
    assert any("waiting up to 1 s" in line and holder.names_it(line) for line in said), said


def again(dev, run_id: str) -> list[str]:
    """How the runs have ended that were made because this one failed."""
    runs = runs_of(dev, tags={"dagster/root_run_id": run_id})
    return [run.status.value for run in runs if run.is_success]


def test_its_metrics_tell_of_its_daemon_and_its_runs(dev):
    url = f"http://127.0.0.1:{dev.stack.environment['OBSERVE_PORT']}/metrics"

    def told(series):
        try:
            with urlopen(url, timeout=60) as answer:
                return series in answer.read().decode().splitlines()
        except OSError:  # it is not up yet
            return False

    dev.wait_for(lambda: told('dagster_daemon_healthy{daemon_type="SENSOR",required="true"} 1.0'))
    run_id = dev.ui.launch(dev.name, TRANSFORMATION.name)
    dev.wait_for(lambda: dev.status(run_id) == "SUCCESS")
    job = f'job_name="{TRANSFORMATION.name}",location="{dev.name}",status="success"'
    dev.wait_for(lambda: told(f"dagster_last_run_info{{{job}}} 1.0"))
