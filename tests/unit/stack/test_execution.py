"""RUN_EXECUTOR decides how the assets of a run execute."""

import dagster as dg
import pytest

from stack import execution
from stack.locations import Location, location_definitions
from stack.pipelines import DAILY, MONITORING, Stage
from stack.settings import SettingsError


@dg.asset
def some_asset() -> None: ...


def executors() -> dict[str, str]:
    location = Location(stage=Stage.INGESTION, settings=[], assets=[some_asset])
    repository = location_definitions(location).get_repository_def()
    return {job.name: job.executor_def.name for job in repository.get_all_jobs()}


def test_one_process_a_run_unless_something_else_is_set(stack_home):
    assert set(executors().values()) == {"in_process"}


def test_each_asset_in_its_pod_but_a_look_at_services_in_one(stack_home, monkeypatch):
    monkeypatch.setenv("RUN_EXECUTOR", "k8s-job")
    found = executors()
    assert found[DAILY.name] == "k8s_job"
    assert found[MONITORING.name] == "in_process"
    assert found["__ASSET_JOB"] == "k8s_job"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("RUN_EXECUTOR", "k8s_job", "RUN_EXECUTOR: got 'k8s_job', but it accepts 'in-process' or"),
        ("RUN_HIGH_MEMORY_RESOURCES", "4Gi", "RUN_HIGH_MEMORY_RESOURCES: got '4Gi', but inv"),
        ("RUN_HIGH_MEMORY_RESOURCES", '{"memory": 1}', "RUN_HIGH_MEMORY_RESOURCES.memory: got 1"),
    ],
)
def test_a_wrong_value_fails_when_the_location_loads(stack_home, monkeypatch, name, value, message):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as raised:
        executors()
    assert str(raised.value).startswith(message)


def test_pods_without_their_package_are_refused_when_the_location_loads(stack_home, monkeypatch):
    monkeypatch.setenv("RUN_EXECUTOR", "k8s-job")
    monkeypatch.setattr(execution, "find_spec", lambda _name: None)
    with pytest.raises(SettingsError, match="RUN_EXECUTOR: got 'k8s-job', but package"):
        executors()
