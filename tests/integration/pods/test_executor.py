"""Steps as Jobs: what their pods are, and what happens to a run whose step gets none.

There is no kubelet: the test runs what a pod would, or says that it can't.
"""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.storage.tags import RETRY_ON_ASSET_OR_OP_FAILURE_TAG as RETRIED

from pods.executor import LOST_TAG

RUN_POD = "dagster-run-1-abcde"
LARGE = {"requests": {"memory": "1Gi"}, "limits": {"cpu": "2", "memory": "4Gi"}}
CODE = """
import dagster as dg
from stack.execution import choose_executor
from stack.settings import ExecutionSettings, load_settings

@dg.asset(compute_kind="high_memory")
def large() -> None: ...

@dg.asset(kinds={"high_memory"}, deps=[large], op_tags={"dagster-k8s/config": {
    "container_config": {"resources": {"limits": {"memory": "9Gi"}}}}})
def own() -> None: ...

@dg.asset(deps=[own])
def small() -> None: ...

assets = [large, own, small]
executor = choose_executor(load_settings(ExecutionSettings), assets)
defs = dg.Definitions(assets, jobs=[dg.define_asset_job("all", executor_def=executor)])
"""
CONTEXT = {
    "k8s": {
        "namespace": "data",
        "service_account_name": "prod-transformation",
        "resources": {"requests": {"memory": "384Mi"}, "limits": {"memory": "2Gi"}},
        "run_k8s_config": {
            "container_config": {"envFrom": [{"secretRef": {"name": "prod-transformation"}}]},
            "pod_spec_config": {"automountServiceAccountToken": True},
        },
    }
}
WAITING = {
    "name": "dagster", "image": "x:1", "imageID": "", "ready": False, "restartCount": 0,
    "state": {
        "waiting": {"reason": "CreateContainerConfigError", "message": 'secret "own" not found'}
    },
}  # fmt: skip


@pytest.fixture
def job(stack_home, tmp_path, monkeypatch):
    monkeypatch.setenv("RUN_EXECUTOR", "k8s-job")
    monkeypatch.setenv("RUN_HIGH_MEMORY_RESOURCES", json.dumps(LARGE))
    monkeypatch.setattr("pods.executor.LOOK_EACH_S", 1)
    code = tmp_path / "location.py"
    code.write_text(CODE)
    return ReconstructableRepository.for_file(
        str(code), "defs", str(tmp_path), container_image="stack/x:7", container_context=CONTEXT
    ).get_reconstructable_job("all")


@pytest.fixture
def run_pod(api, monkeypatch):
    api.add_pod("dagster-run-1", phase="Running")
    monkeypatch.setenv("HOSTNAME", RUN_POD)


def execute(job, instance, **tags):
    with dg.execute_job(job, instance, tags=tags, raise_on_error=False) as result:
        return result, instance.get_run_by_id(result.run_id)


def errors_of_steps(result):
    failed = [e for e in result.all_events if e.is_step_failure]
    return [e.step_failure_data.error.message for e in failed]


def by_step(api):
    """Pod template of each step's Job that was made."""
    found = {}
    for job in api.made:
        [container] = job["spec"]["template"]["spec"]["containers"]
        env = {e["name"]: e["value"] for e in container["env"]}
        found[env["DAGSTER_RUN_STEP_KEY"]] = (job, job["spec"]["template"]["spec"], container)
    return found


@pytest.fixture
def kubelet(api):
    """Runs each Job's command in a process, as its pod would."""
    threads = []

    def run(job):
        [container] = job["spec"]["template"]["spec"]["containers"]
        env = {e["name"]: e["value"] for e in container["env"] if e["name"] != "DAGSTER_HOME"}
        program = Path(sys.executable).with_name("dagster")
        subprocess.run([program, *container["args"][1:]], env=os.environ | env, check=False)
        job["status"] = {"succeeded": 1}

    def start(job):
        threads.append(threading.Thread(target=run, args=(job,)))
        threads[-1].start()

    api.on_job = start
    yield
    for thread in threads:
        thread.join()


@pytest.mark.usefixtures("run_pod", "kubelet")
def test_each_asset_is_a_job_of_its_own_with_its_resources_though_the_api_falls_silent(
    api, instance, job
):
    """The run is the retry of one that lost a pod, and isn't retried for a failure of its own."""
    made = api.on_job

    def silent_from_the_last_on(step_job):
        made(step_job)
        api.silent = len(api.made) == 3

    api.on_job = silent_from_the_last_on
    result, run = execute(job, instance, **{RETRIED: "true", LOST_TAG: "large"})
    assert result.success
    assert run.tags[RETRIED] == "false"
    steps = by_step(api)
    assert list(steps) == ["large", "own", "small"]
    memory = {key: c["resources"]["limits"]["memory"] for key, (_, _, c) in steps.items()}
    assert memory == {"large": "4Gi", "own": "9Gi", "small": "2Gi"}
    assert steps["large"][2]["resources"] == LARGE
    for step_job, pod, container in steps.values():
        assert container["image"] == "stack/x:7"
        assert container["envFrom"] == [{"secretRef": {"name": "prod-transformation"}}]
        assert pod["serviceAccountName"] == "prod-transformation"
        assert pod["automountServiceAccountToken"] is False
        # So the cluster deletes it with the run's pod.
        [owner] = step_job["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"]) == ("Pod", RUN_POD)


@pytest.mark.usefixtures("run_pod")
def test_step_that_can_not_begin_fails_the_run_with_the_reason(api, instance, job):
    def no_secret(step_job):
        name = step_job["metadata"]["name"]
        api.add_pod(name, phase="Pending", containerStatuses=[WAITING])

    api.on_job = no_secret
    result, run = execute(job, instance)
    assert not result.success
    [message] = errors_of_steps(result)
    assert 'secret "own" not found' in message
    assert not api.jobs
    assert list(api.pods) == [RUN_POD]
    assert RETRIED not in run.tags


@pytest.mark.parametrize(
    ("given", "after"),
    [
        ({}, "true"),
        ({RETRIED: "false"}, "false"),  # somebody's wish
        ({RETRIED: "true", LOST_TAG: "large"}, "true"),  # a retry that loses another pod
    ],
)
@pytest.mark.usefixtures("run_pod")
def test_step_whose_pod_is_lost_has_its_run_retried(api, instance, job, given, after):
    def evict(step_job):
        name = step_job["metadata"]["name"]
        api.jobs[name]["status"] = {"failed": 1}
        api.add_pod(name, phase="Failed", reason="Evicted", message="low on memory")

    api.on_job = evict
    result, run = execute(job, instance, **given)
    assert "low on memory" in errors_of_steps(result)[0]
    assert run.tags[RETRIED] == after


def test_k8s_job_needs_the_launcher_for_kubernetes(job):
    with (
        dg.instance_for_test() as instance,
        pytest.raises(dg.DagsterInvariantViolationError, match="RUN_EXECUTOR is k8s-job"),
    ):
        dg.execute_job(job, instance, raise_on_error=True)
