"""retention_pipeline and `stack retention` as shipped."""

import dagster as dg
import pytest

from code_locations.definitions import defs
from ingestion.retention import retention
from stack.artifacts import ArtifactStore
from stack.pipelines import RETENTION
from stack.settings import StackSettings
from support.stack_process import COMMAND, StackProcess

KINDS = ("runs", "artifacts", "activity", "processed files", "warehouse", "scratch")


def test_it_is_a_job_of_that_asset_alone_in_the_warehouses_pool():
    job = defs.resolve_job_def(RETENTION.name)
    assert [node.definition.pools for node in job.nodes] == [{"warehouse"}]
    assert defs.resolve_schedule_def("retention_schedule").job_name == RETENTION.name


def test_a_run_tells_the_sizes_of_every_kind(stack_home):
    with dg.instance_for_test() as instance:
        result = defs.resolve_job_def(RETENTION.name).execute_in_process(instance=instance)
        [event] = result.get_asset_materialization_events()
    told = event.materialization.metadata
    assert all(f"| {kind} |" in told["sizes"].value for kind in KINDS)
    assert told["runs_bytes_before"].value > 0


def test_a_kind_that_fails_fails_the_run_at_its_end(stack_home, monkeypatch):
    (stack_home / "scratch").mkdir(parents=True)
    monkeypatch.setenv("ARTIFACTS_URL", "no-such-store://bucket")
    with dg.instance_for_test() as instance:
        result = dg.materialize([retention], instance=instance, raise_on_error=False)
    [failed] = result.get_step_failure_events()
    told = failed.step_failure_data.user_failure_data
    assert "2 things can't be deleted, the first: artifacts: " in told.description
    assert all(f"| {kind} |" in told.metadata["sizes"].value for kind in KINDS)


@pytest.fixture
def stack(tmp_path):
    made = StackProcess(tmp_path / "stack")
    store = ArtifactStore(StackSettings(stack_home=made.home).artifacts)
    store.put("gone", "dbt/manifest.json", b"12345")
    return made


def test_the_command_says_what_it_would_delete_and_deletes_nothing(stack):
    before = sorted(p for p in (stack.home / "artifacts").rglob("*"))
    done = stack.run(COMMAND, "retention", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "| kind | before | after | would be deleted |" in done.stdout
    assert all(f"| {kind} |" in done.stdout for kind in KINDS)
    assert sorted(p for p in (stack.home / "artifacts").rglob("*")) == before


def test_the_command_deletes_by_its_policy(stack):
    stack.environment["RETENTION_ARTIFACT_DAYS"] = "-1"
    done = stack.run(COMMAND, "retention")
    assert done.returncode == 2
    assert "RETENTION_ARTIFACT_DAYS: got '-1'" in done.stderr
    stack.environment["RETENTION_ARTIFACT_DAYS"] = "90"
    done = stack.run(COMMAND, "retention")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| kind | before | after | deleted |" in done.stdout
