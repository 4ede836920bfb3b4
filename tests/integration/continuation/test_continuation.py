"""Pipelines through four code locations, in a real daemon, started by the UI's API."""

import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import accumulate

import dagster as dg
import pytest

from stack.continuation import LOAD_ONLY_TAG
from stack.options import options_config
from stack.partitions import Days, days_of, range_tags
from stack.pipelines import BACKFILL, DAILY, INCREMENTAL_SYNC, Pipeline, Stage
from stack.tags import PIPELINE_ID_TAG, STAGE_TAG
from support.daemon import daemon, stack_of_locations, wait_for
from support.servers import free_port
from support.stack_process import StackProcess
from support.webserver import Webserver, webserver

# A location as it is, but with one quick asset in place of its own: it fails while a file says
# so, and notes the options that reached it.
LOCATION = """
import json, os
from pathlib import Path
import dagster as dg
from stack.locations import Location, location_definitions
from stack.options import RunOptions, takes_options
from stack.pipelines import Stage

HOME = Path(os.environ["STACK_HOME"])

@takes_options
@dg.asset
def {stage}_asset(context: dg.AssetExecutionContext, options: dg.ResourceParam[RunOptions]) -> None:
    if (HOME / "{stage}-fails").exists():
        raise RuntimeError("as the test asked")
    note = dict(force_full_refresh=options.force_full_refresh)
    (HOME / f"{stage}-{{context.run_id}}").write_text(json.dumps(note))

defs = location_definitions(
    Location(stage=Stage("{stage}"), settings=[], assets=[{stage}_asset])
)
"""
DAYS_LOCATION = """
import dagster as dg
from stack.locations import Location, location_definitions
from stack.partitions import BACKFILL_POLICY, daily_partitions
from stack.pipelines import Stage

@dg.asset(partitions_def=daily_partitions(), backfill_policy=BACKFILL_POLICY)
def ingestion_asset() -> None: ...

defs = location_definitions(
    Location(stage=Stage("ingestion"), settings=[], assets=[ingestion_asset])
)
"""
LIMIT = 2
SUCCESS = dg.DagsterRunStatus.SUCCESS


@dataclass
class Living:
    """The locations (one is a server of its own), a daemon over them, and the UI's API."""

    stack: StackProcess
    ui: Webserver
    instance: dg.DagsterInstance
    port: int
    ends: dict[str, ExitStack] = field(default_factory=lambda: defaultdict(ExitStack))

    def begin_server(self) -> None:
        """The location `transformation`, as in its image."""
        self.ends["server"].enter_context(code_server(self.stack, self.port))

    def begin_daemon(self) -> None:
        self.ends["daemon"].enter_context(daemon(self.stack))

    def kill(self, *names: str) -> None:
        for name in names:
            self.ends[name].close()


@pytest.fixture(scope="module")
def living(tmp_path_factory) -> Iterator[Living]:
    home = tmp_path_factory.mktemp("continuation")
    sources = {str(s): LOCATION.format(stage=s) for s in Stage} | {"days": DAYS_LOCATION}
    stack = stack_of_locations(home, sources, limit=LIMIT)
    port = free_port()
    local = home / "workspace.yaml"
    lines = [line for line in local.read_text().splitlines() if "transformation" not in line]
    server = f"  - grpc_server: {{host: 127.0.0.1, port: {port}, location_name: transformation}}"
    local.write_text("\n".join([*lines, server]))
    with (
        dg.DagsterInstance.from_config(str(home / "dagster")) as instance,
        webserver(stack) as ui,
    ):
        living = Living(stack, ui, instance, port)
        living.begin_server()
        living.begin_daemon()
        yield living
        living.kill("daemon", "server")


@contextmanager
def code_server(stack: StackProcess, port: int) -> Iterator[None]:
    file = stack.home / "transformation_location.py"
    program = [sys.executable, "-m", "dagster", "api", "grpc", "-f", str(file)]
    place = ["--host", "127.0.0.1", "--port", str(port), "--location-name", "transformation"]
    with (stack.home / "transformation.log").open("a") as log:
        process = subprocess.Popen([*program, *place], env=stack.env(), stdout=log, stderr=log)
        try:
            yield
        finally:
            process.kill()
            process.wait(120)


def ended(instance, pipeline_id: str, status=SUCCESS) -> list[dg.DagsterRun]:
    tags = {PIPELINE_ID_TAG: pipeline_id}
    return list(instance.get_runs(dg.RunsFilter(tags=tags, statuses=[status])))[::-1]


