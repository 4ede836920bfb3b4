"""The sensor in a real daemon, and its runs through two code locations."""

import time

import dagster as dg
import pytest
from dagster._core.scheduler.instigation import TickStatus

from stack.pipelines import FILES, Stage
from stack.tags import PIPELINE_ID_TAG, STAGE_TAG
from support.daemon import daemon, skipped_with, stack_of_locations, wait_for
from support.dbt import manifest, node
from support.incoming import Incoming
from support.stack_process import StackProcess

INGESTION = """
from ingestion.assets import file_processing
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
SENSOR = "file_arrival_sensor"
USED = "source.s.files.used"
MANIFEST = manifest(
    node(USED, identifier="files_used"), node("model.s.stg_files__used", USED)
).model_dump_json(by_alias=True)


@pytest.fixture
def stack(stack_home) -> StackProcess:
    file = stack_home / "artifacts" / "latest" / "dbt" / "manifest.json"
    file.parent.mkdir(parents=True)
    file.write_text(MANIFEST)
    sources = {"ingestion": INGESTION, "transformation": TRANSFORMATION}
    mount = stack_home / "mount"
    mount.touch()
    variables = {"INCOMING_SETTLE_SECONDS": "1", "INCOMING_URL": str(mount / "incoming")}
    return stack_of_locations(stack_home, sources, variables)


def finished(instance: dg.DagsterInstance) -> list[str]:
    """Stages of the runs that succeeded."""
    runs = instance.get_runs(
        dg.RunsFilter(job_name=FILES.name, statuses=[dg.DagsterRunStatus.SUCCESS])
    )
    return sorted(run.tags[STAGE_TAG] for run in runs)


def sensor_state(instance: dg.DagsterInstance):
    states = instance.all_instigator_state()
    return next((s for s in states if s.instigator_name == SENSOR), None)


def looks_since(instance: dg.DagsterInstance, begun: float) -> int:
    state = sensor_state(instance)
    ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id)
    return sum(t.timestamp > begun and t.status == TickStatus.SKIPPED for t in ticks)


def test_files_load_once_and_only_used_ones_are_modelled_after_the_folder_is_back(stack):
    inbox = Incoming(stack.home)
    with dg.DagsterInstance.from_config(str(stack.home / "dagster")) as instance:
        with daemon(stack):
            wait_for(lambda: skipped_with(instance, SENSOR, "can't be listed"), stack)
            mount = stack.home / "mount"
            mount.unlink()
            mount.symlink_to(stack.home)
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
    assert inbox.processed() == ["unused.csv", "used.csv"]
