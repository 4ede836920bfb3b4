"""The sensor in a real daemon, and its runs through two code locations."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.scheduler.instigation import TickStatus

from stack.continuation import PIPELINE_ID_TAG, STAGE_TAG
from stack.pipelines import FILES, Stage
from support.incoming import Incoming
from support.stack_process import StackProcess

DEADLINE_S = 180.0
INGESTION = """
from ingestion.incoming.assets import file_processing
from ingestion.incoming.sensor import arrival_sensor
from stack.locations import Location, location_definitions
from stack.pipelines import Stage

sensor = arrival_sensor(running=True, interval_s=1)
defs = location_definitions(Location(
    Stage.INGESTION, settings=[], assets=[], sensors=[sensor], special_assets=[file_processing],
))
"""
# The stage as it is, but with a quick asset in place of dbt's.
TRANSFORMATION = """
import dagster as dg
from stack.locations import Location, location_definitions
from stack.pipelines import Stage

@dg.asset
def dbt_run() -> None: ...

defs = location_definitions(Location(Stage.TRANSFORMATION, settings=[], assets=[dbt_run]))
"""
MANIFEST = {
    "sources": {"source.s.files.used": {"schema": "freelancer_raw", "identifier": "files_used"}},
    "child_map": {"source.s.files.used": ["model.s.stg_files__used"]},
}


@pytest.fixture
def stack(stack_home) -> StackProcess:
    home = stack_home / "dagster"
    home.mkdir(parents=True)
    (home / "dagster.yaml").write_text(
        "telemetry: {enabled: false}\n"
        "run_coordinator:\n"
        "  module: dagster.core.run_coordinator\n"
        "  class: QueuedRunCoordinator\n"
        "  config: {dequeue_interval_seconds: 1}\n"
        "concurrency: {pools: {granularity: run, default_limit: 1}}\n"
    )
    entries = ["load_from:"]
    for stage, source in {"ingestion": INGESTION, "transformation": TRANSFORMATION}.items():
        file = stack_home / f"{stage}_location.py"
        file.write_text(source)
        entries.append(f"  - python_file: {{relative_path: {file}, location_name: {stage}}}")
    (stack_home / "workspace.yaml").write_text("\n".join(entries))
    manifest = stack_home / "artifacts" / "latest" / "dbt" / "manifest.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps(MANIFEST))
    return StackProcess(stack_home, {"DAGSTER_HOME": str(home), "INCOMING_SETTLE_SECONDS": "1"})


@contextmanager
def daemon(stack: StackProcess) -> Iterator[None]:
    """A daemon over both locations, killed at the end with all that it started."""
    program = Path(sys.executable).parent / "dagster-daemon"
    with log_of(stack).open("a") as output:
        process = subprocess.Popen(
            [program, "run", "-w", stack.home / "workspace.yaml"],
            env=stack.env(),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)


def log_of(stack: StackProcess) -> Path:
    return stack.home / "daemon.log"


def wait_for(condition: Callable[[], object], stack: StackProcess) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(log_of(stack).read_text()[-4000:])
        time.sleep(0.3)


def finished(instance: dg.DagsterInstance) -> list[str]:
    """Stages of the runs that succeeded."""
    runs = instance.get_runs(
        dg.RunsFilter(job_name=FILES.name, statuses=[dg.DagsterRunStatus.SUCCESS])
    )
    return sorted(run.tags[STAGE_TAG] for run in runs)


def sensor_state(instance: dg.DagsterInstance):
    states = instance.all_instigator_state()
    return next((s for s in states if s.instigator_name == "file_arrival_sensor"), None)


def looks_since(instance: dg.DagsterInstance, begun: float) -> int:
    state = sensor_state(instance)
    ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id)
    return sum(t.timestamp > begun and t.status == TickStatus.SKIPPED for t in ticks)


def test_files_load_once_and_only_used_ones_are_modelled(stack):
    inbox = Incoming(stack.home)
    with dg.DagsterInstance.from_config(str(stack.home / "dagster")) as instance:
        with daemon(stack):
            inbox.drop("unused.csv", "id\n1\n")
            wait_for(lambda: finished(instance) == ["ingestion"], stack)
            before_the_second = sensor_state(instance)
            inbox.drop("used.csv", "id\n2\n")
            both = [str(s) for s in (Stage.INGESTION, Stage.INGESTION, Stage.TRANSFORMATION)]
            wait_for(lambda: finished(instance) == both, stack)
        # As if the daemon had died after the launch, before it kept the cursor.
        instance.update_instigator_state(before_the_second)
        begun = time.time()
        with daemon(stack):
            wait_for(lambda: looks_since(instance, begun) >= 3, stack)
        assert finished(instance) == both
        runs = instance.get_runs(dg.RunsFilter(job_name=FILES.name))
        assert len(runs) == 3
        (modelled,) = [run for run in runs if run.tags[STAGE_TAG] == Stage.TRANSFORMATION]
        first = instance.get_run_by_id(modelled.tags[PIPELINE_ID_TAG])
        assert first is not None
        files = first.run_config["ops"]["file_processing"]["config"]["files"]
        assert [file["path"] for file in files] == ["used.csv"]
        state = sensor_state(instance)
        ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id)
        assert [t.error for t in ticks if t.status == TickStatus.FAILURE] == []
    assert inbox.loaded() == {("files_unused", "(1,)"): 1, ("files_used", "(2,)"): 1}
    assert inbox.moved("processed") == ["unused.csv", "used.csv"]
