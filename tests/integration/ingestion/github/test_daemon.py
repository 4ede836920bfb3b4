"""The sensor in a real daemon, and its runs through four code locations."""

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

from fakes.github import REPO, TOKEN
from stack.continuation import STAGE_TAG
from stack.pipelines import RELEASE, Stage
from support.stack_process import StackProcess

DEADLINE_S = 240.0
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


@pytest.fixture
def stack(stack_home, github) -> StackProcess:
    home = stack_home / "dagster"
    home.mkdir(parents=True)
    (home / "dagster.yaml").write_text(
        "telemetry: {enabled: false}\n"
        "run_coordinator:\n"
        "  module: dagster.core.run_coordinator\n"
        "  class: QueuedRunCoordinator\n"
        "  config: {dequeue_interval_seconds: 1}\n"
    )
    entries = []
    for stage in Stage:
        sensor = "release_sensor(running=True, interval_s=1)" if stage == "ingestion" else ""
        file = stack_home / f"{stage}_location.py"
        file.write_text(LOCATION.format(stage=stage, sensor=sensor))
        entries.append(f"  - python_file: {{relative_path: {file}, location_name: {stage}}}")
    (stack_home / "all.yaml").write_text("\n".join(["load_from:", *entries]))
    (stack_home / "ingestion.yaml").write_text("\n".join(["load_from:", entries[0]]))
    names = ("GITHUB_REPO", "GITHUB_TOKEN", "GITHUB_API_URL", "NO_PROXY")
    environment = {name: os.environ[name] for name in names} | {"DAGSTER_HOME": str(home)}
    return StackProcess(stack_home, environment)


@contextmanager
def daemon(stack: StackProcess, workspace: str) -> Iterator[None]:
    """A daemon over some locations, killed at the end with all that it started."""
    program = Path(sys.executable).parent / "dagster-daemon"
    with log_of(stack).open("a") as output:
        process = subprocess.Popen(
            [program, "run", "-w", stack.home / workspace],
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


def sensor_state(instance: dg.DagsterInstance):
    states = instance.all_instigator_state()
    return next((s for s in states if s.instigator_name == "github_release_sensor"), None)


def ticks(instance: dg.DagsterInstance):
    state = sensor_state(instance)
    if state is None:
        return []
    return instance.get_ticks(state.instigator_origin_id, state.selector_id)


def wait_for(condition: Callable[[], object], stack: StackProcess) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(log_of(stack).read_text()[-4000:])
        time.sleep(0.3)


def skipped_with(instance: dg.DagsterInstance, text: str) -> bool:
    return any(text in (tick.tick_data.skip_reason or "") for tick in ticks(instance)[:20])


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
        with daemon(stack, "all.yaml"):
            github.fault = lambda handler: handler.answer(500, {}) is None
            wait_for(lambda: skipped_with(instance, "out of order (500)"), stack)
            github.fault = healthy
            wait_for(lambda: skipped_with(instance, "taken as known"), stack)
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
