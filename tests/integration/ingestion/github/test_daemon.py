"""The sensor in a real daemon, and its runs through four code locations."""

import os
import time

import dagster as dg
import pytest
from dagster._core.scheduler.instigation import TickStatus

from fakes.github import REPO, TOKEN
from stack.pipelines import RELEASE, Stage
from stack.tags import STAGE_TAG
from support.daemon import daemon, skipped_with, stack_of_locations, wait_for
from support.stack_process import StackProcess

# A location as it is, but with one quick asset in place of its own.
LOCATION = """
import dagster as dg
from ingestion.github.sensor import release_sensor
from stack.locations import Location, location_definitions
from stack.pipelines import Stage

@dg.asset
def {stage}_asset() -> None: ...

defs = location_definitions(
    Location(stage=Stage("{stage}"), settings=[], assets=[{stage}_asset], sensors=[{sensor}])
)
"""
SENSOR = "github_release_sensor"


@pytest.fixture
def stack(stack_home, github) -> StackProcess:
    sensors = {Stage.INGESTION: "release_sensor(running=True, interval_s=1)"}
    sources = {
        str(stage): LOCATION.format(stage=stage, sensor=sensors.get(stage, "")) for stage in Stage
    }
    names = ("GITHUB_REPO", "GITHUB_TOKEN", "GITHUB_API_URL", "NO_PROXY")
    return stack_of_locations(stack_home, sources, {name: os.environ[name] for name in names})


def sensor_state(instance: dg.DagsterInstance):
    states = instance.all_instigator_state()
    return next((s for s in states if s.instigator_name == SENSOR), None)


def ticks(instance: dg.DagsterInstance):
    state = sensor_state(instance)
    if state is None:
        return []
    return instance.get_ticks(state.instigator_origin_id, state.selector_id)


def looked_twice_since(instance: dg.DagsterInstance, begun: float) -> bool:
    """The first look asks for the run again, the second has nothing new."""
    reasons = [t.tick_data.skip_reason for t in ticks(instance) if t.timestamp > begun]
    return any("no new release; newest: v1" in (reason or "") for reason in reasons)


def runs_of(instance: dg.DagsterInstance, tag: str) -> list[dg.DagsterRun]:
    return list(instance.get_runs(dg.RunsFilter(tags={"release/tag": tag})))


def succeeded(instance: dg.DagsterInstance, tag: str) -> bool:
    runs = runs_of(instance, tag)
    return [run.status for run in runs] == [dg.DagsterRunStatus.SUCCESS] * len(Stage)


def test_a_release_runs_all_four_stages_once_despite_failures_and_a_lost_cursor(stack, github):
    healthy = github.fault
    with dg.DagsterInstance.from_config(str(stack.home / "dagster")) as instance:
        with daemon(stack, "workspace.yaml"):
            github.fault = lambda handler: handler.answer(500, {}) is None
            wait_for(lambda: skipped_with(instance, SENSOR, "out of order (500)"), stack)
            github.fault = healthy
            wait_for(lambda: skipped_with(instance, SENSOR, "taken as known"), stack)
            before_the_release = sensor_state(instance)
            github.publish("v1")
            wait_for(lambda: succeeded(instance, "v1"), stack)
        # As if the daemon had died after the launch, before it kept the cursor.
        instance.update_instigator_state(before_the_release)
        begun = time.time()
        with daemon(stack, "ingestion.yaml"):
            wait_for(lambda: looked_twice_since(instance, begun), stack)
        runs = runs_of(instance, "v1")
        failed = [t for t in ticks(instance) if t.status == TickStatus.FAILURE]
    assert sorted(run.tags[STAGE_TAG] for run in runs) == sorted(Stage)
    assert {run.job_name for run in runs} == {RELEASE.name}
    assert {run.tags["release/repo"] for run in runs} == {REPO}
    assert all(run.tags["release/url"].endswith(run.tags["release/tag"]) for run in runs)
    assert failed == []
    written = [file for file in stack.home.rglob("*") if file.is_file()]
    assert [file for file in written if TOKEN.encode() in file.read_bytes()] == []
