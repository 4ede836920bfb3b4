"""pipeline_monitoring as shipped: merged, and as four slices."""

import importlib
import json
from datetime import UTC, datetime

import dagster as dg
import pytest
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)

from code_locations.definitions import defs as merged
from stack.continuation import continue_run
from stack.pipelines import MONITORING, Stage
from support.http_server import Reply, http_server
from support.stack_process import StackProcess

DEPENDENCIES = {
    Stage.INGESTION: {"airbyte", "github"},
    Stage.TRANSFORMATION: {"warehouse"},
    Stage.QUALITY: {"run_queue"},
    Stage.CATALOG: {"datahub"},
}
ALL = set().union(*DEPENDENCIES.values())


def slice_of(stage) -> dg.Definitions:
    return importlib.import_module(f"{stage}.definitions").defs


def looked_at(definitions) -> set[str]:
    job = definitions.resolve_job_def(MONITORING.name)
    return {key.asset_key.path[-1] for key in job.asset_layer.asset_graph.asset_check_keys}


def states(instance) -> dict[str, str]:
    found = {}
    for name in ALL:
        records = instance.fetch_observations(dg.AssetKey(["health", name]), limit=1).records
        if records:
            found[name] = records[0].asset_observation.metadata["state"].value
    return found


@pytest.fixture
def instance(tmp_path):
    folder = tmp_path / "instance"
    folder.mkdir()
    with dg.DagsterInstance.local_temp(str(folder)) as instance:
        yield instance


def test_merged_it_looks_at_everything_and_each_location_at_its_own():
    assert looked_at(merged) == ALL
    assert {stage: looked_at(slice_of(stage)) for stage in Stage} == DEPENDENCIES


@pytest.mark.parametrize("definitions", [merged, *map(slice_of, Stage)])
def test_it_is_scheduled_every_quarter_of_an_hour_in_each_process(definitions):
    schedule = definitions.resolve_schedule_def("monitoring_schedule")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("*/15 * * * *", "UTC")
    assert schedule.job_name == MONITORING.name


@pytest.mark.parametrize(("environment", "status"), [("prod", "RUNNING"), ("dev", "STOPPED")])
def test_its_schedule_runs_by_itself_in_production_only(tmp_path, environment, status):
    stack = StackProcess(tmp_path / "stack", {"DAGSTER_ENV": environment})
    program = (
        "from catalog.definitions import defs; "
        "print(defs.resolve_schedule_def('monitoring_schedule').default_status.name)"
    )
    assert stack.run("-c", program).stdout.split() == [status]


def test_with_nothing_configured_it_succeeds_and_says_so(stack_home, instance):
    job = merged.resolve_job_def(MONITORING.name)
    assert job.execute_in_process(instance=instance).success
    assert states(instance) == {
        "airbyte": "ok",
        "github": "not_configured",
        "warehouse": "degraded",
        "run_queue": "not_configured",
        "datahub": "ok",
    }
    assert not (stack_home / "alerts").exists()


def test_what_is_down_fails_its_own_location_only_and_is_told_once(
    stack_home, instance, monkeypatch
):
    token = "a-token-of-datahub"
    with http_server(lambda _: Reply(503)) as server:
        monkeypatch.setenv("DATAHUB_GMS_URL", server.url)
        monkeypatch.setenv("DATAHUB_GMS_TOKEN", token)
        outcomes = {
            stage: slice_of(stage)
            .resolve_job_def(MONITORING.name)
            .execute_in_process(instance=instance, raise_on_error=False)
            .success
            for stage in Stage
        }
        again = merged.resolve_job_def(MONITORING.name).execute_in_process(
            instance=instance, raise_on_error=False
        )
    assert outcomes == {stage: stage is not Stage.CATALOG for stage in Stage}
    assert not again.success
    assert {e.step_key for e in again.get_step_failure_events()} == {"catalog_health"}
    assert states(instance)["datahub"] == "down"
    assert states(instance)["airbyte"] == "ok"
    [alert] = (stack_home / "alerts").iterdir()
    assert json.loads(alert.read_text())["type"] == "outage_datahub"
    log = "\n".join(str(e) for r in instance.get_runs() for e in instance.all_logs(r.run_id))
    assert token not in log + alert.read_text()


def test_a_slice_that_has_succeeded_continues_nowhere(stack_home, instance):
    result = (
        slice_of(Stage.INGESTION)
        .resolve_job_def(MONITORING.name)
        .execute_in_process(instance=instance)
    )
    run = instance.get_run_by_id(result.run_id)
    assert run.tags["pipeline"] == MONITORING.name
    assert [continue_run(MONITORING, stage, run) for stage in Stage] == [None] * 4


def test_it_leaves_the_queue_before_any_other_pipeline():
    assert merged.resolve_job_def(MONITORING.name).tags["dagster/priority"] == "100"


def queue_run(instance, definitions, stage):
    job = definitions.resolve_job_def(MONITORING.name)
    origin = RemoteJobOrigin(
        RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(str(stage)), "repository"), job.name
    )
    instance.create_run_for_job(
        job, status=dg.DagsterRunStatus.QUEUED, remote_job_origin=origin, tags=job.tags
    )


def tick(instance, definitions):
    schedule = definitions.resolve_schedule_def("monitoring_schedule")
    context = dg.build_schedule_context(
        instance=instance,
        scheduled_execution_time=datetime(2026, 1, 1, tzinfo=UTC),
        repository_def=definitions.get_repository_def(),
    )
    return len(schedule.evaluate_tick(context).run_requests)


def test_ticks_do_not_pile_up_behind_a_run_that_waits(stack_home, instance):
    catalog, quality = slice_of(Stage.CATALOG), slice_of(Stage.QUALITY)
    assert tick(instance, catalog) == 1
    queue_run(instance, catalog, Stage.CATALOG)
    assert (tick(instance, catalog), tick(instance, quality)) == (0, 1)