def stages(instance, pipeline_id: str, status=SUCCESS) -> list[str]:
    return [run.tags[STAGE_TAG] for run in ended(instance, pipeline_id, status)]


def succeeded(instance, run_id: str) -> bool:
    return instance.get_run_by_id(run_id).status == SUCCESS


def test_a_failed_stage_that_is_executed_again_from_the_ui_continues_with_options_and_days(living):
    stack, instance = living.stack, living.instance
    (stack.home / "quality-fails").touch()
    config = options_config(force_full_refresh=True)
    january = range_tags(Days(date(2026, 1, 1), date(2026, 1, 31)))
    first = living.ui.launch("ingestion", DAILY.name, config, **january)
    failure = dg.DagsterRunStatus.FAILURE
    wait_for(lambda: stages(instance, first, failure) == ["quality"], stack)
    assert stages(instance, first) == ["ingestion", "transformation"]
    (stack.home / "quality-fails").unlink()
    [failed] = ended(instance, first, failure)
    living.ui.reexecute(failed.run_id)
    wait_for(lambda: "catalog" in stages(instance, first), stack)
    assert stages(instance, first) == [str(stage) for stage in Stage]
    runs = ended(instance, first)
    assert all(january.items() <= run.tags.items() for run in runs)
    notes = [
        json.loads((stack.home / f"{run.tags[STAGE_TAG]}-{run.run_id}").read_text()) for run in runs
    ]
    assert notes == [{"force_full_refresh": True}] * len(Stage)


def test_more_pipelines_than_the_limit_keep_to_it_and_run_each_stage_once(living):
    instance, number = living.instance, LIMIT + 2
    begun = [living.ui.launch("ingestion", INCREMENTAL_SYNC.name) for _ in range(number)]
    wanted = [str(stage) for stage in INCREMENTAL_SYNC.stages]
    wait_for(lambda: all(len(stages(instance, i)) == 2 for i in begun), living.stack)
    assert [stages(instance, run_id) for run_id in begun] == [wanted] * number
    assert len(runs_of(instance, INCREMENTAL_SYNC)) == 2 * number
    assert 1 < most_at_once(instance, INCREMENTAL_SYNC) <= LIMIT


def runs_of(instance, pipeline: Pipeline) -> list[dg.DagsterRun]:
    return list(instance.get_runs(dg.RunsFilter(job_name=pipeline.name)))


def most_at_once(instance, pipeline: Pipeline) -> int:
    """Most of its runs in progress at any time, by the run records."""
    stats = [instance.get_run_stats(run.run_id) for run in runs_of(instance, pipeline)]
    changes = [(s.launch_time, 1) for s in stats] + [(s.end_time, -1) for s in stats]
    return max(accumulate(change for _, change in sorted(changes)))


def test_seventy_days_are_three_runs_within_the_limit(living):
    first = date(2025, 1, 1)
    days = [str(first + timedelta(n)) for n in range(70)]
    # Of this location only: the others would go on.
    backfill = living.ui.backfill("days", BACKFILL.name, days, **{LOAD_ONLY_TAG: "true"})
    done = {"SUCCESS": len(days)}
    wait_for(lambda: living.ui.backfill_progress(backfill) == done, living.stack)
    spans = [days_of(run.tags) for run in runs_of(living.instance, BACKFILL)]
    spans.sort(key=lambda span: span.first)
    assert [(span.last - span.first).days + 1 for span in spans] == [30, 30, 10]
    assert (str(spans[0].first), str(spans[-1].last)) == (days[0], days[-1])
    assert 1 < most_at_once(living.instance, BACKFILL) <= LIMIT


def test_a_pipeline_waits_for_a_location_that_is_down_and_a_daemon_that_is_gone(living):
    stack, instance = living.stack, living.instance
    # The daemon knows the location before it goes down.
    wait_for(lambda: "transformation_continuation_sensor" in seen(instance), stack)
    living.kill("daemon", "server")
    living.begin_daemon()
    first = living.ui.launch("ingestion", DAILY.name)
    wait_for(lambda: succeeded(instance, first), stack)
    assert stages(instance, first) == ["ingestion"]
    living.begin_server()
    wait_for(lambda: "transformation" in stages(instance, first), stack)
    # The daemon dies between two stages, and starts again.
    living.kill("daemon")
    living.begin_daemon()
    wait_for(lambda: "catalog" in stages(instance, first), stack)
    assert Counter(stages(instance, first)) == Counter(str(stage) for stage in Stage)


def seen(instance) -> set[str]:
    """Sensors that a daemon has looked at."""
    return {state.instigator_name for state in instance.all_instigator_state()}
