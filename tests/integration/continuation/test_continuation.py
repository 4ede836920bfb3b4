"""Pipelines through four code locations, in a real daemon, begun from the UI's API."""

import json
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import accumulate

import dagster as dg
import pytest

from stack.options import options_config
from stack.partitions import Days, days_of, range_tags
from stack.pipelines import BACKFILL, DAILY, INCREMENTAL_SYNC, Stage
from stack.tags import PIPELINE_ID_TAG, STAGE_TAG
from support.daemon import daemon, stack_of_locations, wait_for
from support.servers import free_port
from support.stack_process import StackProcess
from support.webserver import webserver

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
LIMIT = 10
SUCCESS = dg.DagsterRunStatus.SUCCESS


@pytest.fixture
def stack(stack_home) -> StackProcess:
    return stack_of_locations(stack_home, {str(s): LOCATION.format(stage=s) for s in Stage})


@pytest.fixture
def instance(stack):
    with dg.DagsterInstance.from_config(str(stack.home / "dagster")) as instance:
        yield instance


def stages(instance, pipeline_id: str, status=SUCCESS) -> list[str]:
    tags = {PIPELINE_ID_TAG: pipeline_id}
    runs = instance.get_runs(dg.RunsFilter(tags=tags, statuses=[status]))
    return [run.tags[STAGE_TAG] for run in reversed(list(runs))]


def succeeded(instance, run_id: str) -> bool:
    return instance.get_run_by_id(run_id).status == SUCCESS


def test_a_failed_stage_that_is_executed_again_from_the_ui_continues_with_options_and_days(
    stack, instance
):
    (stack.home / "quality-fails").touch()
    config = options_config(force_full_refresh=True)
    january = range_tags(Days(date(2026, 1, 1), date(2026, 1, 31)))
    with daemon(stack), webserver(stack) as ui:
        first = ui.launch("ingestion", DAILY.name, config, **january)
        failure = dg.DagsterRunStatus.FAILURE
        wait_for(lambda: stages(instance, first, failure) == ["quality"], stack)
        assert stages(instance, first) == ["ingestion", "transformation"]
        (stack.home / "quality-fails").unlink()
        failed = instance.get_runs(dg.RunsFilter(statuses=[failure]))
        ui.reexecute(failed[0].run_id)
        wait_for(lambda: "catalog" in stages(instance, first), stack)
    assert stages(instance, first) == [str(stage) for stage in Stage]
    runs = instance.get_runs(dg.RunsFilter(statuses=[SUCCESS]))
    assert all(january.items() <= run.tags.items() for run in runs)
    notes = [
        json.loads((stack.home / f"{run.tags[STAGE_TAG]}-{run.run_id}").read_text()) for run in runs
    ]
    assert notes == [{"force_full_refresh": True}] * len(Stage)


@contextmanager
def code_server(stack, stage: Stage, port: int):
    """One location as a server of its own, as in its image."""
    file = stack.home / f"{stage}_location.py"
    program = [sys.executable, "-m", "dagster", "api", "grpc", "-f", str(file)]
    with (stack.home / f"{stage}.log").open("a") as log:
        process = subprocess.Popen(
            [*program, "--host", "127.0.0.1", "--port", str(port), "--location-name", str(stage)],
            env=stack.env(),
            stdout=log,
            stderr=log,
        )
        try:
            yield
        finally:
            process.kill()
            process.wait(120)


def test_a_pipeline_waits_for_a_location_that_is_down_and_a_daemon_that_is_gone(stack, instance):
    port = free_port()
    local = stack.home / "workspace.yaml"
    lines = [line for line in local.read_text().splitlines() if "transformation" not in line]
    server = f"  - grpc_server: {{host: 127.0.0.1, port: {port}, location_name: transformation}}"
    local.write_text("\n".join([*lines, server]))
    with webserver(stack) as ui:
        with code_server(stack, Stage.TRANSFORMATION, port), daemon(stack):
            # The daemon knows the location before it goes down.
            known = ui.launch("ingestion", INCREMENTAL_SYNC.name)
            wait_for(lambda: len(stages(instance, known)) == 2, stack)
        with daemon(stack):
            first = ui.launch("ingestion", DAILY.name)
            wait_for(lambda: succeeded(instance, first), stack)
            assert stages(instance, first) == ["ingestion"]
            with code_server(stack, Stage.TRANSFORMATION, port):
                wait_for(lambda: "transformation" in stages(instance, first), stack)
        # The daemon dies between two stages, and starts again.
        with code_server(stack, Stage.TRANSFORMATION, port), daemon(stack):
            wait_for(lambda: "catalog" in stages(instance, first), stack)
    assert Counter(stages(instance, first)) == Counter(str(stage) for stage in Stage)


def test_twenty_pipelines_at_once_keep_to_the_limit_and_run_each_stage_once(stack, instance):
    with webserver(stack) as ui:
        begun = [ui.launch("ingestion", INCREMENTAL_SYNC.name) for _ in range(20)]
        with daemon(stack):
            wanted = [str(stage) for stage in INCREMENTAL_SYNC.stages]
            wait_for(lambda: all(len(stages(instance, i)) == 2 for i in begun), stack)
    assert [stages(instance, run_id) for run_id in begun] == [wanted] * 20
    assert instance.get_runs_count() == 40
    assert 1 < most_at_once(instance) <= LIMIT


def most_at_once(instance) -> int:
    """Most runs in progress at any time, by the run records."""
    stats = [instance.get_run_stats(run.run_id) for run in instance.get_runs()]
    changes = [(s.launch_time, 1) for s in stats] + [(s.end_time, -1) for s in stats]
    return max(accumulate(change for _, change in sorted(changes)))


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


def test_a_year_of_days_is_thirteen_runs_within_the_limit(stack, instance):
    (stack.home / "ingestion_location.py").write_text(DAYS_LOCATION)
    first = date(2025, 1, 1)
    days = [str(first + timedelta(n)) for n in range(365)]
    with webserver(stack, "ingestion.yaml") as ui:
        backfill = ui.backfill("ingestion", BACKFILL.name, days)
        with daemon(stack, "ingestion.yaml"):
            wait_for(lambda: ui.backfill_progress(backfill) == {"SUCCESS": 365}, stack)
    spans = sorted((days_of(run.tags) for run in instance.get_runs()), key=lambda span: span.first)
    assert len(spans) == 13
    lengths = [(span.last - span.first).days + 1 for span in spans]
    assert max(lengths) == 30
    assert sum(lengths) == len(days)
    assert (str(spans[0].first), str(spans[-1].last)) == (days[0], days[-1])
    assert 1 < most_at_once(instance) <= LIMIT
